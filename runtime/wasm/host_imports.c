/* host_imports.c - the runtime as Substrate's hosts run it: its functions exported, theirs imported.
 *
 * A call gets an instance of its own: its input lies in memory that the host took, its answer is pointer and
 * length in one number.  Memory comes from the host's allocator, hashes and signatures are the host's own
 * code (spec chain-host 7.2).  What faults traps. */
#include "hash.h"
#include "runtime.h"
#include "trie.h"

#include <string.h>

#define EXPORT(name) __attribute__((export_name(name)))
#define IMPORT(name) __attribute__((import_module("env"), import_name("ext_" name)))

typedef uint64_t span_t; /* pointer | length << 32 */

IMPORT("allocator_malloc_version_1") void *ext_malloc(uint32_t size);
IMPORT("allocator_free_version_1") void ext_free(const void *at);
IMPORT("storage_get_version_1") span_t ext_get(span_t key);
IMPORT("storage_set_version_1") void ext_set(span_t key, span_t value);
IMPORT("storage_clear_version_1") void ext_clear(span_t key);
IMPORT("storage_append_version_1") void ext_append(span_t key, span_t item);
IMPORT("storage_next_key_version_1") span_t ext_next_key(span_t key);
IMPORT("storage_start_transaction_version_1") void ext_start(void);
IMPORT("storage_commit_transaction_version_1") void ext_commit(void);
IMPORT("storage_rollback_transaction_version_1") void ext_rollback(void);
IMPORT("storage_root_version_2") span_t ext_root(int32_t state_version);
IMPORT("trie_blake2_256_ordered_root_version_2")
const uint8_t *ext_ordered_root(span_t items, int32_t version);
IMPORT("hashing_blake2_128_version_1") const uint8_t *ext_blake2_128(span_t data);
IMPORT("hashing_blake2_256_version_1") const uint8_t *ext_blake2_256(span_t data);
IMPORT("hashing_twox_64_version_1") const uint8_t *ext_twox_64(span_t data);
IMPORT("hashing_twox_128_version_1") const uint8_t *ext_twox_128(span_t data);
IMPORT("crypto_ed25519_verify_version_1")
int32_t ext_ed25519(const void *signature, span_t message, const void *key);
IMPORT("crypto_sr25519_verify_version_2")
int32_t ext_sr25519(const void *signature, span_t message, const void *key);
IMPORT("crypto_secp256k1_ecdsa_recover_compressed_version_2")
span_t ext_ecdsa_recover(const void *signature, const void *hash);
IMPORT("logging_log_version_1") void ext_log(int32_t level, span_t target, span_t message);

enum { STATE_V1 = 1, LOG_ERROR = 1, QUERY_MEMORY = 4 << 20, JUDGE_MEMORY = 8 << 20, BLOCK_MEMORY = 32 << 20 };

static span_t span(bytes_t v) { return (uint64_t)v.len << 32 | (uint32_t)(uintptr_t)v.data; }

static bytes_t bytes_of(span_t v)
{
    return (bytes_t){(const uint8_t *)(uintptr_t)(uint32_t)v, (uint32_t)(v >> 32)};
}

static _Noreturn void stop(const char *reason)
{
    ext_log(LOG_ERROR, span(BYTES("runtime")), span(bytes_text(reason)));
    __builtin_trap();
}

/* ------------------------------------------------------------------ hashes: the host's are faster */

static void take_digest(uint8_t *digest, const uint8_t *from, uint32_t len)
{
    memcpy(digest, from, len);
    ext_free(from);
}

void blake2b(uint8_t *digest, uint32_t digest_len, bytes_t message)
{
    if (digest_len == 32)
        take_digest(digest, ext_blake2_256(span(message)), 32);
    else if (digest_len == 16)
        take_digest(digest, ext_blake2_128(span(message)), 16);
    else
        stop("no host hash of that length");
}

void twox_64(uint8_t digest[8], bytes_t message) { take_digest(digest, ext_twox_64(span(message)), 8); }
void twox_128(uint8_t digest[16], bytes_t message) { take_digest(digest, ext_twox_128(span(message)), 16); }

/* trie_root_ordered is the host's, so that no trie is in the blob. */
bool trie_root_ordered(trie_version_t version, const bytes_t *items, uint32_t count, arena_t *scratch,
                       hash_t *root)
{
    uint32_t len = 8, used = scratch->used;
    for (uint32_t i = 0; i < count; i++)
        len += items[i].len + 8;
    uint8_t *room    = arena_take(scratch, len);
    scale_writer_t w = scale_writer(room, room ? len : 0);
    scale_put_compact(&w, count);
    for (uint32_t i = 0; i < count; i++)
        scale_put_bytes(&w, items[i]);
    if (w.failed) return false;
    take_digest(root->b, ext_ordered_root(span(scale_written(&w)), version == TRIE_V1), sizeof root->b);
    scratch->used = used;
    return true;
}

/* ------------------------------------------------------------------ the host seam */

/* answered takes an Option<Vec<u8>> of the host over into the arena and gives its memory back. */
static bool answered(span_t answer, arena_t *arena, bytes_t *value)
{
    bytes_t from     = bytes_of(answer);
    scale_reader_t r = scale_reader(from, NULL);
    bool some        = scale_get_option(&r);
    bool kept        = !some || arena_copy(arena, scale_get_bytes(&r, UINT32_MAX), value);
    ext_free(from.data);
    if (r.failed || !kept) stop("a value of the state is too long");
    return some;
}

