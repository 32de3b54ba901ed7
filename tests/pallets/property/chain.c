/* chain.c - a chain over a table, step by step. */
#include "chain.h"

#include "coverage.h"
#include "dev_accounts.h"
#include "fault.h"
#include "hash.h"
#include "runtime_version.h"
#include "sound.h"
#include "step.h"
#include "trie.h"
#include "utility/nested.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MEMORY               = 64 << 20,
    ACTORS               = 20,
    FIRST_SLOT           = 280000000,
    BLOCK_CALLS          = 24, /* at most */
    LOOK_EVERY           = 2,  /* blocks, at the whole state */
    GRACE_BLOCKS         = 201600,
    RANDOM_EXTRINSIC_MAX = (1 << 16) + 512,
};

#define TFT ((u128_t)10000000)

struct chain {
    rt_t rt;
    host_t host;
    table_t *table;
    random_calls_t *calls;
    accounts_t *accounts;
    random_config_t config;
    uint64_t slot;
    hash_t parent, genesis;
    uint32_t blocks_since_look, made;
    bool is_open;
    table_change_t changes[STEP_CHANGES_MAX];
};

bool chain_is_traced;
static uint64_t blocks_made;
uint64_t chain_blocks(void) { return blocks_made; }
const char *chain_fault(const chain_t *chain)
{
    (void)chain;
    return fault_text;
}

/* ------------------------------------------------------------------------------ signatures */

/* Whoever knows an account can sign in its name here: a signature is the account and the hash of what it
 * signs.  It is as easily forged as checked. */
static void sign_as(const account_id_t *who, bytes_t message, uint8_t signature[64])
{
    const hash_t hash = blake2_256(message);
    memcpy(signature, who->b, 32);
    memcpy(signature + 32, hash.b, 32);
}

static void sign(void *context, uint32_t actor, bytes_t message, uint8_t signature[64])
{
    sign_as(&((const chain_t *)context)->config.actors[actor], message, signature);
}

static bool verify(void *state, uint8_t kind, bytes_t signature, bytes_t message, const account_id_t *signer)
{
    uint8_t expected[64];
    (void)state;
    (void)kind;
    sign_as(signer, message, expected);
    return bytes_equal(signature, (bytes_t){expected, sizeof expected});
}

/* --------------------------------------------------------------------------------- genesis */

static u128_t some_money(chance_t *chance)
{
    const uint32_t kind = chance_below(chance, 10);
    if (kind == 0) return 500 + 45000 + chance_below(chance, 50000);
    if (kind < 4) return TFT / 10 + chance_below(chance, 9000000);
    if (kind < 7) return TFT * (1 + chance_below(chance, 20));
    return TFT * (1000 + chance_below(chance, 100000));
}

static void choose_genesis(chain_t *chain, chance_t *chance, genesis_t *genesis, genesis_balance_t *balances)
{
    runtime_genesis_dev(genesis);
    if (chance_percent(chance, 50)) runtime_genesis_local(genesis);
    for (uint32_t i = 0; i < ACTORS; i++) {
        account_id_t *actor = &chain->config.actors[i];
        if (i < DEV_ACCOUNT_COUNT)
            *actor = dev_accounts[i];
        else
            memset(actor->b, (int)(0xa0 + i), sizeof actor->b);
        const bool is_council = i < 3;
        balances[i]           = (genesis_balance_t){*actor, is_council ? TFT * 1000000 : some_money(chance)};
    }
    genesis->balances      = balances;
    genesis->balance_count = ACTORS;
    for (uint32_t i = 0; i < 3; i++)
        genesis->bridge_validators[i] = dev_accounts[DEV_BRIDGE_1 + i];
    genesis->bridge_validator_count = 3;
    genesis->billing_frequency      = 2 + chance_below(chance, 12);
    if (chance_percent(chance, 15)) genesis->tft_price_min = 0; /* there is no price until it is set */
}

