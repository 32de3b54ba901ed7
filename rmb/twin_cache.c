/* twin_cache.c - a table by twin id, a list by last use, and one question at a time for a twin. */
#include "twin_cache.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef struct waiter {
    twin_done_fn done; /* NULL: cancelled */
    void *context;
    twin_status_t status; /* of who is in `running` */
    const rmb_twin_t *twin;
    struct waiter *next;
} waiter_t;

typedef struct {
    waiter_t *first, **end;
} waiters_t;

/* A question to the source cannot be taken back: it outlives its entry, and even the cache. */
typedef struct question {
    twin_cache_t *cache; /* NULL: the cache is gone */
    uint32_t id;
    struct question *next;
} question_t;

typedef struct entry {
    rmb_twin_t twin;
    uint32_t id;
    bool is_known;
    question_t *question; /* while it is not known */
    waiters_t waiters;
    struct entry *next;          /* in its bucket */
    struct entry *newer, *older; /* by last use, of known entries */
} entry_t;

struct twin_cache {
    twin_source_t source;
    uint32_t capacity, bucket_count;
    entry_t **buckets;
    entry_t *newest, *oldest;
    question_t *questions;
    waiters_t running; /* being answered */
    twin_cache_stats_t stats;
};

static entry_t **bucket_of(twin_cache_t *cache, uint32_t id)
{
    return &cache->buckets[(id * 2654435761u) % cache->bucket_count];
}

static entry_t *entry_get(twin_cache_t *cache, uint32_t id)
{
    entry_t *entry = *bucket_of(cache, id);
    while (entry && entry->id != id)
        entry = entry->next;
    return entry;
}

static entry_t *entry_add(twin_cache_t *cache, uint32_t id)
{
    entry_t *entry     = calloc(1, sizeof *entry);
    entry_t **bucket   = bucket_of(cache, id);
    entry->id          = id;
    entry->next        = *bucket;
    entry->waiters.end = &entry->waiters.first;
    *bucket            = entry;
    return entry;
}

static void unlink_use(twin_cache_t *cache, entry_t *entry)
{
    if (entry->newer)
        entry->newer->older = entry->older;
    else
        cache->newest = entry->older;
    if (entry->older)
        entry->older->newer = entry->newer;
    else
        cache->oldest = entry->newer;
    entry->newer = entry->older = NULL;
}

static void link_use(twin_cache_t *cache, entry_t *entry)
{
    entry->older = cache->newest;
    if (cache->newest)
        cache->newest->newer = entry;
    else
        cache->oldest = entry;
    cache->newest = entry;
}

static void entry_remove(twin_cache_t *cache, entry_t *entry)
{
    entry_t **at = bucket_of(cache, entry->id);
    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    if (entry->is_known) {
        unlink_use(cache, entry);
        cache->stats.entries--;
    }
    free(entry);
}

static void entry_know(twin_cache_t *cache, entry_t *entry, const rmb_twin_t *twin)
{
    entry->twin = *twin;
    if (entry->is_known) return;
    entry->is_known = true;
    link_use(cache, entry);
    if (++cache->stats.entries > cache->capacity) entry_remove(cache, cache->oldest);
}

twin_cache_t *twin_cache_new(const twin_source_t *source, uint32_t capacity)
{
    assert(capacity > 0);
    twin_cache_t *cache = calloc(1, sizeof *cache);
    cache->source       = *source;
    cache->capacity     = capacity;
    cache->bucket_count = capacity;
    cache->buckets      = calloc(cache->bucket_count, sizeof(entry_t *));
    cache->running.end  = &cache->running.first;
    return cache;
}

/* Who hears an answer may ask, cancel or put: nothing is held over the call but the list. */
static void answer(twin_cache_t *cache, waiters_t *waiters, twin_status_t status, const rmb_twin_t *twin)
{
    for (waiter_t *w = waiters->first; w; w = w->next) {
        w->status = status;
        w->twin   = twin;
    }
    if (waiters->first) {
        *cache->running.end = waiters->first;
        cache->running.end  = waiters->end;
        *waiters            = (waiters_t){NULL, &waiters->first};
    }
    while (cache->running.first) {
        waiter_t *w          = cache->running.first;
        cache->running.first = w->next;
        if (!w->next) cache->running.end = &cache->running.first;
        if (w->done) w->done(w->context, w->status, w->twin);
        free(w);
    }
}

void twin_cache_free(twin_cache_t *cache)
{
    if (!cache) return;
    for (question_t *q = cache->questions; q; q = q->next)
        q->cache = NULL;
    for (uint32_t i = 0; i < cache->bucket_count; i++) {
        while (cache->buckets[i]) {
            entry_t *entry    = cache->buckets[i];
            waiters_t waiters = entry->waiters;
            if (!waiters.first) waiters.end = &waiters.first;
            entry_remove(cache, entry);
            answer(cache, &waiters, TWIN_UNAVAILABLE, NULL);
        }
    }
    free(cache->buckets);
    free(cache);
}

