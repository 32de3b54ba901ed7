/* advice.h - errors of the chain told to a person: where they come from, what they mean, what to do. */
#ifndef ADVICE_H
#define ADVICE_H
#include "cli.h"
#include "runtime_table.h"

/* error_advice says what to do about an error; "" when there is nothing more to say than its documentation.
 */
const char *error_advice(const char *error);

/* error_docs is the documentation of an error; the words of its name, in room, when it has none. */
const char *error_docs(const table_variant_t *error, char room[120]);
void error_words(const char *error, char out[120]);

/* errors_name adds "pallet", "name" and "docs" to every module error within events or calls as JSON. */
void errors_name(json_t *json);

#endif
