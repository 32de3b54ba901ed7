/* queue.c - tables by hash and by tag, and the walk in the order of a block. */

#include "queue.h"

#include <stdlib.h>
#include <string.h>

static uint32_t bucket_of_tag(const uint8_t *tag, uint32_t len)
{
    uint64_t h = UINT64_C(1469598103934665603);
    for (uint32_t i = 0; i < len; i++)
        h = (h ^ tag[i]) * UINT64_C(1099511628211);
    return (uint32_t)(h >> 32 ^ h) % BUCKETS;
}

static uint32_t bucket_of_hash(const hash_t *hash)
{
    uint32_t h;
    memcpy(&h, hash->b, sizeof h);
    return h % BUCKETS;
}

static bool is_same_tag(const tag_t *tag, const uint8_t *bytes, uint32_t len)
{
    return tag->len == len && memcmp(tag->bytes, bytes, len) == 0;
}

/* ------------------------------------------------------------------------------------ entries */

static bool copy_tags(entry_t *entry, tag_t *to, uint32_t cap, const bytes_t *from, uint32_t count)
{
    if (count > cap) return false;
    for (uint32_t i = 0; i < count; i++) {
        if (from[i].len > TAG_MAX) return false;
        to[i] = (tag_t){.owner = entry, .len = (uint8_t)from[i].len};
        memcpy(to[i].bytes, from[i].data, from[i].len);
    }
    return true;
}

bool queue_set_tags(entry_t *entry, const transaction_t *t, uint32_t at)
{
    if (t->provides_count == 0 || !copy_tags(entry, entry->requires, 1, t->requires, t->requires_count) ||
        !copy_tags(entry, entry->provides, PROVIDES_MAX, t->provides, t->provides_count))
        return false;
    entry->requires_count = t->requires_count;
    entry->provides_count = t->provides_count;
    entry->priority       = t->priority;
    entry->valid_till     = t->longevity > UINT64_MAX - at ? UINT64_MAX : at + t->longevity;
    return true;
}

entry_t *queue_entry(const hash_t *hash, bytes_t extrinsic, const transaction_t *transaction, uint32_t at)
{
    entry_t *entry = calloc(1, sizeof *entry + extrinsic.len);
    if (!entry) abort();
    entry->hash = *hash;
    entry->len  = extrinsic.len;
    memcpy(entry->bytes, extrinsic.data, extrinsic.len);
    if (queue_set_tags(entry, transaction, at)) return entry;
    free(entry);
    return NULL;
}

void queue_free_entry(entry_t *entry)
{
    for (watcher_t *w = entry->watchers, *next; w; w = next) {
        next = w->next;
        free(w);
    }
    free(entry);
}

/* ------------------------------------------------------------------------------------ tables */

static void link_tag(tag_t **table, tag_t *tag)
{
    tag_t **bucket = &table[bucket_of_tag(tag->bytes, tag->len)];
    tag->next      = *bucket;
    *bucket        = tag;
    tag->is_linked = true;
}

static void unlink_tag(tag_t **table, tag_t *tag)
{
    if (!tag->is_linked) return;
    for (tag_t **at = &table[bucket_of_tag(tag->bytes, tag->len)]; *at; at = &(*at)->next)
        if (*at == tag) {
            *at            = tag->next;
            tag->is_linked = false;
            return;
        }
}

static void link_state(queue_t *queue, entry_t *entry, entry_state_t state)
{
    entry->state = state;
    entry->next  = queue->lists[state];
    entry->here  = &queue->lists[state];
    if (entry->next) entry->next->here = &entry->next;
    queue->lists[state] = entry;
    queue->counts[state]++;
    for (uint32_t i = 0; state == ENTRY_READY && i < entry->provides_count; i++)
        link_tag(queue->providers, &entry->provides[i]);
    for (uint32_t i = 0; state != ENTRY_INCLUDED && i < entry->requires_count; i++)
        link_tag(queue->waiters, &entry->requires[i]);
    if (state != ENTRY_INCLUDED) queue->bytes += entry->len;
}

static void unlink_state(queue_t *queue, entry_t *entry)
{
    *entry->here = entry->next;
    if (entry->next) entry->next->here = entry->here;
    queue->counts[entry->state]--;
    for (uint32_t i = 0; i < entry->provides_count; i++)
        unlink_tag(queue->providers, &entry->provides[i]);
    for (uint32_t i = 0; i < entry->requires_count; i++)
        unlink_tag(queue->waiters, &entry->requires[i]);
    if (entry->state != ENTRY_INCLUDED) queue->bytes -= entry->len;
}