static void question_forget(question_t *question)
{
    question_t **at = &question->cache->questions;
    while (*at != question)
        at = &(*at)->next;
    *at = question->next;
}

static void on_twin(void *context, twin_status_t status, const rmb_twin_t *twin)
{
    question_t *question = context;
    twin_cache_t *cache  = question->cache;
    if (cache) {
        question_forget(question);
        entry_t *entry = entry_get(cache, question->id);
        if (entry && entry->question == question) {
            waiters_t waiters = entry->waiters;
            entry->question   = NULL;
            entry->waiters    = (waiters_t){NULL, &entry->waiters.first};
            if (status == TWIN_FOUND)
                entry_know(cache, entry, twin);
            else
                entry_remove(cache, entry);
            answer(cache, &waiters, status, twin);
        }
    }
    free(question);
}

static void ask(twin_cache_t *cache, entry_t *entry)
{
    question_t *question = calloc(1, sizeof *question);
    question->cache      = cache;
    question->id         = entry->id;
    question->next       = cache->questions;
    cache->questions     = question;
    entry->question      = question;
    cache->source.get(cache->source.self, entry->id, on_twin, question);
}

void twin_cache_get(twin_cache_t *cache, uint32_t twin_id, twin_done_fn done, void *context)
{
    entry_t *entry = entry_get(cache, twin_id);
    if (entry && entry->is_known) {
        cache->stats.hits++;
        unlink_use(cache, entry);
        link_use(cache, entry);
        rmb_twin_t twin = entry->twin;
        done(context, TWIN_FOUND, &twin);
        return;
    }
    cache->stats.misses++;
    bool is_new      = !entry;
    waiter_t *waiter = calloc(1, sizeof *waiter);
    waiter->done     = done;
    waiter->context  = context;
    if (is_new) entry = entry_add(cache, twin_id);
    *entry->waiters.end = waiter;
    entry->waiters.end  = &waiter->next;
    if (is_new) ask(cache, entry);
}

static void waiters_cancel(const waiters_t *waiters, const void *context)
{
    for (waiter_t *w = waiters->first; w; w = w->next)
        if (w->context == context) w->done = NULL;
}

void twin_cache_cancel(twin_cache_t *cache, const void *context)
{
    waiters_cancel(&cache->running, context);
    for (const question_t *q = cache->questions; q; q = q->next) {
        const entry_t *entry = entry_get(cache, q->id);
        if (entry) waiters_cancel(&entry->waiters, context);
    }
}

void twin_cache_put(twin_cache_t *cache, const rmb_twin_t *twin)
{
    entry_t *entry = entry_get(cache, twin->id);
    if (!entry) return;
    entry->question   = NULL;
    waiters_t waiters = entry->waiters;
    entry->waiters    = (waiters_t){NULL, &entry->waiters.first};
    if (!waiters.first) waiters.end = &waiters.first;
    entry_know(cache, entry, twin);
    answer(cache, &waiters, TWIN_FOUND, twin);
}

void twin_cache_add(twin_cache_t *cache, const rmb_twin_t *twin)
{
    if (entry_get(cache, twin->id))
        twin_cache_put(cache, twin);
    else
        entry_know(cache, entry_add(cache, twin->id), twin);
}

/* Entries that are being asked for stay: the answer is younger than the flush only if it was asked
 * after it, so they are asked for again. */
void twin_cache_flush(twin_cache_t *cache)
{
    cache->stats.flushes++;
    entry_t *newer;
    for (entry_t *entry = cache->oldest; entry; entry = newer) {
        newer = entry->newer;
        entry_remove(cache, entry);
    }
    question_t *question = cache->questions;
    while (question) {
        question_t *next = question->next;
        entry_t *entry   = entry_get(cache, question->id);
        if (entry && entry->question == question) {
            entry->question = NULL;
            ask(cache, entry);
        }
        question = next;
    }
}

void twin_cache_stats(const twin_cache_t *cache, twin_cache_stats_t *stats) { *stats = cache->stats; }

/* ---- a table ---- */

static void table_get(void *self, uint32_t twin_id, twin_done_fn done, void *context)
{
    const twin_table_t *table = self;
    for (uint32_t i = 0; i < table->count; i++) {
        if (table->twins[i].id != twin_id) continue;
        done(context, TWIN_FOUND, &table->twins[i]);
        return;
    }
    done(context, TWIN_UNKNOWN, NULL);
}

twin_source_t twin_table_source(twin_table_t *table) { return (twin_source_t){table, table_get}; }
