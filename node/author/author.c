/* author.c - one block from slot to seal.  Spec: chain-host 4.1, 4.2. */
#include "author.h"
#include "hash.h"
#include "log.h"
#include "runtime.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    AUTHORITIES_MAX = 256,
    FULL_TRIES_MAX  = 16,      /* extrinsics that did not fit, before the block counts as full */
    ARENA_SIZE      = 1 << 18, /* headers and refusals */
    DIGEST_CAP      = CHAIN_OVERRIDE_MAX + 64,
};

struct author {
    chain_t *chain;
    author_options_t options;
    bool is_woken, has_told;   /* told: that the runtime is another's */
    const change_t *overrides; /* of the block that is being made */
    uint32_t override_count;
    int64_t ahead_ms;   /* of the clock, since the first block after author_travel */
    uint64_t travel_ms; /* the time of the next block; 0: the clock's */
    chain_status_t failure;
    arena_t arena;
};

/* What the chain says about the time after a block. */
typedef struct {
    chain_point_t parent;
    account_id_t authorities[AUTHORITIES_MAX];
    uint32_t count;
    uint64_t slot_ms, parent_slot, parent_ms;
} moment_t;

static uint32_t spec_version(bytes_t version)
{
    scale_reader_t r = scale_reader(version, NULL);
    (void)scale_get_bytes(&r, UINT32_MAX), (void)scale_get_bytes(&r, UINT32_MAX), (void)scale_get_u32(&r);
    return scale_get_u32(&r);
}

/* is_our_runtime says whether a block on `parent` is ours to make; that it is not goes to the log once. */
static bool is_our_runtime(author_t *author, const hash_t *parent)
{
    uint8_t room[256];
    bytes_t theirs;
    if (chain_runtime(author->chain, parent) != CHAIN_OTHER_RUNTIME) {
        author->has_told = false;
        return true;
    }
    if (author->has_told) return false;
    author->has_told   = true;
    author->arena.used = 0;
    scale_writer_t w   = scale_writer(room, sizeof room);
    runtime_version_encode(&w);
    if (chain_runtime_version(author->chain, parent, &author->arena, &theirs) != CHAIN_OK)
        theirs = (bytes_t){0};
    log_error(LOG_AUTHOR,
              "no block is made any more: the chain's runtime is another version than this node's; "
              "run a node of that version",
              LOG_U32("chain_spec_version", spec_version(theirs)),
              LOG_U32("own_spec_version", spec_version(scale_written(&w))));
    return false;
}

author_t *author_new(chain_t *chain, const author_options_t *options)
{
    author_t *author = calloc(1, sizeof *author);
    assert(author);
    author->chain   = chain;
    author->options = *options;
    assert(options->more_count <= AUTHOR_MORE_MAX);
    author->arena = (arena_t){malloc(ARENA_SIZE), ARENA_SIZE, 0};
    assert(author->arena.start);
    (void)is_our_runtime(author, NULL);
    return author;
}

void author_free(author_t *author)
{
    if (!author) return;
    crypto_wipe(&author->options, sizeof author->options);
    free(author->arena.start);
    free(author);
}

void author_wake(author_t *author) { author->is_woken = true; }

chain_status_t author_failure(const author_t *author) { return author->failure; }

const char *author_status_text(author_status_t status)
{
    switch (status) {
    case AUTHOR_OK: return "done";
    case AUTHOR_NOTHING: return "no block is due";
    case AUTHOR_EMPTY_POOL: return "no extrinsic is ready";
    case AUTHOR_UNKNOWN_BLOCK: return "no such parent block, or it is final beyond";
    case AUTHOR_OTHER_RUNTIME: return chain_status_text(CHAIN_OTHER_RUNTIME);
    case AUTHOR_NOT_AUTHORITY: return "this node's key is not among the chain's authorities";
    case AUTHOR_FAILED: return "the chain refused the block";
    }
    return "";
}

/* ------------------------------------------------------------------ slots */

