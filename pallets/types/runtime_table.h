/* runtime_table.h - the runtime as data: every type, call, event, error, storage item and constant.
 *
 * For code that handles any of them, such as JSON on the command line.  Type ids are those of the
 * metadata.  A type that wraps another without a name (a newtype) is a composite with one unnamed
 * field.  The data is made from the .pallet declarations. */
#ifndef RUNTIME_TABLE_H
#define RUNTIME_TABLE_H
#include "base.h"

typedef enum {
    TABLE_COMPOSITE, /* fields */
    TABLE_VARIANT,   /* variants */
    TABLE_SEQUENCE,  /* of inner, at most `limit` items when that is not 0 */
    TABLE_ARRAY,     /* count times inner */
    TABLE_TUPLE,     /* fields, unnamed */
    TABLE_PRIMITIVE, /* inner is a table_primitive_t */
    TABLE_COMPACT,   /* of inner */
} table_form_t;

typedef enum { /* as the metadata numbers them */
               TABLE_BOOL = 0,
               TABLE_STR  = 2,
               TABLE_U8   = 3,
               TABLE_U16  = 4,
               TABLE_U32  = 5,
               TABLE_U64  = 6,
               TABLE_U128 = 7,
} table_primitive_t;

typedef struct {
    const char *name; /* NULL when it has none */
    uint16_t type;
} table_field_t;

/* One variant of an enum; also a call (its fields are the arguments), an event or an error. */
typedef struct {
    const char *name;
    const char *docs; /* "" when there are none */
    const table_field_t *fields;
    uint16_t field_count;
    uint8_t index;
} table_variant_t;

typedef struct {
    const char *name; /* last part of its path: "AccountId32"; "" when it has none */
    const table_field_t *fields;
    const table_variant_t *variants;
    uint32_t count; /* of fields, variants or items */
    uint32_t limit;
    uint16_t inner;
    uint8_t form; /* table_form_t */
} table_type_t;

typedef enum { TABLE_BLAKE2_128_CONCAT = 2, TABLE_TWOX_64_CONCAT = 5, TABLE_IDENTITY = 6 } table_hasher_t;
#define TABLE_KEYS_MAX 2

typedef struct {
    const char *name;
    const char *docs;
    bytes_t missing;                 /* what a missing value reads as; empty when `optional` */
    uint16_t value;                  /* type */
    uint16_t keys[TABLE_KEYS_MAX];   /* types */
    uint8_t hashers[TABLE_KEYS_MAX]; /* table_hasher_t */
    uint8_t key_count;
    bool optional;
    uint8_t prefix[32];
} table_storage_t;

typedef struct {
    const char *name;
    const char *docs;
    bytes_t value;
    uint16_t type;
} table_constant_t;

typedef struct {
    const char *name;   /* "TfgridModule" */
    const char *prefix; /* "tfgrid" */
    const table_variant_t *calls, *events, *errors;
    const table_storage_t *storage;
    const table_constant_t *constants;
    uint16_t call_count, event_count, error_count, storage_count, constant_count;
    uint8_t index;
} table_pallet_t;

extern const table_type_t runtime_types[];
extern const uint32_t runtime_type_count;
extern const table_pallet_t runtime_pallets[];
extern const uint32_t runtime_pallet_count;
extern const uint16_t runtime_type_call, runtime_type_event, runtime_type_dispatch_error;

/* These find by name or number; NULL when there is none.  A pallet is found by either of its names. */
const table_pallet_t *table_pallet(bytes_t name);
const table_pallet_t *table_pallet_at(uint8_t index);
const table_variant_t *table_call(const table_pallet_t *pallet, bytes_t name);
const table_storage_t *table_storage(const table_pallet_t *pallet, bytes_t name);
const table_constant_t *table_constant(const table_pallet_t *pallet, bytes_t name);

/* table_error finds a module error: its name and what it means. */
const table_variant_t *table_error(uint8_t pallet, uint8_t error);

#endif
