/* blocks.c - a dev chain over a table, for the tests of the runtime. */
#include "blocks.h"

#include "hash.h"
#include "runtime_table.h"
#include "runtime_version.h"
#include "trie.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMORY = 64 << 20, BODY = 8 << 20, EXTRINSIC = 6 << 20, FIRST_SLOT = 280000000 };

rt_t rt;
table_t *table;
keypair_t alice, bob, charlie, eve, ed, ec;
hash_t genesis_hash;
scale_writer_t block_body, call_writer;
uint32_t block_count, last_len;
sign_t sign;
dispatch_t last_result;

static host_t host;
static uint8_t *memory;
static hash_t parent_hash;
static uint64_t slot;

static void must(bool is_so, const char *what)
{
    if (is_so) return;
    printf("blocks: %s%s%s\n", what, rt.fault ? ": " : "", rt.fault ? rt.fault : "");
    exit(1);
}

static void *big(size_t size)
{
    void *room = aligned_alloc(16, size);
    must(room != NULL, "no memory");
    return room;
}

static bool verify(void *state, uint8_t kind, bytes_t signature, bytes_t message, const account_id_t *signer)
{
    (void)state;
    signature_t given = {.kind = (key_kind_t)kind};
    if (kind > KEY_ECDSA || signature.len != signature_len(given.kind)) return false;
    memcpy(given.b, signature.data, signature.len);
    return crypto_verify(&given, signer, message);
}

static hash_t root(const table_entry_t *entries, uint32_t count)
{
    static uint8_t *scratch;
    hash_t hash    = {{0}};
    change_t *list = calloc(count + 1, sizeof *list);
    if (!scratch) scratch = big(MEMORY);
    arena_t arena = {scratch, MEMORY, 0};
    for (uint32_t i = 0; i < count; i++)
        list[i] = (change_t){.key = entries[i].key, .value = entries[i].value};
    must(trie_root_sorted(TRIE_V1, list, count, &arena, &hash), "the state has no root");
    free(list);
    return hash;
}

static void key(keypair_t *pair, const char *suri, key_kind_t kind)
{
    must(key_from_suri(suri, kind, pair) == KEY_OK, suri);
}

static void sign_reset(void) { sign = (sign_t){.nonce = SIGN_NEXT, .spec_version = RUNTIME_SPEC_VERSION}; }

void blocks_start(void)
{
    if (!memory) {
        must(crypto_init(), "no randomness");
        memory      = big(MEMORY);
        block_body  = scale_writer(big(BODY), BODY);
        call_writer = scale_writer(big(EXTRINSIC), EXTRINSIC);
        key(&alice, "//Alice", KEY_SR25519);
        key(&bob, "//Bob", KEY_SR25519);
        key(&charlie, "//Charlie", KEY_SR25519);
        key(&eve, "//Eve", KEY_SR25519);
        key(&ed, "//Ed", KEY_ED25519);
        key(&ec, "//Ec", KEY_ECDSA);
    }
    table_free(table);
    table = table_new();
    table_verify_with(table, verify);
    table_root_with(table, root);
    host = table_host(table);
    genesis_t genesis;
    rt_start(&rt, &host, memory, MEMORY);
    runtime_genesis_dev(&genesis);
    runtime_genesis_build(&rt, &genesis);
    header_t header = {.state_root = host.storage_root(host.state), .extrinsics_root = trie_empty_root()};
    must(!rt.fault, "genesis");
    genesis_hash = parent_hash = header_hash(&header);
    slot                       = FIRST_SLOT;
    sign_reset();
}

void blocks_stop(void)
{
    table_free(table);
    table = NULL;
}

void block_open(void)
{
    uint8_t slot_bytes[8];
    scale_writer_t w = scale_writer(slot_bytes, sizeof slot_bytes);
    scale_put_u64(&w, ++slot);
    rt_start(&rt, &host, memory, MEMORY);
    header_t header = {
        .parent_hash  = parent_hash,
        .number       = system_number_get(&rt) + 1,
        .digest       = {{.kind = DIGEST_PRE_RUNTIME, .engine = "aura", .data = {slot_bytes, 8}}},
        .digest_count = 1,
    };
    runtime_initialize_block(&rt, &header);
    must(!rt.fault, "initialize");
    block_body.len = 0;
    block_count    = 0;
    uint8_t room[32];
    scale_writer_t inherent = scale_writer(room, sizeof room);
    runtime_timestamp_inherent(&inherent, slot * 6000);
    must(apply(scale_written(&inherent)) == VALID && last_result == DISPATCH_OK, "the time was refused");
}

