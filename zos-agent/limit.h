/* limit.h - how often one twin may ask: a bucket for each that fills again over time.
 *
 * The table does not grow.  A bucket is given to another twin only when it is full again, so that nobody gets
 * a fresh one by taking turns with others; while none is free, new twins wait. */
#ifndef LIMIT_H
#define LIMIT_H
#include "base.h"

#define LIMIT_SETS     256
#define LIMIT_WAYS     8
#define LIMIT_BURST    240
#define LIMIT_A_MINUTE 240

typedef struct {
    uint32_t twin_id; /* 0: nobody's */
    uint32_t left;
    uint64_t at_ms; /* left was true then */
} limit_bucket_t;

typedef struct {
    limit_bucket_t buckets[LIMIT_SETS][LIMIT_WAYS];
} limit_t;

/* limit_take takes one request of a twin out; false when it has none left now. */
bool limit_take(limit_t *limit, uint32_t twin_id, uint64_t now_ms);

#endif