/* approve_one_more makes a validator that may come back by itself (ValidatorSet.add_validator_again). */
static void approve_one_more(chain_t *chain)
{
    account_id_t more[GENESIS_AUTHORITIES_CAP];
    account_id_vec_t approved;
    validator_set_approved_validators_get(&chain->rt, &approved);
    memcpy(more, approved.items, approved.len * sizeof *more);
    more[approved.len] = chain->config.actors[DEV_DAVE];
    validator_set_approved_validators_put(&chain->rt, (account_id_vec_t){more, approved.len + 1});
}

chain_t *chain_new(chance_t chance)
{
    static uint8_t *memory;
    if (!memory) memory = aligned_alloc(16, MEMORY);
    chain_t *chain = calloc(1, sizeof *chain);
    if (!chain || !memory) abort();
    genesis_t genesis;
    genesis_balance_t balances[ACTORS];
    chain->table = table_new();
    table_verify_with(chain->table, verify);
    chain->host         = table_host(chain->table);
    chain->slot         = FIRST_SLOT;
    chain->accounts     = accounts_new();
    chain->config.count = ACTORS;
    choose_genesis(chain, &chance, &genesis, balances);
    rt_start(&chain->rt, &chain->host, memory, MEMORY);
    runtime_genesis_build(&chain->rt, &genesis);
    approve_one_more(chain);
    const header_t header = {.extrinsics_root = trie_empty_root()};
    chain->genesis = chain->parent = header_hash(&header);
    chain->config.sign             = sign;
    chain->config.context          = chain;
    chain->config.has_root         = true;
    chain->config.keeps_addresses  = chance_percent(&chance, 50);
    chain->calls                   = random_calls_new(&chain->config, chance);
    fault_clear();
    return chain;
}

void chain_free(chain_t *chain)
{
    random_calls_free(chain->calls);
    accounts_free(chain->accounts);
    table_free(chain->table);
    free(chain);
}

/* ----------------------------------------------------------------------------------- steps */

static uint32_t events_so_far(chain_t *chain)
{
    bytes_t value;
    const rt_t *rt = &chain->rt;
    uint8_t key[32];
    twox_128(key, BYTES("System"));
    twox_128(key + 16, BYTES("Events"));
    if (!rt->host->get(rt->host->state, (bytes_t){key, 32}, &chain->rt.arena, &value)) return 0;
    scale_reader_t r = scale_reader(value, NULL);
    (void)scale_get_compact_u32(&r);
    return scale_left(&r);
}

/* read_events reads those after the first `skipped` bytes. */
static void read_events(chain_t *chain, uint32_t skipped, step_t *step)
{
    bytes_t value;
    rt_t *rt = &chain->rt;
    uint8_t key[32];
    twox_128(key, BYTES("System"));
    twox_128(key + 16, BYTES("Events"));
    if (!rt->host->get(rt->host->state, (bytes_t){key, 32}, &rt->arena, &value)) return;
    scale_reader_t r = scale_reader(value, &rt->arena);
    uint32_t count   = scale_get_compact_u32(&r);
    (void)scale_get_slice(&r, skipped);
    step->events.items = arena_take(&rt->arena, count * (uint32_t)sizeof *step->events.items);
    while (scale_left(&r) > 0 && !r.failed && step->events.items)
        system_event_record_decode(&r, &step->events.items[step->events.len++]);
    if (!scale_done(&r)) fault_set("the events do not decode");
}

static void step_begin(chain_t *chain) { chain->host.begin(chain->host.state); }

/* step_end looks at what the step did, and keeps it. */
static bool step_end(chain_t *chain, step_t *step, uint32_t events_before)
{
    rt_t *rt = &chain->rt;
    if (rt->fault) fault_set("the runtime broke: %s", rt->fault);
    if (table_depth(chain->table) != 1) fault_set("a layer is open");
    step->change_count  = table_changes(chain->table, chain->changes, STEP_CHANGES_MAX);
    step->changes       = chain->changes;
    const uint32_t used = rt->arena.used;
    read_events(chain, events_before, step);
    coverage_count(step);
    if (chain_is_traced) coverage_trace(system_number_get(rt), step);
    const bool holds = !fault_is_set() && step_money_holds(rt, step) && step_refusal_holds(rt, step) &&
                       step_bills_hold(rt, step, chain->accounts) &&
                       (step->kind != STEP_END || step_cycle_holds(rt, step, chain->accounts));
    rt->arena.used = used;
    chain->host.end(chain->host.state, true);
    return holds;
}