static void ask_time(void *self, rt_t *rt)
{
    moment_t *time  = self;
    time->count     = runtime_aura_authorities(rt, time->authorities, AUTHORITIES_MAX);
    time->slot_ms   = runtime_slot_duration(rt);
    time->parent_ms = runtime_now(rt);
}

static bool read_parent_slot(author_t *author, moment_t *time)
{
    bytes_t bytes;
    header_t header;
    time->parent_slot =
        time->parent_ms / time->slot_ms; /* block 0 has no slot, but its state may have a time */
    if (time->parent.number == 0) return true;
    author->arena.used = 0;
    if (!chain_header(author->chain, &time->parent.hash, &author->arena, &bytes)) return false;
    scale_reader_t r = scale_reader(bytes, NULL);
    header_decode(&r, &header);
    return scale_done(&r) && header_slot(&header, &time->parent_slot);
}

static author_status_t read_clock(author_t *author, const hash_t *parent, moment_t *time)
{
    time->parent = chain_best(author->chain);
    if (parent) {
        time->parent.hash = *parent;
        if (!chain_number(author->chain, parent, &time->parent.number)) return AUTHOR_UNKNOWN_BLOCK;
    }
    chain_status_t status = chain_run(author->chain, &time->parent.hash, ask_time, time);
    if (status == CHAIN_UNKNOWN_BLOCK) return AUTHOR_UNKNOWN_BLOCK;
    author->failure = status;
    if (status != CHAIN_OK || time->slot_ms == 0 || !read_parent_slot(author, time)) return AUTHOR_FAILED;
    return time->count == 0 || time->count > AUTHORITIES_MAX ? AUTHOR_NOT_AUTHORITY : AUTHOR_OK;
}

/* key_of is our key for a slot; NULL: the slot is another's. */
static const sr25519_pair_t *key_of(const author_t *author, const moment_t *time, uint64_t slot)
{
    const author_options_t *o = &author->options;
    const uint8_t *wanted     = time->authorities[slot % time->count].b;
    if (memcmp(wanted, o->pair.public_key, 32) == 0) return &o->pair;
    for (uint32_t i = 0; i < o->more_count; i++)
        if (memcmp(wanted, o->more[i].public_key, 32) == 0) return &o->more[i];
    return NULL;
}

/* block_time is the first time at or after now that a block of ours may have; false when no slot is ours. */
static bool block_time(const author_t *author, const moment_t *time, uint64_t now_ms, uint64_t *t)
{
    uint64_t after_slot = (time->parent_slot + 1) * time->slot_ms,
             after_time = time->parent_ms + time->slot_ms / 2;
    *t                  = now_ms;
    if (*t < after_slot) *t = after_slot;
    if (*t < after_time) *t = after_time;
    for (uint32_t i = 0; i < time->count; i++) {
        if (key_of(author, time, *t / time->slot_ms)) return true;
        *t = (*t / time->slot_ms + 1) * time->slot_ms;
    }
    return false;
}

/* our_time is what the author takes for now. */
static uint64_t our_time(const author_t *author, uint64_t now_ms)
{
    return author->travel_ms > 0 ? author->travel_ms : now_ms + (uint64_t)author->ahead_ms;
}

/* arrive has the clock go on from the block that was just made. */
static void arrive(author_t *author, uint64_t now_ms)
{
    if (author->travel_ms > 0) author->ahead_ms = (int64_t)(author->travel_ms - now_ms);
    author->travel_ms = 0;
}

author_status_t author_travel(author_t *author, uint64_t to_ms, uint64_t *time_ms)
{
    moment_t time;
    *time_ms               = 0;
    author_status_t status = read_clock(author, NULL, &time);
    if (status != AUTHOR_OK) return status;
    if (!block_time(author, &time, 0, time_ms)) return AUTHOR_NOT_AUTHORITY;
    if (to_ms < *time_ms) return AUTHOR_NOTHING;
    if (!block_time(author, &time, to_ms, time_ms)) return AUTHOR_NOT_AUTHORITY;
    author->travel_ms = *time_ms;
    return AUTHOR_OK;
}

/* ------------------------------------------------------------------ fill */

