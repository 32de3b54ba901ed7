/* runtime_json.h - any value of the runtime as JSON, and back; by the type ids of runtime_table.h.
 *
 *   integers    numbers up to 2^53 - 1, larger ones decimal strings; either is read
 *   bytes       text when all is printable and it does not start with 0x, else 0x...; arrays of bytes 0x...
 *   account     an SS58 address; hash 0x...
 *   struct      an object; a struct around one unnamed field is that field
 *   enum        "Variant", {"Variant": value}, {"Variant": [several]} or {"Variant": {named}}
 *   option      null or the value; {"Some": null} for a value that itself reads as null
 *   tuple       an array, as a vector; compact: as what it holds
 *   call        {"Pallet": {"call": {arguments}}}
 *   address     {"Id": account}; a bare SS58 address is read as one */
#ifndef RUNTIME_JSON_H
#define RUNTIME_JSON_H
#include "runtime_table.h"
#include "scale.h"
#include <jansson.h>

#define RUNTIME_JSON_DEPTH_MAX 64

/* What is wrong with a value, for its author: "dest.Id: not an address". */
typedef struct {
    char text[200];
    bool has_path;
} runtime_json_error_t;

/* runtime_json_decode reads a value of the type.  The caller owns the result; NULL when the bytes are not
 * one. */
NODISCARD json_t *runtime_json_decode(scale_reader_t *r, uint16_t type);

/* runtime_json_encode writes a value of the type.  False, with *error set, when the JSON is not one or the
 * writer is full. */
NODISCARD bool runtime_json_encode(scale_writer_t *w, uint16_t type, const json_t *value,
                                   runtime_json_error_t *error);

/* runtime_json_call writes the arguments of a call, named in the object `arguments` (NULL: none), after
 * its pallet and number. */
NODISCARD bool runtime_json_call(scale_writer_t *w, const table_pallet_t *pallet, const table_variant_t *call,
                                 const json_t *arguments, runtime_json_error_t *error);

/* runtime_json_key writes the key of a storage item; `keys` is an array of as many keys as are known, fewer
 * give the start of several keys. */
NODISCARD bool runtime_json_key(scale_writer_t *w, const table_storage_t *item, const json_t *keys,
                                runtime_json_error_t *error);

/* runtime_json_key_decode reads the keys of a map entry out of its whole storage key, as an array. */
NODISCARD json_t *runtime_json_key_decode(bytes_t key, const table_storage_t *item);

/* runtime_json_dispatch_error tells an encoded DispatchError: {"pallet", "error", "docs"} for a module's,
 * else
 * {"error": its name}.  NULL when the bytes are not one. */
NODISCARD json_t *runtime_json_dispatch_error(bytes_t encoded);

#endif