void queue_add(queue_t *queue, entry_t *entry, entry_state_t state)
{
    uint32_t bucket        = bucket_of_hash(&entry->hash);
    entry->next_same_hash  = queue->by_hash[bucket];
    queue->by_hash[bucket] = entry;
    entry->order           = queue->next_order++;
    link_state(queue, entry, state);
}

void queue_take(queue_t *queue, entry_t *entry)
{
    unlink_state(queue, entry);
    for (entry_t **at = &queue->by_hash[bucket_of_hash(&entry->hash)]; *at; at = &(*at)->next_same_hash)
        if (*at == entry) {
            *at = entry->next_same_hash;
            return;
        }
}

void queue_move(queue_t *queue, entry_t *entry, entry_state_t state)
{
    unlink_state(queue, entry);
    link_state(queue, entry, state);
}

entry_t *queue_find(const queue_t *queue, const hash_t *hash)
{
    for (entry_t *e = queue->by_hash[bucket_of_hash(hash)]; e; e = e->next_same_hash)
        if (memcmp(e->hash.b, hash->b, sizeof hash->b) == 0) return e;
    return NULL;
}

entry_t *queue_provider(const queue_t *queue, const uint8_t *tag, uint32_t len)
{
    for (tag_t *t = queue->providers[bucket_of_tag(tag, len)]; t; t = t->next)
        if (is_same_tag(t, tag, len)) return t->owner;
    return NULL;
}

bool queue_is_satisfied(const queue_t *queue, const entry_t *entry)
{
    for (uint32_t i = 0; i < entry->requires_count; i++)
        if (!queue_provider(queue, entry->requires[i].bytes, entry->requires[i].len)) return false;
    return true;
}

entry_t *queue_waiter(const queue_t *queue, const tag_t *tag, entry_state_t state)
{
    for (tag_t *t = queue->waiters[bucket_of_tag(tag->bytes, tag->len)]; t; t = t->next)
        if (is_same_tag(t, tag->bytes, tag->len) && t->owner->state == state) return t->owner;
    return NULL;
}

void queue_forget_requirement(queue_t *queue, entry_t *entry)
{
    for (uint32_t i = 0; i < entry->requires_count; i++)
        unlink_tag(queue->waiters, &entry->requires[i]);
    entry->requires_count = 0;
}

/* ------------------------------------------------------------------------------------ the walk */

bool queue_is_before(const entry_t *a, const entry_t *b)
{
    if (a->priority != b->priority) return a->priority > b->priority;
    if (a->valid_till != b->valid_till) return a->valid_till < b->valid_till;
    return a->order < b->order;
}

static void heap_push(walk_t *walk, entry_t *entry)
{
    uint32_t at = walk->len++;
    while (at > 0 && queue_is_before(entry, walk->heap[(at - 1) / 2])) {
        walk->heap[at] = walk->heap[(at - 1) / 2];
        at             = (at - 1) / 2;
    }
    walk->heap[at] = entry;
}

static entry_t *heap_pop(walk_t *walk)
{
    entry_t *top = walk->heap[0], *last = walk->heap[--walk->len];
    uint32_t at = 0;
    for (uint32_t child; (child = 2 * at + 1) < walk->len; at = child) {
        if (child + 1 < walk->len && queue_is_before(walk->heap[child + 1], walk->heap[child])) child++;
        if (!queue_is_before(walk->heap[child], last)) break;
        walk->heap[at] = walk->heap[child];
    }
    walk->heap[at] = last;
    return top;
}

void walk_start(walk_t *walk, queue_t *queue)
{
    *walk = (walk_t){.heap = calloc((size_t)queue->counts[ENTRY_READY] + 1, sizeof(entry_t *))};
    if (!walk->heap) abort();
    for (entry_t *e = queue->lists[ENTRY_READY]; e; e = e->next) {
        e->dependents = NULL;
        e->missing    = 0;
        e->is_refused = false;
    }
    for (entry_t *e = queue->lists[ENTRY_READY]; e; e = e->next)
        for (uint32_t i = 0; i < e->requires_count; i++) {
            entry_t *provider = queue_provider(queue, e->requires[i].bytes, e->requires[i].len);
            if (!provider) continue;
            e->missing++;
            e->next_dependent    = provider->dependents;
            provider->dependents = e;
        }
    for (entry_t *e = queue->lists[ENTRY_READY]; e; e = e->next)
        if (e->missing == 0) heap_push(walk, e);
}

entry_t *walk_next(walk_t *walk)
{
    if (walk->last && !walk->last->is_refused)
        for (entry_t *e = walk->last->dependents; e; e = e->next_dependent)
            if (--e->missing == 0) heap_push(walk, e);
    walk->last = walk->len > 0 ? heap_pop(walk) : NULL;
    return walk->last;
}

void walk_end(walk_t *walk)
{
    free(walk->heap);
    *walk = (walk_t){0};
}