header_t block_close(void)
{
    header_t header;
    runtime_finalize_block(&rt, &header);
    must(!rt.fault, "finalize");
    must(table_depth(table) == 0, "a layer is open");
    parent_hash = header_hash(&header);
    return header;
}

validity_t apply(bytes_t extrinsic)
{
    last_len            = extrinsic.len;
    validity_t validity = runtime_apply_extrinsic(&rt, extrinsic, &last_result);
    must(!rt.fault, "an extrinsic broke the runtime");
    if (validity == VALID) {
        scale_put_raw(&block_body, extrinsic.data, extrinsic.len);
        block_count++;
    }
    return validity;
}

static void put_extra(scale_writer_t *w, uint32_t nonce)
{
    era_put(w, sign.era);
    scale_put_compact(w, nonce);
    scale_put_compact_u128(w, sign.tip);
}

static void put_additional(scale_writer_t *w)
{
    scale_put_u32(w, sign.spec_version);
    scale_put_u32(w, RUNTIME_TRANSACTION_VERSION);
    scale_put_hash(w, &genesis_hash);
    scale_put_hash(w, sign.era.period == 0 ? &genesis_hash : &sign.birth);
}

bytes_t signed_call(const keypair_t *who, bytes_t call)
{
    static uint8_t *payload, *inner, *whole;
    if (!payload) payload = big(EXTRINSIC), inner = big(EXTRINSIC), whole = big(EXTRINSIC);
    uint32_t nonce   = sign.nonce == SIGN_NEXT ? account_of(&who->account).nonce : (uint32_t)sign.nonce;
    scale_writer_t w = scale_writer(payload, EXTRINSIC);
    scale_put_raw(&w, call.data, call.len);
    put_extra(&w, nonce);
    put_additional(&w);
    bytes_t message = scale_written(&w);
    hash_t hashed   = blake2_256(message);
    signature_t signature;
    key_sign(who, message.len > 256 ? (bytes_t){hashed.b, 32} : message, &signature);
    if (sign.is_forged) signature.b[5] ^= 1;

    w = scale_writer(inner, EXTRINSIC);
    scale_put_u8(&w, 0x84);
    scale_put_u8(&w, 0);
    scale_put_account_id(&w, &who->account);
    scale_put_u8(&w, (uint8_t)who->kind);
    scale_put_raw(&w, signature.b, signature_len(who->kind));
    put_extra(&w, nonce);
    scale_put_raw(&w, call.data, call.len);
    bytes_t body = scale_written(&w);
    w            = scale_writer(whole, EXTRINSIC);
    scale_put_bytes(&w, body);
    sign_reset();
    return scale_written(&w);
}

system_account_info_t account_of(const account_id_t *who)
{
    system_account_info_t account;
    system_account_get(&rt, who, &account);
    return account;
}

u128_t free_of(const account_id_t *who) { return account_of(who).data.free; }
u128_t reserved_of(const account_id_t *who) { return account_of(who).data.reserved; }

system_event_record_vec_t events(void)
{
    system_event_record_vec_t records;
    system_events_get(&rt, &records);
    must(!rt.fault, "events");
    return records;
}

static const char *event_name(const table_pallet_t *pallet, uint8_t index)
{
    for (uint32_t i = 0; i < pallet->event_count; i++)
        if (pallet->events[i].index == index) return pallet->events[i].name;
    return "?";
}

const char *event_names(uint32_t extrinsic)
{
    static char text[4096];
    system_event_record_vec_t records = events();
    text[0]                           = 0;
    for (uint32_t i = 0; i < records.len; i++) {
        const system_event_record_t *record = &records.items[i];
        uint32_t phase = record->phase.kind == SYSTEM_PHASE_APPLY_EXTRINSIC ? record->phase.apply_extrinsic
                         : record->phase.kind == SYSTEM_PHASE_FINALIZATION  ? PHASE_FINALIZATION
                                                                            : PHASE_INITIALIZATION;
        if (phase != extrinsic) continue;
        uint8_t room[4096];
        scale_writer_t w = scale_writer(room, sizeof room);
        runtime_event_encode(&w, record->event);
        size_t len = strlen(text);
        snprintf(text + len, sizeof text - len, "%s%s.%s", len ? " " : "", table_pallet_at(room[0])->name,
                 event_name(table_pallet_at(room[0]), room[1]));
    }
    return text;
}

bool issuance_is_whole(void)
{
    u128_t sum = 0;
    bytes_t at = {0};
    account_id_t who;
    system_account_info_t account;
    while (system_account_next(&rt, &at, &who, &account))
        sum += account.data.free + account.data.reserved;
    return sum == balances_total_issuance_get(&rt);
}
