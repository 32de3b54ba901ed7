/* typed.h - what people write for a value of the chain, by its type: text or JSON in, exact JSON out.
 *
 *   account     an address, 0x and 64 digits, alice, bob-stash, //Any//path, me (who signs), or a key file
 *   numbers     1000000, 1_000_000, 0xff; 12.5TFT where 10^-7 TFT are counted; 16GiB where bytes are
 *   bytes       the text itself, 0x and hex, or @FILE
 *   enum        its name, in any case; with a value {"Name": value}
 *   struct      JSON, or name=value,name=value
 *   list        JSON, or items with commas between
 *   option      none, or the value
 *   call        "pallet.call arguments", JSON, or 0x and hex */
#ifndef TYPED_H
#define TYPED_H
#include "cli.h"
#include "names.h"

#define TYPED_TEXT_MAX 400

typedef struct {
    char text[TYPED_TEXT_MAX]; /* "public_ips.0.ip: must be ..." */
    uint16_t type;             /* that was wanted */
} typed_error_t;

/* typed_value reads a value; NULL with *error set when it is none of the type. */
json_t *typed_value(cli_t *cli, uint16_t type, const char *text, typed_error_t *error);

/* typed_arguments makes the arguments of a call from words: in order, NAME=VALUE, or one JSON object.  False:
 * said why. */
bool typed_arguments(cli_t *cli, const table_pallet_t *pallet, const table_variant_t *call,
                     const char *const *words, int count, json_t **arguments);

/* typed_keys makes the keys of a storage item from at most as many words as it has keys. */
bool typed_keys(cli_t *cli, const table_pallet_t *pallet, const table_storage_t *item,
                const char *const *words, int count, json_t **keys);

/* typed_describe writes what a type takes, for a person: "balance", "list of bytes (18 at most)". */
void typed_describe(uint16_t type, char *out, size_t cap);

/* typed_example writes a value of the type as it may stand on a command line. */
void typed_example(uint16_t type, const char *name, char *out, size_t cap);

#endif
