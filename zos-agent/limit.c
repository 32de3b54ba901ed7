/* limit.c - buckets in sets. */
#include "limit.h"

static void fill(limit_bucket_t *bucket, uint64_t now_ms)
{
    if (now_ms < bucket->at_ms) bucket->at_ms = now_ms; /* the clock was set back */
    uint64_t more = (now_ms - bucket->at_ms) * LIMIT_A_MINUTE / 60000;
    if (more == 0) return;
    bucket->left  = more >= LIMIT_BURST - bucket->left ? LIMIT_BURST : bucket->left + (uint32_t)more;
    bucket->at_ms = now_ms;
}

static limit_bucket_t *bucket_of(limit_t *limit, uint32_t twin_id, uint64_t now_ms)
{
    limit_bucket_t *set = limit->buckets[(twin_id * 2654435761u >> 16) % LIMIT_SETS], *free_one = NULL;
    for (uint32_t i = 0; i < LIMIT_WAYS; i++) {
        if (set[i].twin_id == twin_id) return &set[i];
        if (set[i].twin_id != 0) fill(&set[i], now_ms);
        if (set[i].twin_id == 0 || set[i].left == LIMIT_BURST) free_one = &set[i];
    }
    if (free_one) *free_one = (limit_bucket_t){.twin_id = twin_id, .left = LIMIT_BURST, .at_ms = now_ms};
    return free_one;
}

bool limit_take(limit_t *limit, uint32_t twin_id, uint64_t now_ms)
{
    limit_bucket_t *bucket = bucket_of(limit, twin_id, now_ms);
    if (!bucket) return false;
    fill(bucket, now_ms);
    if (bucket->left == 0) return false;
    bucket->left--;
    return true;
}
