/* rate.h - how often one address may ask: a bucket for each that fills again over time.
 *
 * The table does not grow.  A bucket is given to another address only when it is full again, so that nobody
 * gets a fresh one by coming from many; while none is free, new addresses wait.  IPv6 counts by its first 64
 * bits, which is what one customer is given. */
#ifndef RATE_H
#define RATE_H
#include "base.h"

#define RATE_SETS      512
#define RATE_WAYS      8
#define RATE_BURST_S   10 /* so many seconds' worth at once */
#define RATE_A_SEC_MAX 100000

typedef struct {
    uint64_t key;     /* of the address; 0: nobody's */
    uint64_t full_us; /* when it is full again */
} rate_bucket_t;

typedef struct {
    uint32_t a_second; /* 0: no limit */
    rate_bucket_t buckets[RATE_SETS][RATE_WAYS];
} rate_t;

/* rate_take takes one request of an address out; false when it has none left now.  What is no address shares
 * one bucket. */
NODISCARD bool rate_take(rate_t *rate, const char *address, uint64_t now_us);

#endif
