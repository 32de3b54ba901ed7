/* store_internal.h - what store.c and derive.c share. */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H
#include "store.h"

/* Ids to be looked at when the block ends; each once. */
typedef struct {
    uint32_t *ids;
    uint32_t count, cap;
} touched_t;

typedef struct piece {
    struct piece *next;
    _Alignas(16) char text[];
} piece_t;

struct store {
    db_t *db;
    store_head_t head;
    store_block_t block;
    char block_hash[67];
    bool is_open, has_failed, is_doubtful;
    uint32_t undo_seq;
    touched_t nodes, farms;
    bool are_prices_touched;
    piece_t *pieces;                                                 /* texts of this block */
    char *put[TABLE_COUNT], *get[TABLE_COUNT], *remove[TABLE_COUNT]; /* statements */
    store_head_t before;                                             /* the head when the transaction began */
};

void derive_block(store_t *store);

#endif
