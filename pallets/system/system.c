/* system.c - remarks, raw storage by root, the digest and the weight of the block. */

#include "system.h"

#include "checked.h"
#include "hash.h"

void system_digest_add(rt_t *rt, const support_digest_item_t *item)
{
    support_digest_t digest;
    system_digest_get(rt, &digest);
    if (item->kind == SUPPORT_DIGEST_ITEM_RUNTIME_ENVIRONMENT_UPDATED)
        for (uint32_t i = 0; i < digest.logs.len; i++)
            if (digest.logs.items[i].kind == item->kind) return;
    support_digest_item_t *items = arena_take(&rt->arena, (digest.logs.len + 1) * (uint32_t)sizeof *items);
    if (!items) {
        rt_fault(rt, "memory is too small for the digest");
        return;
    }
    for (uint32_t i = 0; i < digest.logs.len; i++)
        items[i] = digest.logs.items[i];
    items[digest.logs.len] = *item;
    digest.logs            = (support_digest_item_vec_t){items, digest.logs.len + 1};
    system_digest_put(rt, &digest);
}

static support_weight_t *weight_of(system_per_dispatch_class_weight_t *used, dispatch_class_t class)
{
    return class == CLASS_NORMAL        ? &used->normal
           : class == CLASS_OPERATIONAL ? &used->operational
                                        : &used->mandatory;
}

void system_weight_add(rt_t *rt, dispatch_class_t class, weight_t weight)
{
    system_per_dispatch_class_weight_t used;
    system_block_weight_get(rt, &used);
    support_weight_t *mine = weight_of(&used, class);
    mine->ref_time         = u64_add_sat(mine->ref_time, weight.ref_time);
    mine->proof_size       = u64_add_sat(mine->proof_size, weight.proof_size);
    system_block_weight_put(rt, &used);
}

void system_weight_refund(rt_t *rt, dispatch_class_t class, weight_t unused)
{
    system_per_dispatch_class_weight_t used;
    system_block_weight_get(rt, &used);
    support_weight_t *mine = weight_of(&used, class);
    mine->ref_time         = u64_sub_sat(mine->ref_time, unused.ref_time);
    mine->proof_size       = u64_sub_sat(mine->proof_size, unused.proof_size);
    system_block_weight_put(rt, &used);
}

dispatch_t system_remark(rt_t *rt, const account_id_t *who, const system_remark_args_t *args)
{
    (void)rt;
    (void)who;
    (void)args;
    return DISPATCH_OK;
}

dispatch_t system_remark_with_event(rt_t *rt, const account_id_t *who,
                                    const system_remark_with_event_args_t *args)
{
    hash_t hash = blake2_256(args->remark);
    system_emit_remarked(rt, who, &hash);
    return DISPATCH_OK;
}

dispatch_t system_set_heap_pages(rt_t *rt, const system_set_heap_pages_args_t *args)
{
    uint8_t value[8];
    scale_writer_t w = scale_writer(value, sizeof value);
    scale_put_u64(&w, args->pages);
    rt->host->put(rt->host->state, BYTES(":heappages"), scale_written(&w));
    system_digest_add(rt, &(support_digest_item_t){.kind = SUPPORT_DIGEST_ITEM_RUNTIME_ENVIRONMENT_UPDATED});
    return DISPATCH_OK;
}

dispatch_t system_set_storage(rt_t *rt, const system_set_storage_args_t *args)
{
    for (uint32_t i = 0; i < args->items.len; i++)
        ENSURE(args->items.items[i].f0.len <= RT_KEY_MAX, DISPATCH_EXHAUSTED);
    for (uint32_t i = 0; i < args->items.len; i++)
        rt->host->put(rt->host->state, args->items.items[i].f0, args->items.items[i].f1);
    return DISPATCH_OK;
}

dispatch_t system_kill_storage(rt_t *rt, const system_kill_storage_args_t *args)
{
    for (uint32_t i = 0; i < args->keys.len; i++)
        rt->host->remove(rt->host->state, args->keys.items[i]);
    return DISPATCH_OK;
}

dispatch_t system_kill_prefix(rt_t *rt, const system_kill_prefix_args_t *args)
{
    bytes_t key = args->prefix, value;
    if (rt->host->get(rt->host->state, key, &rt->arena, &value)) rt->host->remove(rt->host->state, key);
    while (rt_storage_next(rt, args->prefix, &key))
        rt->host->remove(rt->host->state, key);
    return DISPATCH_OK;
}
