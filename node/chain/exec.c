/* exec.c - the native host: a runtime over overlay, trie and store.
 *
 * Memory is reserved once and touched page by page; after a large block the pages go back. */
#include "chain_internal.h"
#include "crypto.h"
#include "hash.h"
#include "log.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

enum {
    STATE_RESERVED = 1 << 30,  /* address space of overlay and trie: bounds what one block may touch */
    STATE_KEPT     = 12 << 20, /* beyond it an exec forgets what it knows before it goes on */
    PAGE           = 1 << 16,  /* a multiple of every machine's */
    RUNTIME_KEPT   = 8 << 20,  /* its writers, and some */
};

/* ------------------------------------------------------------------ memory */

static uint8_t *reserve(size_t size)
{
    void *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert(memory != MAP_FAILED);
    return memory;
}

static void give_back(uint8_t *memory, size_t used, size_t kept)
{
    if (used > kept) madvise(memory + kept, used - kept, MADV_DONTNEED);
}

/* clear keeps the pages that the last block needed: the next one is mostly of its size. */
static void clear(exec_t *exec)
{
    const size_t used = (exec->arena.used + PAGE - 1) / PAGE * PAGE,
                 kept = used > STATE_KEPT ? used : STATE_KEPT;
    give_back(exec->arena.start, exec->touched > used ? exec->touched : used, kept);
    exec->touched    = kept;
    exec->arena.used = 0;
    exec->is_ready = exec->has_trie = exec->has_root = exec->has_failed = false;
}

/* ------------------------------------------------------------------ host */

static bool host_get(void *self, bytes_t key, arena_t *arena, bytes_t *value)
{
    exec_t *exec = self;
    (void)arena; /* bytes of the overlay stay as long as the block */
    return overlay_get(&exec->overlay, key, value);
}

static void host_put(void *self, bytes_t key, bytes_t value)
{
    exec_t *exec = self;
    if (key.len > TRIE_KEY_MAX)
        exec->has_failed = true;
    else
        overlay_put(&exec->overlay, key, value);
}

static void host_remove(void *self, bytes_t key)
{
    exec_t *exec = self;
    if (key.len <= TRIE_KEY_MAX) overlay_remove(&exec->overlay, key);
}

static void host_append(void *self, bytes_t key, uint32_t count, bytes_t items)
{
    exec_t *exec = self;
    if (key.len > TRIE_KEY_MAX)
        exec->has_failed = true;
    else
        overlay_append(&exec->overlay, key, count, items);
}

static bool host_next_key(void *self, bytes_t key, arena_t *arena, bytes_t *next)
{
    exec_t *exec = self;
    (void)arena; /* the overlay's own arena outlives the runtime's frames */
    return overlay_next_key(&exec->overlay, key, &exec->arena, next);
}

static void host_begin(void *self) { overlay_begin(&((exec_t *)self)->overlay); }
static void host_end(void *self, bool keep) { overlay_end(&((exec_t *)self)->overlay, keep); }

static hash_t host_root(void *self) { return exec_root(self); }

static void host_log(void *self, const char *message)
{
    (void)self;
    log_debug("runtime", "says", LOG_TEXT("text", message));
}

/* signature_hash names a check by all that goes into it. */
static hash_t signature_hash(uint8_t kind, bytes_t signature, bytes_t message, const account_id_t *signer)
{
    uint8_t room[1 + SIGNATURE_LEN_MAX + 2 * 32] = {kind};
    hash_t digest                                = blake2_256(message);
    memcpy(room + 1, signature.data, signature.len);
    memcpy(room + 1 + SIGNATURE_LEN_MAX, signer, 32);
    memcpy(room + 1 + SIGNATURE_LEN_MAX + 32, &digest, 32);
    return blake2_256((bytes_t){room, sizeof room});
}

static bool host_verify(void *self, uint8_t kind, bytes_t signature, bytes_t message,
                        const account_id_t *signer)
{
    chain_t *chain = ((exec_t *)self)->chain;
    if (kind > KEY_ECDSA || signature.len != signature_len((key_kind_t)kind)) return false;
    hash_t hash = signature_hash(kind, signature, message, signer);
    if (chain_signature_known(chain, &hash)) {
        chain->counters.signatures_cached++;
        return true;
    }
    signature_t given = {.kind = (key_kind_t)kind};
    memcpy(given.b, signature.data, signature.len);
    chain->counters.signatures_verified++;
    if (!crypto_verify(&given, signer, message)) return false;
    chain_signature_note(chain, &hash);
    return true;
}

/* Each hash has one slot, where a newer one displaces it; only good signatures are noted. */
static hash_t *slot_of(const chain_t *chain, const hash_t *hash)
{
    uint64_t bits;
    memcpy(&bits, hash, sizeof bits);
    return &chain->signatures[(bits ^ chain->seed) % SIGNATURES_KEPT];
}

