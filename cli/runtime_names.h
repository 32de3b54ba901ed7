/* runtime_names.h - what the tables of the runtime do not hold: who may send a call, and what it may answer.
 *
 * Made by tools/callnames.py from the declarations and the rules of the pallets. */
#ifndef RUNTIME_NAMES_H
#define RUNTIME_NAMES_H
#include <stdint.h>

/* One error that a call's rules name, in the code of the call itself or of what it calls. */
typedef struct {
    const char *pallet_name; /* of the error; NULL ends the table */
    const char *error;
    uint8_t pallet, call;
} call_error_t;

extern const call_error_t runtime_call_errors[];

/* One call and who may send it. */
typedef struct {
    const char *origin; /* NULL ends the table */
    uint8_t pallet, call;
} call_origin_t;

extern const call_origin_t runtime_call_origins[];

/* What a pallet is about, in a line. */
typedef struct {
    const char *about; /* NULL ends the table */
    uint8_t pallet;
} pallet_about_t;

extern const pallet_about_t runtime_pallets_about[];

/* call_origin and pallet_about find in them; "" when they are not there. */
const char *call_origin(uint8_t pallet, uint8_t call);
const char *pallet_about(uint8_t pallet);

#endif
