/* executive.c - a block from start to end (spec tfgrid 1.7): start, inherents, extrinsics, finish. */

#include "checked.h"
#include "extension.h"
#include "limits.h"
#include "runtime.h"
#include "runtime_call.h"
#include "system/system.h"
#include "trie.h"
#include "utility/nested.h"

#include <string.h>

static const bytes_t extrinsic_index_key = {(const uint8_t *)":extrinsic_index", 16};

/* ------------------------------------------------------------------------------------ what lasts between
 * extrinsics */

/* The number of the extrinsic under way stands in state: a runtime function may be a process of its own. */
static bool index_get(rt_t *rt, uint32_t *index)
{
    bytes_t value;
    if (!rt->host->get(rt->host->state, extrinsic_index_key, &rt->arena, &value)) return false;
    scale_reader_t r = scale_reader(value, NULL);
    *index           = scale_get_u32(&r);
    return scale_done(&r);
}

static void index_put(rt_t *rt, uint32_t index)
{
    uint8_t room[4];
    scale_writer_t w = scale_writer(room, sizeof room);
    scale_put_u32(&w, index);
    rt->host->put(rt->host->state, extrinsic_index_key, scale_written(&w));
}

/* ------------------------------------------------------------------------------------ start */

static void put_digest(rt_t *rt, const header_t *header)
{
    support_digest_item_t items[RUNTIME_DIGEST_CAP];
    support_digest_t digest = {
        .logs = {items, 0}
    };
    for (uint32_t i = 0; i < header->digest_count; i++) {
        const digest_item_t *from = &header->digest[i];
        if (from->kind != DIGEST_PRE_RUNTIME) continue;
        support_digest_item_t *to = &items[digest.logs.len++];
        to->kind                  = SUPPORT_DIGEST_ITEM_PRE_RUNTIME;
        to->pre_runtime.bytes     = from->data;
        memcpy(to->pre_runtime.u8.b, from->engine, sizeof from->engine);
    }
    system_digest_put(rt, &digest);
}

void runtime_initialize_block(rt_t *rt, const header_t *header)
{
    /* Block 1 follows any genesis: one that began with another chain's state has its number. */
    if (header->number == 0 || (header->number != 1 && header->number != system_number_get(rt) + 1)) {
        rt_fault(rt, "the block does not follow its parent");
        return;
    }
    rt->phase = PHASE_INITIALIZATION;
    system_events_remove(rt);
    system_event_count_remove(rt);
    if (system_was_upgraded(rt)) system_note_upgrade(rt);
    index_put(rt, 0);
    system_number_put(rt, header->number);
    put_digest(rt, header);
    system_parent_hash_put(rt, &header->parent_hash);
    system_block_hash_put(rt, header->number - 1, &header->parent_hash);
    system_block_weight_remove(rt);

    weight_t hooks = runtime_on_initialize(rt);
    system_weight_add(
        rt, CLASS_MANDATORY,
        (weight_t){.ref_time = BLOCK_WEIGHT_BASE + hooks.ref_time, .proof_size = hooks.proof_size});
    rt_events_flush(rt);
}

/* ------------------------------------------------------------------------------------ one extrinsic */

static void emit_result(rt_t *rt, dispatch_t result, const dispatch_info_t *info)
{
    system_dispatch_info_t told = {
        .weight   = {info->weight.ref_time + EXTRINSIC_WEIGHT_BASE, info->weight.proof_size},
        .class_   = (support_dispatch_class_t)info->class,
        .pays_fee = info->pays_no_fee ? SUPPORT_PAYS_NO : SUPPORT_PAYS_YES,
    };
    if (result == DISPATCH_OK) {
        system_emit_extrinsic_success(rt, &told);
        return;
    }
    support_dispatch_error_t error = support_dispatch_error_from(result);
    system_emit_extrinsic_failed(rt, &error, &told);
}

/* A bare extrinsic is the block's time, and nothing else. */
static bool is_inherent(const extrinsic_t *x)
{
    return !x->is_signed && x->call.pallet == TIMESTAMP_PALLET &&
           x->call.timestamp.index == TIMESTAMP_CALL_SET;
}

