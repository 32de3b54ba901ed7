/* pool.c - letting extrinsics in, and giving them to the author. */

#include "pool_internal.h"

#include "hash.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------ who hears */

void pool_tell(entry_t *entry, pool_event_t event, const hash_t *block, uint32_t index)
{
    for (watcher_t *w = entry->watchers, *next; w; w = next) {
        next = w->next;
        if (w->watch) w->watch(w->self, event, block, index);
    }
}

void pool_unwatch(pool_t *pool, void *self)
{
    for (int state = 0; state < 3; state++)
        for (entry_t *e = pool->queue.lists[state]; e; e = e->next)
            for (watcher_t *w = e->watchers; w; w = w->next)
                if (w->self == self)
                    w->watch = NULL; /* freed with the entry: somebody may be walking the list */
}

static void add_watcher(entry_t *entry, pool_watch_t watch, void *self)
{
    watcher_t *w = watch ? malloc(sizeof *w) : NULL;
    if (!w) return;
    *w              = (watcher_t){entry->watchers, watch, self};
    entry->watchers = w;
}

/* ------------------------------------------------------------------------------------ who is not let in */

static banned_t *banned_at(pool_t *pool, const hash_t *hash)
{
    uint32_t h;
    memcpy(&h, hash->b, sizeof h);
    return &pool->banned[h % POOL_BANNED_MAX];
}

void pool_ban(pool_t *pool, const hash_t *hash, uint64_t now_ms)
{
    *banned_at(pool, hash) = (banned_t){*hash, now_ms + pool->limits.ban_ms};
}

static bool is_banned(pool_t *pool, const hash_t *hash, uint64_t now_ms)
{
    const banned_t *banned = banned_at(pool, hash);
    return banned->until_ms > now_ms && memcmp(banned->hash.b, hash->b, sizeof hash->b) == 0;
}

/* ------------------------------------------------------------------------------------ judging */

typedef struct {
    bytes_t extrinsic;
    transaction_source_t source;
    hash_t hash, at;
    uint32_t number;
    entry_t *entry; /* to be made, or judged again */
    bool is_again, is_fit;
    validity_t validity;
} judgement_t;

static void judge(void *self, rt_t *rt)
{
    judgement_t *j = self;
    transaction_t t;
    j->validity = runtime_validate(rt, j->source, j->extrinsic, &j->at, &t);
    if (j->validity != VALID || rt->fault) return;
    if (j->is_again)
        j->is_fit = queue_set_tags(j->entry, &t, j->number);
    else
        j->is_fit = (j->entry = queue_entry(&j->hash, j->extrinsic, &t, j->number)) != NULL;
}

static bool run_judgement(pool_t *pool, judgement_t *j)
{
    chain_point_t best = chain_best(pool->chain);
    j->at              = best.hash;
    j->number          = best.number;
    return chain_runtime(pool->chain, &best.hash) == CHAIN_OK &&
           chain_run(pool->chain, &best.hash, judge, j) == CHAIN_OK;
}

bool pool_judge_again(pool_t *pool, entry_t *entry)
{
    judgement_t j = {
        .extrinsic = {entry->bytes, entry->len},
          .source = SOURCE_EXTERNAL, .entry = entry, .is_again = true
    };
    return run_judgement(pool, &j) && j.validity == VALID && j.is_fit;
}

/* ------------------------------------------------------------------------------------ moving between queues
 */

void pool_end(pool_t *pool, entry_t *entry, pool_event_t last, const hash_t *by)
{
    queue_take(&pool->queue, entry);
    pool_tell(entry, last, by, 0);
    queue_free_entry(entry);
}

/* Whoever required a tag of this entry waits again, and whoever required a tag of theirs. */
void pool_unready_dependents(pool_t *pool, const entry_t *entry)
{
    for (uint32_t i = 0; i < entry->provides_count; i++) {
        const tag_t *tag = &entry->provides[i];
        if (queue_provider(&pool->queue, tag->bytes, tag->len)) continue;
        for (entry_t *e; (e = queue_waiter(&pool->queue, tag, ENTRY_READY));) {
            queue_move(&pool->queue, e, ENTRY_FUTURE);
            pool_tell(e, POOL_FUTURE, NULL, 0);
            pool_unready_dependents(pool, e);
        }
    }
}

static entry_t *next_to_promote(pool_t *pool, const entry_t *entry)
{
    for (uint32_t i = 0; i < entry->provides_count; i++) {
        entry_t *waiter = queue_waiter(&pool->queue, &entry->provides[i], ENTRY_FUTURE);
        if (waiter && queue_is_satisfied(&pool->queue, waiter)) return waiter;
    }
    return NULL;
}

/* Of two that provide the same tag the one of higher priority stays: a new one must be above all that it
 * replaces together. */
static bool replaces_lower(pool_t *pool, const entry_t *entry)
{
    bool has_old = false;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < entry->provides_count; i++) {
        const entry_t *old = queue_provider(&pool->queue, entry->provides[i].bytes, entry->provides[i].len);
        if (old) sum = old->priority > UINT64_MAX - sum ? UINT64_MAX : sum + old->priority;
        has_old = has_old || old;
    }
    if (!has_old || entry->priority > sum) return true;
    pool->low_old = sum;
    pool->low_new = entry->priority;
    return false;
}