static bool open_block(chain_t *chain)
{
    static uint8_t slot_bytes[8];
    uint8_t room[32];
    dispatch_t result;
    step_t step             = {.kind = STEP_START};
    scale_writer_t w        = scale_writer(slot_bytes, sizeof slot_bytes),
                   inherent = scale_writer(room, sizeof room);
    scale_put_u64(&w, ++chain->slot);
    rt_start(&chain->rt, &chain->host, chain->rt.arena.start, MEMORY);
    const header_t header = {
        .parent_hash  = chain->parent,
        .number       = system_number_get(&chain->rt) + 1,
        .digest       = {{.kind = DIGEST_PRE_RUNTIME, .engine = "aura", .data = {slot_bytes, 8}}},
        .digest_count = 1,
    };
    step_begin(chain);
    runtime_initialize_block(&chain->rt, &header);
    runtime_timestamp_inherent(&inherent, chain->slot * 6000);
    if (runtime_apply_extrinsic(&chain->rt, scale_written(&inherent), &result) != VALID)
        fault_set("the time was refused");
    chain->is_open = true;
    return step_end(chain, &step, 0);
}

static bool is_sound(chain_t *chain)
{
    rt_t *rt            = &chain->rt;
    const uint32_t used = rt->arena.used;
    const bool holds    = sound_all(rt) && (!chain->config.keeps_addresses || sound_addresses_agree(rt)) &&
                       accounts_balance(rt, chain->accounts);
    rt->arena.used = used;
    return holds;
}

static bool close_block(chain_t *chain)
{
    header_t header;
    step_t step           = {.kind = STEP_END};
    const uint32_t before = events_so_far(chain);
    accounts_before_end(&chain->rt, chain->accounts);
    step_begin(chain);
    runtime_finalize_block(&chain->rt, &header);
    if (!chain->rt.fault) chain->parent = header_hash(&header);
    chain->is_open = false;
    blocks_made++;
    if (!step_end(chain, &step, before)) return false;
    if (++chain->blocks_since_look < LOOK_EVERY) return true;
    chain->blocks_since_look = 0;
    return is_sound(chain);
}

static void find_author(rt_t *rt, step_t *step)
{
    step->has_author = authorship_author_get(rt, &step->author);
}

/* extrinsic_of wraps a call for its signer. */
static bytes_t extrinsic_of(chain_t *chain, const account_id_t *who, bytes_t call, u128_t tip)
{
    static uint8_t payload[RANDOM_EXTRINSIC_MAX], inner[RANDOM_EXTRINSIC_MAX], whole[RANDOM_EXTRINSIC_MAX];
    system_account_info_t account;
    uint8_t signature[64];
    system_account_get(&chain->rt, who, &account);
    scale_writer_t w = scale_writer(payload, sizeof payload);
    scale_put_raw(&w, call.data, call.len);
    const uint32_t extra = w.len;
    era_put(&w, (era_t){0});
    scale_put_compact(&w, account.nonce);
    scale_put_compact_u128(&w, tip);
    const uint32_t extra_end = w.len;
    scale_put_u32(&w, RUNTIME_SPEC_VERSION);
    scale_put_u32(&w, RUNTIME_TRANSACTION_VERSION);
    scale_put_hash(&w, &chain->genesis);
    scale_put_hash(&w, &chain->genesis);
    bytes_t message   = scale_written(&w);
    const hash_t hash = blake2_256(message);
    if (message.len > 256) message = (bytes_t){hash.b, 32};
    sign_as(who, message, signature);

    w = scale_writer(inner, sizeof inner);
    scale_put_u8(&w, 0x84);
    scale_put_u8(&w, 0);
    scale_put_account_id(&w, who);
    scale_put_u8(&w, 1);
    scale_put_raw(&w, signature, sizeof signature);
    scale_put_raw(&w, payload + extra, extra_end - extra);
    scale_put_raw(&w, call.data, call.len);
    const bytes_t body = scale_written(&w);
    w                  = scale_writer(whole, sizeof whole);
    scale_put_bytes(&w, body);
    return scale_written(&w);
}

