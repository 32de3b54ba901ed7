/* import.c - blocks come in: built here, or checked from elsewhere; and become final. */
#include "chain_internal.h"
#include "crypto.h"
#include "hash.h"
#include "log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLOT_TOLERANCE_MS = 30000, /* how far ahead of the clock a peer's slot may be; as smoldot */
    HEADER_LEN_MAX    = 1 << 16,
    AUTHORITIES_MAX   = 256,
    HEADER_MADE_MAX   = 8192, /* of what header_hash can hash */
    ARENA_SMALL       = 1 << 17,
    BLOCK_READ_MAX    = 32 << 20, /* a header and a body; the runtime's limit of a body is 5 MiB */
};

static const uint8_t aura[4] = {'a', 'u', 'r', 'a'};

static bool same(const hash_t *a, const hash_t *b) { return memcmp(a, b, sizeof *a) == 0; }

/* ------------------------------------------------------------------ keep */

static uint32_t count_extrinsics(bytes_t body)
{
    scale_reader_t r = scale_reader(body, NULL);
    return (uint32_t)scale_get_compact(&r);
}

chain_status_t chain_keep(chain_t *chain, exec_t *exec, bytes_t header, bytes_t body, const hash_t *parent,
                          uint32_t number, chain_point_t *block)
{
    chain_point_t before = chain_best(chain);
    changes_t values, nodes;
    if (!exec->has_root || !exec_is_whole(exec)) return CHAIN_FAULT;
    values            = exec->changes;
    nodes             = trie_changes(&exec->trie);
    *block            = (chain_point_t){blake2_256(header), number};
    store_block_t put = {.hash    = block->hash,
                         .parent  = *parent,
                         .number  = number,
                         .header  = header,
                         .body    = body,
                         .values  = &values,
                         .nodes   = &nodes,
                         .is_best = number > before.number};
    if (exec->trie.has_failed) return CHAIN_FAULT;
    store_status_t status = store_commit(chain->store, &put);
    if (status == STORE_KNOWN_BLOCK) return CHAIN_KNOWN_BLOCK;
    if (status != STORE_OK) return CHAIN_UNKNOWN_BLOCK;
    exec_settle(exec, &block->hash);
    chain_runtime_note(chain, parent, &block->hash, &values);
    chain->counters.blocks_imported++;
    log_info(LOG_CHAIN, "imported block", LOG_U32("number", number), LOG_HASH("hash", block->hash),
             LOG_U32("extrinsics", count_extrinsics(body)), LOG_BOOL("best", put.is_best));
    chain_notify(chain, &(chain_event_t){
                            .kind = CHAIN_IMPORTED, .block = *block, .previous = before, .values = &values});
    if (put.is_best)
        chain_notify(chain, &(chain_event_t){.kind = CHAIN_BEST, .block = *block, .previous = before});
    return CHAIN_OK;
}

/* can_follow says whether a block on this parent may still come. */
static chain_status_t can_follow(chain_t *chain, const hash_t *parent, chain_point_t *point)
{
    chain_point_t finalized = chain_finalized(chain);
    *point                  = (chain_point_t){.hash = *parent};
    if (!chain_number(chain, parent, &point->number)) return CHAIN_UNKNOWN_BLOCK;
    if (point->number < finalized.number) return CHAIN_FINALIZED_BEYOND;
    return chain_runtime(chain, parent);
}

static void log_fault(const exec_t *exec)
{
    const char *reason = exec->rt.fault ? exec->rt.fault : "state or trie failed";
    log_error(LOG_CHAIN, "the runtime broke", LOG_TEXT("reason", reason), LOG_HASH("parent", exec->at));
}

/* ------------------------------------------------------------------ build */

/* start_header makes the header that execution starts from; its digest points into room. */
static bool start_header(const chain_point_t *parent, bytes_t digest, uint8_t *room, uint32_t cap,
                         header_t *header)
{
    const hash_t none = {{0}};
    scale_writer_t w  = scale_writer(room, cap);
    scale_put_hash(&w, &parent->hash);
    scale_put_compact(&w, parent->number + 1u);
    scale_put_hash(&w, &none);
    scale_put_hash(&w, &none);
    scale_put_raw(&w, digest.data, digest.len);
    if (w.failed) return false;
    scale_reader_t r = scale_reader(scale_written(&w), NULL);
    header_decode(&r, header);
    return scale_done(&r);
}