/* Takes out what provides the same as entry; gives it as a list by next_dependent. */
static entry_t *take_usurped(pool_t *pool, const entry_t *entry)
{
    entry_t *taken = NULL;
    for (uint32_t i = 0; i < entry->provides_count; i++) {
        entry_t *old = queue_provider(&pool->queue, entry->provides[i].bytes, entry->provides[i].len);
        if (!old) continue;
        queue_take(&pool->queue, old);
        old->next_dependent = taken;
        taken               = old;
    }
    return taken;
}

static bool make_ready(pool_t *pool, entry_t *entry)
{
    if (!replaces_lower(pool, entry)) return false;
    entry_t *usurped = take_usurped(pool, entry);
    queue_move(&pool->queue, entry, ENTRY_READY);
    while (usurped) {
        entry_t *old = usurped;
        usurped      = old->next_dependent;
        pool_unready_dependents(pool, old);
        pool_tell(old, POOL_USURPED, &entry->hash, 0);
        queue_free_entry(old);
    }
    pool_tell(entry, POOL_READY, NULL, 0);
    for (entry_t *e; (e = next_to_promote(pool, entry));)
        pool_promote(pool, e);
    if (pool->on_ready) pool->on_ready(pool->on_ready_self);
    return true;
}

void pool_promote(pool_t *pool, entry_t *entry)
{
    if (!make_ready(pool, entry)) pool_end(pool, entry, POOL_BECAME_INVALID, NULL);
}

static entry_t *worst(const pool_t *pool, entry_state_t state)
{
    entry_t *found = NULL;
    for (entry_t *e = pool->queue.lists[state]; e; e = e->next)
        if (!found || queue_is_before(found, e)) found = e;
    return found;
}

/* enforce drops what is too much, the worst first; false when that was `mine`. */
static bool enforce_limits(pool_t *pool, const entry_t *mine, uint64_t now_ms)
{
    bool is_in = true;
    for (;;) {
        queue_t *q = &pool->queue;
        bool is_ready =
            q->counts[ENTRY_READY] > pool->limits.ready_max || q->bytes > pool->limits.ready_bytes_max;
        if (!is_ready && q->counts[ENTRY_FUTURE] <= pool->limits.future_max) return is_in;
        entry_t *e = worst(pool, is_ready && q->counts[ENTRY_READY] > 0 ? ENTRY_READY : ENTRY_FUTURE);
        if (e == mine)
            is_in = false;
        else
            pool_ban(pool, &e->hash, now_ms);
        queue_take(q, e);
        pool_unready_dependents(pool, e);
        pool_tell(e, POOL_DROPPED, NULL, 0);
        queue_free_entry(e);
    }
}

/* ------------------------------------------------------------------------------------ submitting */

/* A length prefix that is that of the rest is the least that an extrinsic has. */
static bool has_length(bytes_t extrinsic)
{
    scale_reader_t r = scale_reader(extrinsic, NULL);
    uint64_t len     = scale_get_compact(&r);
    return !r.failed && len == scale_left(&r) && len > 0;
}

pool_status_t pool_let_in(pool_t *pool, entry_t *entry, uint64_t now_ms)
{
    queue_add(&pool->queue, entry, ENTRY_FUTURE);
    if (!queue_is_satisfied(&pool->queue, entry)) {
        pool_tell(entry, POOL_FUTURE, NULL, 0);
    } else if (!make_ready(pool, entry)) {
        queue_take(&pool->queue, entry);
        return POOL_LOW_PRIORITY;
    }
    return enforce_limits(pool, entry, now_ms) ? POOL_OK : POOL_FULL;
}

pool_status_t pool_submit(pool_t *pool, bytes_t extrinsic, transaction_source_t source, uint64_t now_ms,
                          pool_watch_t watch, void *self, hash_t *hash, validity_t *validity)
{
    *validity = VALID;
    *hash     = blake2_256(extrinsic);
    pool->counters.submitted++;
    if (!has_length(extrinsic)) return POOL_MALFORMED;
    if (queue_find(&pool->queue, hash)) return POOL_KNOWN;
    if (is_banned(pool, hash, now_ms)) return POOL_BANNED;
    judgement_t j = {.extrinsic = extrinsic, .source = source, .hash = *hash};
    if (chain_runtime(pool->chain, NULL) == CHAIN_OTHER_RUNTIME) return POOL_OTHER_RUNTIME;
    if (!run_judgement(pool, &j)) return POOL_FAILED;
    *validity = j.validity;
    if (j.validity != VALID) {
        pool->counters.refused++;
        if (j.validity == INVALID_CALL) return POOL_MALFORMED;
        if (j.validity >> 16 == 1) pool_ban(pool, hash, now_ms); /* not what could not be looked up */
        return POOL_INVALID;
    }
    if (!j.is_fit) return POOL_UNACTIONABLE;
    add_watcher(j.entry, watch, self);
    pool_status_t status = pool_let_in(pool, j.entry, now_ms);
    if (status == POOL_LOW_PRIORITY) queue_free_entry(j.entry);
    return status;
}