/* digest_of is what stands in a header before the block is executed; empty: there is too much. */
static bytes_t digest_of(const author_t *author, uint64_t slot, uint8_t room[DIGEST_CAP])
{
    scale_writer_t w = scale_writer(room, DIGEST_CAP);
    scale_put_compact(&w, author->override_count ? 2 : 1);
    scale_put_u8(&w, DIGEST_PRE_RUNTIME);
    scale_put_raw(&w, "aura", 4);
    scale_put_compact(&w, 8);
    scale_put_u64(&w, slot);
    if (author->override_count && !chain_override_write(&w, author->overrides, author->override_count))
        return (bytes_t){0};
    return scale_written(&w);
}

/* is_lasting says whether a refusal will stand on this chain: not so when the extrinsic only waits for
 * another. */
static bool is_lasting(bytes_t validity)
{
    static const uint8_t future[] = {0, 2};
    return !bytes_equal(validity, (bytes_t){future, sizeof future});
}

/* fill puts what the pool offers into the block; *count is how many went in. */
static chain_status_t fill(author_t *author, bool is_on_best, uint32_t *count)
{
    const author_source_t *source = &author->options.source;
    chain_status_t status         = CHAIN_OK;
    uint64_t len                  = 0;
    uint32_t full                 = 0;
    bytes_t extrinsic, validity;
    *count = 0;
    if (!source->next || author->override_count) return CHAIN_OK;
    source->start(source->self);
    while (status != CHAIN_FAULT && full < FULL_TRIES_MAX && source->next(source->self, &extrinsic)) {
        if (author->options.block_len_max && len + extrinsic.len > author->options.block_len_max) {
            full++;
            continue;
        }
        author->arena.used = 0;
        status             = chain_build_apply(author->chain, extrinsic, &author->arena, &validity);
        if (status == CHAIN_OK) {
            len += extrinsic.len;
            (*count)++;
        }
        if (status == CHAIN_BLOCK_FULL) full++;
        if (status == CHAIN_EXTRINSIC_REFUSED && is_on_best && is_lasting(validity))
            source->refused(source->self, validity);
    }
    source->end(source->self);
    return status == CHAIN_FAULT ? CHAIN_FAULT : CHAIN_OK;
}

static chain_status_t seal(author_t *author, const sr25519_pair_t *key, chain_point_t *block)
{
    uint8_t room[80], signature[64];
    bytes_t header;
    scale_writer_t w      = scale_writer(room, sizeof room);
    author->arena.used    = 0;
    chain_status_t status = chain_build_finish(author->chain, &author->arena, &header);
    if (status != CHAIN_OK) return status;
    hash_t hash = blake2_256(header);
    sr25519_sign(key, (bytes_t){hash.b, sizeof hash}, signature);
    scale_put_u8(&w, DIGEST_SEAL);
    scale_put_raw(&w, "aura", 4);
    scale_put_bytes(&w, (bytes_t){signature, sizeof signature});
    return chain_build_commit(author->chain, scale_written(&w), block);
}

static chain_status_t put_timestamp(author_t *author, uint64_t t)
{
    uint8_t room[32];
    bytes_t validity;
    scale_writer_t w = scale_writer(room, sizeof room);
    runtime_timestamp_inherent(&w, t);
    author->arena.used = 0;
    return chain_build_apply(author->chain, scale_written(&w), &author->arena, &validity);
}

/* ------------------------------------------------------------------ make */

