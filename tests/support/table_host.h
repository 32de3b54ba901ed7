/* table_host.h - a host for tests: state as a table, with layers that can be undone.
 *
 * It grows as it must.  Values last until the table is freed, so what a runtime read stays readable.
 * Signatures are refused unless table_verify_with says who verifies them. */
#ifndef TABLE_HOST_H
#define TABLE_HOST_H
#include "rt.h"

typedef struct table table_t;

table_t *table_new(void);
void table_free(table_t *table);

/* table_host is the seam over the table; it lasts as long as the table. */
host_t table_host(table_t *table);

/* table_verify_with sets who verifies signatures; NULL: every signature is refused. */
typedef bool (*table_verify_t)(void *state, uint8_t kind, bytes_t signature, bytes_t message,
                               const account_id_t *signer);
void table_verify_with(table_t *table, table_verify_t verify);

/* table_root_with sets how the root is made from all entries; without it the root is 32 zero bytes. */
typedef struct {
    bytes_t key, value;
} table_entry_t;
typedef hash_t (*table_root_t)(const table_entry_t *entries, uint32_t count);
void table_root_with(table_t *table, table_root_t root);

/* table_entries gives every entry, sorted by key; valid until the next change.  table_depth is how many
 * layers are open. */
const table_entry_t *table_entries(table_t *table, uint32_t *count);
uint32_t table_depth(const table_t *table);

/* table_changes gives what is other than it was when the newest open layer began, each key once and at most
 * `most` of them; their count.  Nothing open: the program ends. */
typedef struct {
    bytes_t key, before, now;
    bool was, is; /* there was a value, there is one */
} table_change_t;
uint32_t table_changes(table_t *table, table_change_t *changes, uint32_t most);

#endif