bool pool_remove(pool_t *pool, const hash_t *hash, uint64_t now_ms)
{
    entry_t *entry = queue_find(&pool->queue, hash);
    if (!entry || entry->state == ENTRY_INCLUDED) return false;
    pool_ban(pool, hash, now_ms);
    queue_take(&pool->queue, entry);
    pool_unready_dependents(pool, entry);
    pool_tell(entry, POOL_BECAME_INVALID, NULL, 0);
    queue_free_entry(entry);
    return true;
}

/* ------------------------------------------------------------------------------------ questions */

static void read_nonce(void *self, rt_t *rt)
{
    struct {
        account_id_t who;
        uint32_t nonce;
    } *question     = self;
    question->nonce = runtime_account_nonce(rt, &question->who);
}

uint32_t pool_next_nonce(pool_t *pool, const account_id_t *who)
{
    struct {
        account_id_t who;
        uint32_t nonce;
    } question = {.who = *who};
    if (chain_run(pool->chain, NULL, read_nonce, &question) != CHAIN_OK) return 0;
    for (;; question.nonce++) {
        uint8_t tag[36];
        scale_writer_t w = scale_writer(tag, sizeof tag);
        scale_put_account_id(&w, who);
        scale_put_u32(&w, question.nonce);
        if (!queue_provider(&pool->queue, tag, w.len)) return question.nonce;
    }
}

void pool_each(pool_t *pool, pool_visit_t visit, void *self)
{
    walk_t walk;
    walk_start(&walk, &pool->queue);
    for (entry_t *e; (e = walk_next(&walk));)
        visit(self, &e->hash, (bytes_t){e->bytes, e->len}, true);
    walk_end(&walk);
    for (entry_t *e = pool->queue.lists[ENTRY_FUTURE]; e; e = e->next)
        visit(self, &e->hash, (bytes_t){e->bytes, e->len}, false);
}

void pool_last_priorities(const pool_t *pool, uint64_t *old, uint64_t *now)
{
    *old = pool->low_old;
    *now = pool->low_new;
}

pool_counters_t pool_counters(const pool_t *pool)
{
    pool_counters_t counters = pool->counters;
    counters.ready           = pool->queue.counts[ENTRY_READY];
    counters.future          = pool->queue.counts[ENTRY_FUTURE];
    counters.bytes           = pool->queue.bytes;
    return counters;
}

void pool_on_ready(pool_t *pool, void (*on_ready)(void *self), void *self)
{
    pool->on_ready      = on_ready;
    pool->on_ready_self = self;
}

/* ------------------------------------------------------------------------------------ the author's source */

static void source_start(void *self) { walk_start(&((pool_t *)self)->walk, &((pool_t *)self)->queue); }

static bool source_next(void *self, bytes_t *extrinsic)
{
    pool_t *pool   = self;
    entry_t *entry = walk_next(&pool->walk);
    if (entry) *extrinsic = (bytes_t){entry->bytes, entry->len};
    return entry != NULL;
}

static void source_refused(void *self, bytes_t validity)
{
    (void)validity;
    pool_t *pool = self;
    if (pool->walk.last) {
        pool->walk.last->is_refused = true;
        pool->has_refused           = true;
    }
}

static void source_end(void *self) { walk_end(&((pool_t *)self)->walk); }
static uint32_t source_ready_count(void *self) { return ((pool_t *)self)->queue.counts[ENTRY_READY]; }

author_source_t pool_source(pool_t *pool)
{
    return (author_source_t){.self        = pool,
                             .start       = source_start,
                             .next        = source_next,
                             .refused     = source_refused,
                             .end         = source_end,
                             .ready_count = source_ready_count};
}

/* ------------------------------------------------------------------------------------ the pool itself */

pool_t *pool_new(chain_t *chain)
{
    pool_t *pool = calloc(1, sizeof *pool);
    if (!pool) abort();
    pool->chain     = chain;
    pool->limits    = (pool_limits_t){.ready_max       = POOL_READY_MAX,
                                      .future_max      = POOL_FUTURE_MAX,
                                      .ready_bytes_max = POOL_READY_BYTES_MAX,
                                      .ban_ms          = POOL_BAN_MS};
    pool->seen      = chain_best(chain);
    pool->finalized = chain_finalized(chain).number;
    chain_listen(chain, pool_chain_event, pool);
    return pool;
}

void pool_limit(pool_t *pool, const pool_limits_t *limits) { pool->limits = *limits; }

void pool_free(pool_t *pool)
{
    if (!pool) return;
    chain_unlisten(pool->chain, pool_chain_event, pool);
    for (int state = 0; state < 3; state++)
        for (entry_t *e = pool->queue.lists[state], *next; e; e = next) {
            next = e->next;
            queue_free_entry(e);
        }
    free(pool);
}