bool chain_signature_known(const chain_t *chain, const hash_t *hash)
{
    return memcmp(slot_of(chain, hash), hash, sizeof *hash) == 0;
}

void chain_signature_note(chain_t *chain, const hash_t *hash) { *slot_of(chain, hash) = *hash; }

/* ------------------------------------------------------------------ where it stands */

void exec_init(exec_t *exec, chain_t *chain, uint32_t runtime_size)
{
    memset(exec, 0, sizeof *exec);
    exec->chain        = chain;
    exec->arena        = (arena_t){reserve(STATE_RESERVED), STATE_RESERVED, 0};
    exec->runtime_size = runtime_size;
    (void)madvise(exec->arena.start, STATE_RESERVED, MADV_HUGEPAGE); /* a block looks all over it */
    exec->runtime_memory = reserve(runtime_size);
    exec->host           = (host_t){.state        = exec,
                                    .get          = host_get,
                                    .put          = host_put,
                                    .remove       = host_remove,
                                    .append       = host_append,
                                    .next_key     = host_next_key,
                                    .begin        = host_begin,
                                    .end          = host_end,
                                    .storage_root = host_root,
                                    .verify       = host_verify,
                                    .log          = host_log};
}

void exec_fini(exec_t *exec)
{
    munmap(exec->arena.start, STATE_RESERVED);
    munmap(exec->runtime_memory, exec->runtime_size);
}

void exec_forget(exec_t *exec) { clear(exec); }

bool exec_stand(exec_t *exec, const hash_t *at)
{
    bool is_there =
        exec->is_ready && memcmp(&exec->at, at, sizeof *at) == 0 && exec->arena.used <= STATE_KEPT;
    if (!is_there) clear(exec);
    if (!store_view(exec->chain->store, at, &exec->view)) {
        exec->is_ready = false;
        return false;
    }
    if (is_there) return true;
    exec->values = store_values(&exec->view);
    exec->nodes  = store_nodes(&exec->view);
    exec->at     = *at;
    overlay_init(&exec->overlay, &exec->values, &exec->arena, exec->chain->seed);
    exec->is_ready = true;
    return true;
}

static bool nothing_get(void *self, bytes_t key, arena_t *arena, bytes_t *value)
{
    (void)self, (void)key, (void)arena, (void)value;
    return false;
}

void exec_stand_nowhere(exec_t *exec)
{
    clear(exec);
    exec->values = exec->nodes = (kv_t){.get = nothing_get, .next = nothing_get};
    overlay_init(&exec->overlay, &exec->values, &exec->arena, exec->chain->seed);
}

void exec_start(exec_t *exec)
{
    if (!exec->fresh.host)
        rt_start(&exec->fresh, &exec->host, exec->runtime_memory, exec->runtime_size);
    else
        give_back(exec->runtime_memory, exec->rt.arena.used, RUNTIME_KEPT);
    exec->rt        = exec->fresh;
    exec->overrides = (bytes_t){0};
}

void exec_undo(exec_t *exec)
{
    while (exec->overlay.layer > 0 && !exec->overlay.has_failed)
        overlay_end(&exec->overlay, false);
}

bool exec_is_whole(const exec_t *exec)
{
    return !exec->has_failed && !exec->overlay.has_failed && !exec->rt.fault &&
           !(exec->has_trie && exec->trie.has_failed);
}

/* ------------------------------------------------------------------ root */

hash_t exec_root(exec_t *exec)
{
    changes_t changes;
    hash_t root = {{0}};
    if (exec->has_root) exec->has_failed = true; /* twice in a block */
    if (!exec->has_trie) trie_init(&exec->trie, TRIE_V1, &exec->nodes, &exec->arena);
    exec->has_trie = true;
    exec->has_root = true;
    exec_override(exec);
    if (exec->has_failed || !overlay_changes(&exec->overlay, &exec->arena, &changes)) {
        exec->has_failed = true;
        return root;
    }
    exec->changes = changes;
    trie_apply(&exec->trie, &changes);
    if (!trie_root(&exec->trie, &root)) exec->has_failed = true;
    exec->root = root;
    return root;
}

void exec_settle(exec_t *exec, const hash_t *at)
{
    exec->at       = *at;
    exec->has_root = false;
    if (exec->arena.used > STATE_KEPT) { /* exec_stand clears it: whoever still looks at the changes may */
        exec->is_ready = false;
        return;
    }
    if (!store_view(exec->chain->store, at, &exec->view)) {
        clear(exec);
        return;
    }
    overlay_settle(&exec->overlay, &exec->values);
}