static bool grow_body(scale_writer_t *body, uint32_t more)
{
    if (body->cap - body->len >= more) return true;
    uint64_t cap = ((uint64_t)body->len + more) * 2;
    if (cap > UINT32_MAX) return false;
    uint8_t *start = realloc(body->start, cap);
    if (!start) return false;
    body->start = start;
    body->cap   = (uint32_t)cap;
    return true;
}

/* take_overrides hands an exec the overrides of the header that it is about to execute, where they may be. */
static bool take_overrides(const chain_t *chain, exec_t *exec, const header_t *header)
{
    if (!chain_override_find(header, &exec->overrides)) return false;
    return exec->overrides.len == 0 || (chain->is_trial && chain_override_is_good(exec->overrides));
}

chain_status_t chain_build_start(chain_t *chain, const hash_t *parent, bytes_t digest)
{
    uint8_t room[HEADER_MADE_MAX];
    header_t header;
    chain_point_t best;
    build_t *build = &chain->build;
    assert(!build->is_open);
    chain_status_t status = can_follow(chain, chain_at(chain, parent, &best), &build->parent);
    if (status != CHAIN_OK) return status;
    if (!start_header(&build->parent, digest, room, sizeof room, &header)) return CHAIN_MALFORMED;
    if (!exec_stand(&chain->builder, &build->parent.hash)) return CHAIN_UNKNOWN_BLOCK;
    exec_start(&chain->builder);
    if (!take_overrides(chain, &chain->builder, &header)) return CHAIN_MALFORMED;
    bytes_t *overrides = &chain->builder.overrides;
    assert(overrides->len <= sizeof build->overrides);
    if (overrides->len) overrides->data = memcpy(build->overrides, overrides->data, overrides->len);
    build->is_open = true;
    runtime_initialize_block(&chain->builder.rt, &header);
    if (exec_is_whole(&chain->builder)) return CHAIN_OK;
    log_fault(&chain->builder);
    chain_build_drop(chain);
    return CHAIN_FAULT;
}

static void give_validity(validity_t validity, arena_t *arena, bytes_t *out)
{
    uint8_t room[8];
    scale_writer_t w = scale_writer(room, sizeof room);
    if (!out) return;
    validity_encode(&w, validity);
    if (!arena_copy(arena, scale_written(&w), out)) *out = (bytes_t){0};
}

chain_status_t chain_build_apply(chain_t *chain, bytes_t extrinsic, arena_t *arena, bytes_t *validity)
{
    build_t *build = &chain->build;
    exec_t *exec   = &chain->builder;
    dispatch_t result;
    assert(build->is_open && !build->is_finished);
    if (!grow_body(&build->body, extrinsic.len)) return CHAIN_BLOCK_FULL;
    rt_layer_t layer  = rt_layer_begin(&exec->rt);
    validity_t answer = runtime_apply_extrinsic(&exec->rt, extrinsic, &result);
    rt_layer_end(&exec->rt, layer, answer == VALID);
    if (!exec_is_whole(exec)) {
        log_fault(exec);
        return CHAIN_FAULT;
    }
    if (answer != VALID) {
        give_validity(answer, arena, validity);
        return answer == INVALID_EXHAUSTS ? CHAIN_BLOCK_FULL : CHAIN_EXTRINSIC_REFUSED;
    }
    scale_put_raw(&build->body, extrinsic.data, extrinsic.len);
    build->count++;
    chain->counters.extrinsics_applied++;
    return CHAIN_OK;
}

chain_status_t chain_build_finish(chain_t *chain, arena_t *arena, bytes_t *out)
{
    build_t *build = &chain->build;
    exec_t *exec   = &chain->builder;
    header_t header;
    assert(build->is_open && !build->is_finished);
    runtime_finalize_block(&exec->rt, &header);
    if (!exec_is_whole(exec) || !exec->has_root || !same(&header.state_root, &exec->root)) {
        log_fault(exec);
        return CHAIN_FAULT;
    }
    uint8_t *room = malloc(HEADER_LEN_MAX);
    if (!room) return CHAIN_FAULT;
    scale_writer_t w = scale_writer(room, HEADER_LEN_MAX);
    header_encode(&w, &header);
    build->header      = scale_written(&w);
    build->header_room = room;
    build->is_finished = true;
    return !w.failed && arena_copy(arena, build->header, out) ? CHAIN_OK : CHAIN_FAULT;
}