/* make builds, seals and keeps a block of time t; an empty one only if it may. */
static author_status_t make(author_t *author, const moment_t *time, uint64_t t, bool may_be_empty,
                            chain_point_t *block)
{
    uint8_t digest[DIGEST_CAP];
    uint32_t count     = 0;
    chain_point_t best = chain_best(author->chain);
    bool is_on_best    = memcmp(&best.hash, &time->parent.hash, sizeof best.hash) == 0;
    if (!is_our_runtime(author, &time->parent.hash)) return AUTHOR_OTHER_RUNTIME;
    author->failure =
        chain_build_start(author->chain, &time->parent.hash, digest_of(author, t / time->slot_ms, digest));
    if (author->failure == CHAIN_UNKNOWN_BLOCK || author->failure == CHAIN_FINALIZED_BEYOND)
        return AUTHOR_UNKNOWN_BLOCK;
    if (author->failure != CHAIN_OK) return AUTHOR_FAILED;
    author->failure = put_timestamp(author, t);
    if (author->failure == CHAIN_OK) author->failure = fill(author, is_on_best, &count);
    if (author->failure == CHAIN_OK && count == 0 && !may_be_empty) {
        chain_build_drop(author->chain);
        return AUTHOR_EMPTY_POOL;
    }
    if (author->failure == CHAIN_OK)
        author->failure = seal(author, key_of(author, time, t / time->slot_ms), block);
    if (author->failure == CHAIN_OK) {
        (void)is_our_runtime(author, &block->hash);
        return AUTHOR_OK;
    }
    log_error(LOG_AUTHOR, "block dropped", LOG_U32("number", time->parent.number + 1),
              LOG_TEXT("reason", chain_status_text(author->failure)));
    chain_build_drop(author->chain);
    return AUTHOR_FAILED;
}

author_status_t author_create(author_t *author, uint64_t now_ms, bool create_empty, const hash_t *parent,
                              chain_point_t *block)
{
    moment_t time;
    uint64_t t;
    author_status_t status = read_clock(author, parent, &time);
    if (status != AUTHOR_OK) return status;
    if (!block_time(author, &time, our_time(author, now_ms), &t)) return AUTHOR_NOT_AUTHORITY;
    const author_source_t *source = &author->options.source;
    if (!create_empty && (!source->ready_count || source->ready_count(source->self) == 0))
        return AUTHOR_EMPTY_POOL;
    status = make(author, &time, t, create_empty, block);
    if (status == AUTHOR_OK) arrive(author, now_ms);
    return status;
}

author_status_t author_override(author_t *author, uint64_t now_ms, const change_t *items, uint32_t count,
                                chain_point_t *block)
{
    author->overrides      = items;
    author->override_count = count;
    author_status_t status = author_create(author, now_ms, true, NULL, block);
    author->overrides      = NULL;
    author->override_count = 0;
    return status;
}

static author_status_t tick_slots(author_t *author, uint64_t now_ms, uint64_t *next_ms)
{
    moment_t time;
    uint64_t t;
    chain_point_t block;
    author_status_t status = read_clock(author, NULL, &time);
    *next_ms               = now_ms + 1000;
    if (status != AUTHOR_OK) return status;
    uint64_t ours = our_time(author, now_ms);
    *next_ms      = now_ms + time.slot_ms - ours % time.slot_ms;
    if (!block_time(author, &time, ours, &t)) return AUTHOR_NOT_AUTHORITY;
    if (t > ours) {
        *next_ms = now_ms + (t - ours);
        return AUTHOR_NOTHING;
    }
    status = make(author, &time, t, true, &block);
    if (status == AUTHOR_OK) arrive(author, now_ms);
    return status;
}

static author_status_t tick_instant(author_t *author, uint64_t now_ms, uint64_t *next_ms)
{
    chain_point_t block;
    *next_ms = AUTHOR_NEVER;
    if (!author->is_woken) return AUTHOR_NOTHING;
    author->is_woken       = false;
    author_status_t status = author_create(author, now_ms, false, NULL, &block);
    if (status == AUTHOR_EMPTY_POOL) return AUTHOR_NOTHING;
    if (status == AUTHOR_OK && author->options.source.ready_count(author->options.source.self) > 0) {
        author->is_woken = true;
        *next_ms         = now_ms;
    }
    return status;
}

author_status_t author_tick(author_t *author, uint64_t now_ms, uint64_t *next_ms)
{
    switch (author->options.sealing) {
    case SEALING_SLOTS: return tick_slots(author, now_ms, next_ms);
    case SEALING_INSTANT: return tick_instant(author, now_ms, next_ms);
    case SEALING_MANUAL: break;
    }
    *next_ms = AUTHOR_NEVER;
    return AUTHOR_NOTHING;
}