static bool apply_signed(chain_t *chain, const random_call_t *next, const runtime_call_t *call)
{
    step_t step = {.kind = STEP_SIGNED, .signer = chain->config.actors[next->signer], .call = call};
    const bytes_t extrinsic = extrinsic_of(chain, &step.signer, next->call, next->tip);
    const uint32_t before   = events_so_far(chain);
    step.extrinsic_len      = extrinsic.len;
    step_begin(chain);
    const validity_t validity = runtime_apply_extrinsic(&chain->rt, extrinsic, &step.result);
    if (validity == VALID) {
        find_author(&chain->rt, &step);
        return step_end(chain, &step, before);
    }
    if (table_changes(chain->table, chain->changes, STEP_CHANGES_MAX) > 0)
        fault_set("an extrinsic that is not in the block changed state");
    if (chain->rt.fault) fault_set("the runtime broke: %s", chain->rt.fault);
    coverage_invalid(validity);
    if (chain_is_traced) printf("not let in: %x\n", validity);
    chain->host.end(chain->host.state, false);
    return !fault_is_set();
}

static bool apply_root(chain_t *chain, const runtime_call_t *call)
{
    step_t step           = {.kind = STEP_ROOT, .call = call};
    const uint32_t before = events_so_far(chain);
    step_begin(chain);
    chain->rt.phase = PHASE_INITIALIZATION;
    step.result     = call_run(&chain->rt, &(origin_t){.kind = ORIGIN_ROOT}, call);
    rt_events_flush(&chain->rt);
    return step_end(chain, &step, before);
}

static bool one_call(chain_t *chain)
{
    rt_t *rt                 = &chain->rt;
    const uint32_t used      = rt->arena.used;
    const random_call_t next = random_calls_next(chain->calls, rt);
    runtime_call_t call;
    scale_reader_t r = scale_reader(next.call, &rt->arena);
    runtime_call_decode(&r, &call);
    const bool is_call = scale_done(&r);
    fault_note_call(chain->made++, next.signer, next.call);
    bool holds = true;
    if (next.signer == RANDOM_ROOT)
        holds = !is_call || apply_root(chain, &call);
    else
        holds = apply_signed(chain, &next, is_call ? &call : NULL);
    rt->arena.used = used;
    return holds;
}

/* ------------------------------------------------------------------------------------ time */

/* pass_time lets hours go by without a block, or empty blocks, or (between blocks) the whole grace period. */
static bool pass_time(chain_t *chain)
{
    chance_t *chance = random_calls_chance(chain->calls);
    switch (chance_below(chance, 24)) {
    case 0: chain->slot += chance_below(chance, 1200); return true;
    case 1: chain->slot += chance_below(chance, 40); return true;
    case 2:
        for (uint32_t i = chance_below(chance, 30); i > 0; i--)
            if (!open_block(chain) || !close_block(chain)) return false;
        return true;
    case 3:
        if (chance_below(chance, 8) == 0 && system_number_get(&chain->rt) > 0) {
            const uint32_t blocks = chance_percent(chance, 50) ? GRACE_BLOCKS : chance_below(chance, 16000);
            system_number_put(&chain->rt, system_number_get(&chain->rt) + blocks);
            chain->slot += blocks;
        }
        return true;
    default: return true;
    }
}

bool chain_run(chain_t *chain, uint32_t calls)
{
    chance_t *chance = random_calls_chance(chain->calls);
    while (chain->made < calls && !chance_is_over(chance)) {
        if (!pass_time(chain) || !open_block(chain)) return false;
        for (uint32_t i = chance_below(chance, BLOCK_CALLS); i > 0 && chain->made < calls; i--)
            if (!one_call(chain)) return false;
        if (!close_block(chain)) return false;
    }
    return is_sound(chain);
}