static bool add_seal(bytes_t header, bytes_t seal, scale_writer_t *w)
{
    header_t sealed;
    scale_reader_t r = scale_reader(header, NULL), s = scale_reader(seal, NULL);
    header_decode(&r, &sealed);
    if (!scale_done(&r) || sealed.digest_count == RUNTIME_DIGEST_CAP) return false;
    digest_item_t *item = &sealed.digest[sealed.digest_count++];
    *item               = (digest_item_t){.kind = (digest_kind_t)scale_get_u8(&s)};
    scale_get_raw(&s, item->engine, sizeof item->engine);
    item->data = scale_get_bytes(&s, 1024);
    if (!scale_done(&s) || item->kind != DIGEST_SEAL) return false;
    header_encode(w, &sealed);
    return !w->failed;
}

chain_status_t chain_build_commit(chain_t *chain, bytes_t seal, chain_point_t *block)
{
    build_t *build = &chain->build;
    assert(build->is_open && build->is_finished);
    uint32_t head = scale_compact_len(build->count), cap = build->header.len + seal.len + 16;
    uint8_t *room         = malloc((size_t)cap + head + build->body.len);
    chain_status_t status = CHAIN_MALFORMED;
    assert(room);
    scale_writer_t header = scale_writer(room, cap), body = scale_writer(room + cap, head + build->body.len);
    scale_put_compact(&body, build->count);
    if (build->body.len) scale_put_raw(&body, build->body.start, build->body.len);
    if (add_seal(build->header, seal, &header)) {
        chain_point_t parent = build->parent;
        build->is_open       = false; /* listeners may look at the chain, and the block is part of it */
        status         = chain_keep(chain, &chain->builder, scale_written(&header), scale_written(&body),
                                    &parent.hash, parent.number + 1, block);
        build->is_open = status != CHAIN_OK;
    }
    chain->counters.blocks_built += status == CHAIN_OK;
    free(room);
    chain_build_drop(chain);
    return status;
}

void chain_build_drop(chain_t *chain)
{
    build_t *build = &chain->build;
    if (build->is_open) exec_forget(&chain->builder);
    free(build->body.start);
    free(build->header_room);
    *build = (build_t){0};
}

/* ------------------------------------------------------------------ import */

/* A header taken apart: as it came, and as it was before it was sealed. */
typedef struct {
    header_t header; /* without its seal */
    bytes_t seal;
    uint64_t slot;
    chain_point_t parent;
} sealed_t;

static bool take_seal(bytes_t bytes, sealed_t *sealed)
{
    scale_reader_t r = scale_reader(bytes, NULL);
    header_decode(&r, &sealed->header);
    if (!scale_done(&r) || bytes.len > HEADER_LEN_MAX || sealed->header.digest_count == 0) return false;
    const digest_item_t *last = &sealed->header.digest[--sealed->header.digest_count];
    sealed->seal              = last->data;
    return last->kind == DIGEST_SEAL && memcmp(last->engine, aura, 4) == 0 && last->data.len == 64 &&
           header_slot(&sealed->header, &sealed->slot);
}

static bool parent_slot(chain_t *chain, const chain_point_t *parent, uint64_t *slot)
{
    _Alignas(16) static uint8_t room[HEADER_LEN_MAX + 1024]; /* one thread */
    arena_t arena = {room, sizeof room, 0};
    bytes_t bytes;
    header_t header;
    *slot = 0;
    if (parent->number == 0) return true;
    if (!chain_header(chain, &parent->hash, &arena, &bytes)) return false;
    scale_reader_t r = scale_reader(bytes, NULL);
    header_decode(&r, &header);
    return scale_done(&r) && header_slot(&header, slot);
}

/* Who may seal, and how long a slot is, after the parent. */
typedef struct {
    account_id_t authorities[AUTHORITIES_MAX];
    uint32_t count;
    uint64_t slot_ms;
} aura_t;