/* give_back_weight makes info tell what the call really weighed. */
static void give_back_weight(rt_t *rt, dispatch_info_t *info)
{
    if (!rt->has_used_weight) return;
    weight_t unused = {u64_sub_sat(info->weight.ref_time, rt->used_weight.ref_time),
                       u64_sub_sat(info->weight.proof_size, rt->used_weight.proof_size)};
    system_weight_refund(rt, info->class, unused);
    info->weight.ref_time -= unused.ref_time;
    info->weight.proof_size -= unused.proof_size;
}

static validity_t apply_inherent(rt_t *rt, const extrinsic_t *x, dispatch_t *result)
{
    dispatch_info_t info = runtime_call_dispatch_info(&x->call);
    validity_t validity  = extension_limits(rt, &info, x->encoded.len);
    if (validity != VALID) return validity;
    *result = call_run(rt, &(origin_t){.kind = ORIGIN_NONE}, &x->call);
    if (*result != DISPATCH_OK) return INVALID_BAD_MANDATORY;
    emit_result(rt, *result, &info);
    return VALID;
}

static validity_t apply_signed(rt_t *rt, const extrinsic_t *x, dispatch_t *result)
{
    account_id_t who;
    payment_t paid;
    place_t place       = {.number = system_number_get(rt)};
    validity_t validity = extension_signer(rt, x, place, &who);
    if (validity != VALID) return validity;
    dispatch_info_t info = runtime_call_dispatch_info(&x->call);
    if (info.class == CLASS_MANDATORY) return INVALID_MANDATORY;
    validity = extension_before(rt, x, &who, &info, &paid);
    if (validity != VALID) return validity;

    *result          = call_run(rt, &(origin_t){.kind = ORIGIN_SIGNED, .who = who}, &x->call);
    info.pays_no_fee = info.pays_no_fee || rt->pays_no_fee;
    give_back_weight(rt, &info);
    extension_after(rt, &paid, &info, x->encoded.len);
    emit_result(rt, *result, &info);
    return VALID;
}

validity_t runtime_apply_extrinsic(rt_t *rt, bytes_t encoded, dispatch_t *result)
{
    uint32_t index, arena_used = rt->arena.used;
    extrinsic_t x;
    *result = DISPATCH_OK;
    if (!extrinsic_decode(encoded, &rt->arena, &x)) return INVALID_CALL;
    if (!x.is_signed && !is_inherent(&x)) return UNKNOWN_NO_VALIDATOR;
    if (!index_get(rt, &index)) {
        rt_fault(rt, "no block was started");
        return INVALID_CALL;
    }
    rt->phase           = index;
    rt_layer_t layer    = rt_layer_begin(rt);
    validity_t validity = x.is_signed ? apply_signed(rt, &x, result) : apply_inherent(rt, &x, result);
    if (validity == VALID) {
        system_extrinsic_data_put(rt, index, encoded);
        index_put(rt, index + 1);
        rt_events_flush(rt);
    }
    rt_layer_end(rt, layer, validity == VALID);
    rt->arena.used = arena_used; /* what the call decoded is done with */
    return rt->fault ? INVALID_EXHAUSTS : validity;
}

/* ------------------------------------------------------------------------------------ end */

static hash_t extrinsics_root(rt_t *rt, uint32_t count)
{
    hash_t root    = {0};
    bytes_t *items = arena_take(&rt->arena, (count ? count : 1) * (uint32_t)sizeof *items);
    for (uint32_t i = 0; items && i < count; i++) {
        items[i] = system_extrinsic_data_get(rt, i);
        system_extrinsic_data_remove(rt, i);
    }
    if (!items || !trie_root_ordered(TRIE_V0, items, count, &rt->arena, &root))
        rt_fault(rt, "memory is too small for the extrinsics root");
    return root;
}

