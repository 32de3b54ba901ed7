/* rpc_scan.h - what is asked of the storage at one block, answered in pages.
 *
 * chainHead_v1_storage and archive_v1_storage ask the same: a list of keys, each with what is wanted of it.
 * A page is short work, so that a question about everything does not hold up the loop. */
#ifndef RPC_SCAN_H
#define RPC_SCAN_H
#include "rpc_internal.h"

enum {
    SCAN_KEY_MAX   = 4096,
    SCAN_PAGE_KEYS = 1024,    /* looked at in a page */
    SCAN_PAGE_LEN  = 1 << 20, /* bytes of keys and values that end a page */
};

typedef enum { SCAN_VALUE, SCAN_HASH, SCAN_MERKLE, SCAN_VALUES, SCAN_HASHES } scan_kind_t;

typedef struct {
    scan_kind_t kind;
    uint8_t *key, *after; /* after: where to go on, of VALUES and HASHES; NULL: at the start */
    uint32_t key_len, after_len;
} scan_query_t;

typedef struct {
    hash_t at;
    scan_query_t *queries;
    uint32_t count, index;
    bool is_within; /* the query at index has begun: last is the last key it gave */
    uint8_t last[SCAN_KEY_MAX];
    uint32_t last_len;
} scan_t;

/* scan_new reads [{key, type, paginationStartKey?}]; NULL with the error set.  Of more than `most` the rest
 * is left off. */
scan_t *scan_new(call_t *call, const json_t *items, const hash_t *at, uint32_t most);
void scan_free(scan_t *scan);

/* scan_page adds what it finds to items, as {key, value | hash | closestDescendantMerkleValue}, and the bytes
 * of it to *len.  True: that was all.  The block's state must be there; rpc->arena is used. */
bool scan_page(rpc_t *rpc, scan_t *scan, json_t *items, size_t *len);

/* scan_after gives the first key after `key` that starts with prefix, with its value. */
bool scan_after(rpc_t *rpc, const hash_t *at, bytes_t prefix, bytes_t key, bytes_t *next, bytes_t *value);

/* scan_at gives the value of a key. */
bool scan_at(rpc_t *rpc, const hash_t *at, bytes_t key, bytes_t *value);

#endif