static void ask_aura(void *self, rt_t *rt)
{
    aura_t *answer  = self;
    answer->count   = runtime_aura_authorities(rt, answer->authorities, AUTHORITIES_MAX);
    answer->slot_ms = runtime_slot_duration(rt);
}

static bool seal_is_good(chain_t *chain, const sealed_t *sealed, uint64_t now_ms)
{
    static aura_t answer; /* one thread; too large for the stack */
    uint64_t before;
    if (!parent_slot(chain, &sealed->parent, &before)) return false;
    if (chain_run(chain, &sealed->parent.hash, ask_aura, &answer) != CHAIN_OK) return false;
    if (answer.count == 0 || answer.count > AUTHORITIES_MAX || answer.slot_ms == 0) return false;
    if (sealed->slot <= before && sealed->parent.number != 0) return false;
    if (sealed->slot > (now_ms + SLOT_TOLERANCE_MS) / answer.slot_ms) return false;
    hash_t hash = header_hash(&sealed->header);
    return sr25519_verify(sealed->seal.data, answer.authorities[sealed->slot % answer.count].b,
                          (bytes_t){hash.b, 32});
}

chain_status_t chain_import(chain_t *chain, bytes_t header, bytes_t body, uint64_t now_ms,
                            chain_point_t *block)
{
    sealed_t sealed;
    uint32_t number;
    assert(!chain->build.is_open);
    hash_t hash = blake2_256(header);
    if (chain_number(chain, &hash, &number)) return CHAIN_KNOWN_BLOCK;
    if (!take_seal(header, &sealed)) return CHAIN_MALFORMED;
    chain_status_t status = can_follow(chain, &sealed.header.parent_hash, &sealed.parent);
    if (status != CHAIN_OK) return status;
    if (sealed.header.number != sealed.parent.number + 1 || !seal_is_good(chain, &sealed, now_ms))
        return CHAIN_BAD_HEADER;

    exec_t *exec = &chain->builder;
    if (!exec_stand(exec, &sealed.parent.hash)) return CHAIN_UNKNOWN_BLOCK;
    exec_start(exec);
    if (!take_overrides(chain, exec, &sealed.header)) return CHAIN_BAD_HEADER;
    bool is_true = runtime_execute_block(&exec->rt, &sealed.header, body) && exec_is_whole(exec) &&
                   exec->has_root && same(&exec->root, &sealed.header.state_root);
    status = is_true ? chain_keep(chain, exec, header, body, &sealed.parent.hash, sealed.header.number, block)
                     : CHAIN_BAD_BLOCK;
    if (status != CHAIN_OK) exec_forget(exec);
    return status;
}

/* ------------------------------------------------------------------ check, revert */

static chain_status_t check(chain_t *chain, const hash_t *hash, arena_t *arena)
{
    sealed_t sealed;
    bytes_t header, body;
    if (!chain_header(chain, hash, arena, &header) || !chain_body(chain, hash, arena, &body))
        return CHAIN_UNKNOWN_BLOCK;
    if (!take_seal(header, &sealed)) return CHAIN_MALFORMED;
    sealed.parent.hash = sealed.header.parent_hash;
    if (!chain_number(chain, &sealed.parent.hash, &sealed.parent.number)) return CHAIN_UNKNOWN_BLOCK;
    if (!chain_has_state(chain, &sealed.parent.hash)) return CHAIN_UNKNOWN_BLOCK;
    chain_status_t status = chain_runtime(chain, &sealed.parent.hash);
    if (sealed.header.number != sealed.parent.number + 1 || !seal_is_good(chain, &sealed, UINT64_MAX / 2))
        return CHAIN_BAD_HEADER;
    if (status != CHAIN_OK) return status;
    exec_t *exec = &chain->builder;
    if (!exec_stand(exec, &sealed.parent.hash)) return CHAIN_UNKNOWN_BLOCK;
    exec_start(exec);
    if (!take_overrides(chain, exec, &sealed.header)) return CHAIN_BAD_HEADER;
    bool is_true = runtime_execute_block(&exec->rt, &sealed.header, body) && exec_is_whole(exec) &&
                   exec->has_root && same(&exec->root, &sealed.header.state_root);
    exec_forget(exec);
    return is_true ? CHAIN_OK : CHAIN_BAD_BLOCK;
}