static void read_digest(rt_t *rt, header_t *header)
{
    support_digest_t digest;
    system_digest_get(rt, &digest);
    if (digest.logs.len > RUNTIME_DIGEST_CAP) {
        rt_fault(rt, "the digest is too long");
        return;
    }
    uint8_t *room    = arena_take(&rt->arena, 4096);
    scale_writer_t w = scale_writer(room, room ? 4096 : 0);
    support_digest_encode(&w, &digest);
    scale_reader_t r     = scale_reader(scale_written(&w), &rt->arena);
    header->digest_count = scale_get_compact_u32(&r);
    for (uint32_t i = 0; i < header->digest_count; i++)
        digest_item_decode(&r, &header->digest[i]);
    if (w.failed || !scale_done(&r)) rt_fault(rt, "the digest does not decode");
}

void runtime_finalize_block(rt_t *rt, header_t *header)
{
    uint32_t count = 0;
    (void)index_get(rt, &count);
    rt->host->remove(rt->host->state, extrinsic_index_key);
    rt->phase = PHASE_FINALIZATION;
    runtime_on_finalize(rt);
    rt_events_flush(rt);

    system_all_extrinsics_len_remove(rt);
    *header = (header_t){.number = system_number_get(rt)};
    system_parent_hash_get(rt, &header->parent_hash);
    header->extrinsics_root = extrinsics_root(rt, count);
    if (header->number > SYSTEM_BLOCK_HASH_COUNT + 1)
        system_block_hash_remove(rt, header->number - SYSTEM_BLOCK_HASH_COUNT - 1);
    read_digest(rt, header);
    header->state_root = rt->fault ? (hash_t){0} : rt->host->storage_root(rt->host->state);
}

static bool apply_body(rt_t *rt, bytes_t body)
{
    scale_reader_t r = scale_reader(body, NULL);
    uint32_t count   = scale_get_compact_u32(&r);
    for (uint32_t i = 0; i < count && !r.failed; i++) {
        const uint8_t *start = r.at;
        (void)scale_get_bytes(&r, UINT32_MAX);
        dispatch_t result;
        if (r.failed ||
            runtime_apply_extrinsic(rt, (bytes_t){start, (uint32_t)(r.at - start)}, &result) != VALID)
            return false;
    }
    return scale_done(&r);
}

bool runtime_execute_block(rt_t *rt, const header_t *header, bytes_t body)
{
    header_t made;
    runtime_initialize_block(rt, header);
    if (rt->fault || !apply_body(rt, body)) return false;
    runtime_finalize_block(rt, &made);
    if (rt->fault) return false;
    hash_t claimed = header_hash(header), found = header_hash(&made);
    return memcmp(claimed.b, found.b, sizeof found.b) == 0;
}

/* ------------------------------------------------------------------------------------ the pool's question */

validity_t runtime_validate(rt_t *rt, transaction_source_t source, bytes_t encoded, const hash_t *at,
                            transaction_t *transaction)
{
    (void)source;
    extrinsic_t x;
    account_id_t who;
    if (!extrinsic_decode(encoded, &rt->arena, &x)) return INVALID_CALL;
    if (!x.is_signed) return UNKNOWN_NO_VALIDATOR;
    place_t place       = {.number = system_number_get(rt) + 1, .parent = at};
    validity_t validity = extension_signer(rt, &x, place, &who);
    if (validity != VALID) return validity;
    return extension_validate(rt, &x, &who, place, transaction);
}

void runtime_timestamp_inherent(scale_writer_t *w, uint64_t now_ms)
{
    uint8_t room[16];
    scale_writer_t inner = scale_writer(room, sizeof room);
    scale_put_u8(&inner, 4); /* bare, version 4 */
    timestamp_set_call_encode(&inner, &(timestamp_set_args_t){.now = now_ms});
    scale_put_bytes(w, scale_written(&inner));
}

void validity_encode(scale_writer_t *w, validity_t validity)
{
    uint8_t index = (uint8_t)(validity >> 8);
    scale_put_u8(w, (uint8_t)((validity >> 16) - 1));
    scale_put_u8(w, index);
    bool is_custom = (validity >> 16 == 1 && index == 7) || (validity >> 16 == 2 && index == 2);
    if (is_custom) scale_put_u8(w, (uint8_t)validity);
}
