/* session.c - sessions of 600 blocks: who makes blocks and finalizes them, and with which keys.
 *
 * At each start the queued validators and their keys become the present ones, and the validator set says who
 * is queued next.  Aura and Grandpa hear of it when the queued keys differ (spec tfgrid 1.7). */
#include "session_pallet.h"

#include "../aura/aura.h"
#include "../collective/accounts.h"
#include "../grandpa/grandpa.h"
#include "../system/system.h"
#include "../validator_set/validator_set.h"

#include <string.h>

enum { SESSION_BLOCKS = 600, AURA_AUTHORITIES_CHANGED = 1 };

typedef account_id_support_session_keys_vec_t keys_t;

static bool keys_equal(keys_t a, keys_t b)
{
    if (a.len != b.len) return false;
    for (uint32_t i = 0; i < a.len; i++)
        if (accounts_compare(&a.items[i].f0, &b.items[i].f0) != 0 ||
            memcmp(&a.items[i].f1, &b.items[i].f1, sizeof a.items[i].f1) != 0)
            return false;
    return true;
}

static void *take(rt_t *rt, uint32_t count, size_t size)
{
    void *room = arena_take(&rt->arena, count * (uint32_t)size);
    if (!room) rt_fault(rt, "no memory for a session");
    return room;
}

static void put_validators(rt_t *rt, keys_t keys)
{
    account_id_vec_t validators = {.items = take(rt, keys.len, sizeof *validators.items)};
    for (; validators.items && validators.len < keys.len; validators.len++)
        validators.items[validators.len] = keys.items[validators.len].f0;
    session_validators_put(rt, validators);
}

/* queued_next is the validator set's answer, with the keys of those who have any; where nobody has, all
 * stays. */
static keys_t queued_next(rt_t *rt, keys_t now)
{
    account_id_vec_t validators = validator_set_of_session(rt);
    keys_t next                 = {.items = take(rt, validators.len, sizeof *next.items)};
    for (uint32_t i = 0; next.items && i < validators.len; i++) {
        account_id_support_session_keys_t *one = &next.items[next.len];
        one->f0                                = validators.items[i];
        if (session_next_keys_get(rt, &one->f0, &one->f1)) next.len++;
    }
    return next.len > 0 ? next : now;
}

static void tell_aura(rt_t *rt, keys_t keys)
{
    bytes32_vec_t authorities = {.items = take(rt, keys.len, sizeof *authorities.items)};
    uint32_t cap              = 8 + keys.len * 32;
    uint8_t *room             = take(rt, cap, 1);
    if (rt->fault) return;
    for (; authorities.len < keys.len; authorities.len++)
        authorities.items[authorities.len] = keys.items[authorities.len].f1.aura;
    aura_authorities_put(rt, authorities);

    scale_writer_t w           = scale_writer(room, cap);
    support_digest_item_t item = {.kind = SUPPORT_DIGEST_ITEM_CONSENSUS};
    scale_put_u8(&w, AURA_AUTHORITIES_CHANGED);
    bytes32_vec_encode(&w, authorities);
    memcpy(item.consensus.u8.b, "aura", 4);
    item.consensus.bytes = scale_written(&w);
    system_digest_add(rt, &item);
}

static void tell_grandpa(rt_t *rt, keys_t keys, bool is_changed, uint32_t session)
{
    bytes32_t *authorities = take(rt, keys.len, sizeof *authorities);
    if (!authorities) return;
    for (uint32_t i = 0; i < keys.len; i++)
        authorities[i] = keys.items[i].f1.grandpa;
    grandpa_session(rt, authorities, keys.len, is_changed, session);
}

static void rotate(rt_t *rt)
{
    keys_t now;
    bool is_changed = session_queued_changed_get(rt);
    session_queued_keys_get(rt, &now);
    uint32_t session = session_current_index_get(rt) + 1;
    put_validators(rt, now);
    if (is_changed) session_disabled_validators_remove(rt);
    session_current_index_put(rt, session);

    keys_t next = queued_next(rt, now);
    session_queued_keys_put(rt, next);
    session_queued_changed_put(rt, !keys_equal(now, next));
    session_emit_new_session(rt, session);

    if (is_changed) tell_aura(rt, now);
    tell_grandpa(rt, now, is_changed, session);
}

weight_t session_on_initialize(rt_t *rt)
{
    if (system_number_get(rt) % SESSION_BLOCKS != 0) return (weight_t){0};
    rotate(rt);
    return (weight_t){20 * (WEIGHT_READ + WEIGHT_WRITE), 0};
}

/* ------------------------------------------------------------------ keys */

static const char KEY_TYPES[2][4] = {
    {'a', 'u', 'r', 'a'},
    {'g', 'r', 'a', 'n'}
};

static bytes4_bytes_t owned_key(const support_session_keys_t *keys, uint32_t kind)
{
    bytes4_bytes_t owned = {
        .f1 = {kind == 0 ? keys->aura.b : keys->grandpa.b, 32}
    };
    memcpy(owned.f0.b, KEY_TYPES[kind], sizeof owned.f0.b);
    return owned;
}

dispatch_t session_set_keys(rt_t *rt, const account_id_t *who, const session_set_keys_args_t *args)
{
    system_account_info_t account;
    support_session_keys_t before;
    system_account_get(rt, who, &account);
    bool had_keys = session_next_keys_get(rt, who, &before);
    ENSURE(account.providers > 0 && account.consumers < SYSTEM_MAX_CONSUMERS, SESSION_NO_ACCOUNT);
    for (uint32_t i = 0; i < 2; i++) {
        account_id_t owner;
        bytes4_bytes_t owned = owned_key(&args->keys, i);
        ENSURE(!session_key_owner_get(rt, &owned, &owner) || accounts_compare(&owner, who) == 0,
               SESSION_DUPLICATED_KEY);
    }

    for (uint32_t i = 0; i < 2; i++) {
        bytes4_bytes_t old = owned_key(&before, i), new = owned_key(&args->keys, i);
        if (had_keys) session_key_owner_remove(rt, &old);
        session_key_owner_put(rt, &new, who);
    }
    session_next_keys_put(rt, who, &args->keys);
    if (had_keys) return DISPATCH_OK;
    TRY(system_consumer_add(&account));
    system_account_put(rt, who, &account);
    return DISPATCH_OK;
}

dispatch_t session_purge_keys(rt_t *rt, const account_id_t *who)
{
    system_account_info_t account;
    support_session_keys_t keys;
    ENSURE(session_next_keys_get(rt, who, &keys), SESSION_NO_KEYS);

    for (uint32_t i = 0; i < 2; i++) {
        bytes4_bytes_t owned = owned_key(&keys, i);
        session_key_owner_remove(rt, &owned);
    }
    session_next_keys_remove(rt, who);
    system_account_get(rt, who, &account);
    system_consumer_remove(&account);
    system_account_put(rt, who, &account);
    return DISPATCH_OK;
}