static bool host_get(void *state, bytes_t key, arena_t *arena, bytes_t *value)
{
    (void)state;
    return answered(ext_get(span(key)), arena, value);
}

static void host_put(void *state, bytes_t key, bytes_t value)
{
    (void)state;
    ext_set(span(key), span(value));
}

static void host_remove(void *state, bytes_t key)
{
    (void)state;
    ext_clear(span(key));
}

/* The host takes what it appends for one item, whatever that is: all of them go as the first, and for each of
 * the others nothing, which only counts. */
static void host_append(void *state, bytes_t key, uint32_t count, bytes_t items)
{
    (void)state;
    for (uint32_t i = 0; i < count; i++)
        ext_append(span(key), span(i == 0 ? items : (bytes_t){items.data, 0}));
}

static bool host_next_key(void *state, bytes_t key, arena_t *arena, bytes_t *next)
{
    (void)state;
    return answered(ext_next_key(span(key)), arena, next);
}

static void host_begin(void *state)
{
    (void)state;
    ext_start();
}

static void host_end(void *state, bool keep)
{
    (void)state;
    if (keep)
        ext_commit();
    else
        ext_rollback();
}

static hash_t host_storage_root(void *state)
{
    (void)state;
    hash_t root;
    bytes_t from = bytes_of(ext_root(STATE_V1));
    if (from.len != sizeof root.b) stop("the state's root is no hash");
    take_digest(root.b, from.data, sizeof root.b);
    return root;
}

/* An ecdsa account is the hash of its key, which the signature gives away. */
static bool verify_ecdsa(bytes_t signature, bytes_t message, const account_id_t *signer)
{
    hash_t hash  = blake2_256(message);
    bytes_t from = bytes_of(ext_ecdsa_recover(signature.data, hash.b));
    bool good    = from.len == 34 && from.data[0] == 0;
    if (good) {
        hash_t owner = blake2_256((bytes_t){from.data + 1, 33});
        good         = memcmp(owner.b, signer->b, sizeof owner.b) == 0;
    }
    ext_free(from.data);
    return good;
}

static bool host_verify(void *state, uint8_t kind, bytes_t signature, bytes_t message,
                        const account_id_t *signer)
{
    (void)state;
    if (kind == 0 && signature.len == 64) return ext_ed25519(signature.data, span(message), signer->b) == 1;
    if (kind == 1 && signature.len == 64) return ext_sr25519(signature.data, span(message), signer->b) == 1;
    return kind == 2 && signature.len == 65 && verify_ecdsa(signature, message, signer);
}

static void host_log(void *state, const char *message)
{
    (void)state;
    ext_log(LOG_ERROR, span(BYTES("runtime")), span(bytes_text(message)));
}

static const host_t host = {
    .get          = host_get,
    .put          = host_put,
    .remove       = host_remove,
    .append       = host_append,
    .next_key     = host_next_key,
    .begin        = host_begin,
    .end          = host_end,
    .storage_root = host_storage_root,
    .verify       = host_verify,
    .log          = host_log,
};

/* ------------------------------------------------------------------ exports */

static span_t run(const char *name, uint32_t memory_size, const uint8_t *input, uint32_t len)
{
    rt_t rt;
    bytes_t result;
    rt_start(&rt, &host, ext_malloc(memory_size), memory_size);
    if (!runtime_api(&rt, bytes_text(name), (bytes_t){input, len}, &result))
        stop(rt.fault ? rt.fault : "there is no such function");
    return span(result);
}

/* One exported function: its name, and the memory that it may use. */
#define API(name, memory_size)                                                                               \
    EXPORT(#name) span_t name(const uint8_t *input, uint32_t len);                                           \
    span_t name(const uint8_t *input, uint32_t len) { return run(#name, memory_size, input, len); }

API(Core_version, QUERY_MEMORY)
API(Core_execute_block, BLOCK_MEMORY)
API(Core_initialize_block, BLOCK_MEMORY)
API(Metadata_metadata, QUERY_MEMORY)
API(Metadata_metadata_at_version, QUERY_MEMORY)
API(Metadata_metadata_versions, QUERY_MEMORY)
API(BlockBuilder_apply_extrinsic, BLOCK_MEMORY)
API(BlockBuilder_finalize_block, BLOCK_MEMORY)
API(BlockBuilder_inherent_extrinsics, QUERY_MEMORY)
API(BlockBuilder_check_inherents, QUERY_MEMORY)
API(TaggedTransactionQueue_validate_transaction, JUDGE_MEMORY)
API(OffchainWorkerApi_offchain_worker, QUERY_MEMORY)
API(AuraApi_slot_duration, QUERY_MEMORY)
API(AuraApi_authorities, QUERY_MEMORY)
API(SessionKeys_generate_session_keys, QUERY_MEMORY)
API(SessionKeys_decode_session_keys, QUERY_MEMORY)
API(GrandpaApi_grandpa_authorities, QUERY_MEMORY)
API(GrandpaApi_current_set_id, QUERY_MEMORY)
API(GrandpaApi_generate_key_ownership_proof, QUERY_MEMORY)
API(GrandpaApi_submit_report_equivocation_unsigned_extrinsic, QUERY_MEMORY)
API(AccountNonceApi_account_nonce, QUERY_MEMORY)
API(TransactionPaymentApi_query_info, JUDGE_MEMORY)
API(TransactionPaymentApi_query_fee_details, JUDGE_MEMORY)
API(TransactionPaymentApi_query_weight_to_fee, QUERY_MEMORY)
API(TransactionPaymentApi_query_length_to_fee, QUERY_MEMORY)
