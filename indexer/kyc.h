/* kyc.h - the question that clients of the grid ask before each deployment: is this account's holder known?
 *
 * GET /api/v1/status?client_id=SS58 (or twin_id=N) -> {"result":{"status":"VERIFIED"}}; 404 for an account
 * that is not in the table.  An operator that asks nobody to prove who he is says "verified" for all. */
#ifndef KYC_H
#define KYC_H
#include "db.h"

#include <jansson.h>

typedef struct kyc kyc_t;

/* kyc_new takes "verified", or a file of lines "ADDRESS STATUS" (VERIFIED, PENDING, REJECTED; # begins a
 * comment). NULL: *error says why. */
kyc_t *kyc_new(const char *what, char error[DB_ERROR_MAX + 1]);
void kyc_free(kyc_t *kyc);

/* kyc_reload reads the file again; false: it is not fit, the old table stays. */
NODISCARD bool kyc_reload(kyc_t *kyc);

/* kyc_answer: query is that of the request.  The caller's to json_decref. */
json_t *kyc_answer(const kyc_t *kyc, db_t *db, const char *query, int *status);

#endif