chain_status_t chain_check(chain_t *chain, const hash_t *hash)
{
    uint32_t number;
    assert(!chain->build.is_open);
    if (!chain_number(chain, hash, &number)) return CHAIN_UNKNOWN_BLOCK;
    if (number == 0) return CHAIN_OK;
    arena_t arena = {malloc(BLOCK_READ_MAX), BLOCK_READ_MAX, 0};
    if (!arena.start) return CHAIN_FAULT;
    chain_status_t status = check(chain, hash, &arena);
    free(arena.start);
    return status;
}

chain_status_t chain_revert(chain_t *chain, uint32_t number)
{
    assert(!chain->build.is_open);
    if (store_revert(chain->store, number) != STORE_OK) return CHAIN_FINALIZED_BEYOND;
    exec_forget(&chain->builder);
    exec_forget(&chain->query);
    return CHAIN_OK;
}

chain_status_t chain_set_best(chain_t *chain, const hash_t *hash)
{
    chain_point_t before = chain_best(chain);
    assert(!chain->build.is_open);
    if (same(&before.hash, hash)) return CHAIN_OK;
    store_status_t status = store_set_best(chain->store, hash);
    if (status != STORE_OK)
        return status == STORE_UNKNOWN_BLOCK ? CHAIN_UNKNOWN_BLOCK : CHAIN_FINALIZED_BEYOND;
    chain_notify(chain, &(chain_event_t){.kind = CHAIN_BEST, .block = chain_best(chain), .previous = before});
    return CHAIN_OK;
}

/* ------------------------------------------------------------------ finalize */

/* keep_pruned keeps of `blocks` those that lost to others. */
static uint32_t keep_pruned(chain_t *chain, chain_point_t *blocks, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!store_is_alive(chain->store, &blocks[i].hash)) blocks[kept++] = blocks[i];
    return kept;
}

static void tell_final(chain_t *chain, const chain_point_t *block, chain_point_t before,
                       chain_point_t best_before, const chain_route_t *route, const chain_point_t *pruned,
                       uint32_t pruned_count)
{
    chain_point_t best = chain_best(chain);
    log_info(LOG_CHAIN, "finalized block", LOG_U32("number", block->number), LOG_HASH("hash", block->hash));
    if (!same(&best.hash, &best_before.hash))
        chain_notify(chain, &(chain_event_t){.kind = CHAIN_BEST, .block = best, .previous = best_before});
    chain_notify(chain, &(chain_event_t){.kind            = CHAIN_FINALIZED,
                                         .block           = *block,
                                         .previous        = before,
                                         .finalized       = route->enacted,
                                         .finalized_count = route->enacted_count,
                                         .pruned          = pruned,
                                         .pruned_count    = pruned_count});
}

chain_status_t chain_finalize(chain_t *chain, const hash_t *hash, bytes_t justification)
{
    chain_point_t before = chain_finalized(chain), best = chain_best(chain), block = {.hash = *hash};
    chain_point_t *others;
    uint32_t other_count;
    chain_route_t route;
    if (!chain_number(chain, hash, &block.number)) return CHAIN_UNKNOWN_BLOCK;
    if (block.number <= before.number)
        return chain_is_canonical(chain, hash) ? CHAIN_OK : CHAIN_FINALIZED_BEYOND;

    uint64_t room =
        ARENA_SMALL + 3 * sizeof(chain_point_t) * (uint64_t)(store_unfinalized_count(chain->store) + 1);
    arena_t arena = {malloc(room), (uint32_t)room, 0};
    assert(arena.start && room <= UINT32_MAX);
    chain_status_t status = CHAIN_FAULT;
    if (chain_unfinalized(chain, &arena, &others, &other_count) &&
        chain_route(chain, &before.hash, hash, &arena, &route) && route.retracted_count == 0 &&
        store_finalize(chain->store, hash, justification) == STORE_OK) {
        assert(!chain->build.is_open); /* its view of the store would be an old one */
        tell_final(chain, &block, before, best, &route, others, keep_pruned(chain, others, other_count));
        chain_look_ahead(chain);
        status = CHAIN_OK;
    }
    free(arena.start);
    return status;
}
