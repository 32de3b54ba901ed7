/* chain.c - opening a chain, and asking for state. */
#include "chain_internal.h"
#include "hash.h"
#include "hex.h"
#include "log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { GENESIS_VERSION_MAX = 8192 };

const char *chain_status_text(chain_status_t status)
{
    switch (status) {
    case CHAIN_OK: return "done";
    case CHAIN_CANNOT_OPEN:
        return "the database cannot be opened: no such directory, in use, damaged, or of another version";
    case CHAIN_OTHER_GENESIS: return "the database belongs to a chain with another genesis";
    case CHAIN_OTHER_PRUNING: return store_status_text(STORE_OTHER_PRUNING);
    case CHAIN_UNKNOWN_BLOCK: return "no such block, or its state is not kept";
    case CHAIN_KNOWN_BLOCK: return "the block is here already";
    case CHAIN_MALFORMED: return "bytes that do not decode";
    case CHAIN_BAD_HEADER: return "the header's number, digest, slot or seal is wrong";
    case CHAIN_BAD_BLOCK: return "executing the block does not give what its header says";
    case CHAIN_FINALIZED_BEYOND: return "a finalized block would be undone";
    case CHAIN_EXTRINSIC_REFUSED: return "the extrinsic is not valid here";
    case CHAIN_BLOCK_FULL: return "the block is full";
    case CHAIN_UNKNOWN_CALL: return "the runtime has no such function";
    case CHAIN_OTHER_RUNTIME:
        return "the chain's runtime is another version than this node's: a node of that version is needed";
    case CHAIN_FAULT: return "the runtime broke";
    }
    return "";
}

/* ------------------------------------------------------------------ open */

/* genesis_header is the header of block 0 over a state. */
static bytes_t genesis_header(const hash_t *root, uint8_t room[98])
{
    const hash_t none = {{0}}, no_extrinsics = trie_empty_root();
    scale_writer_t w = scale_writer(room, 98);
    scale_put_hash(&w, &none);
    scale_put_compact(&w, 0);
    scale_put_hash(&w, root);
    scale_put_hash(&w, &no_extrinsics);
    scale_put_compact(&w, 0);
    return scale_written(&w);
}

/* genesis_name is the record of the runtime that genesis was begun by: its state may be gone when it is
 * asked. */
static const char genesis_name[] = "genesis_runtime";

static void note_genesis(chain_t *chain)
{
    uint8_t room[GENESIS_VERSION_MAX];
    arena_t arena = {room, sizeof room, 0};
    hash_t at     = store_genesis_point(chain->store).hash;
    bytes_t version;
    if (chain_runtime_version(chain, &at, &arena, &version) == CHAIN_OK)
        store_meta_put(chain->store, genesis_name, version);
}

/* is_genesis_of_another says whether another version of the runtime began this chain. */
static bool is_genesis_of_another(chain_t *chain)
{
    uint8_t room[GENESIS_VERSION_MAX], own[GENESIS_VERSION_MAX];
    arena_t arena    = {room, sizeof room, 0};
    hash_t at        = store_genesis_point(chain->store).hash;
    scale_writer_t w = scale_writer(own, sizeof own);
    bytes_t version;
    if (chain_has_state(chain, &at)) return chain_runtime(chain, &at) == CHAIN_OTHER_RUNTIME;
    runtime_version_encode(&w);
    return store_meta(chain->store, genesis_name, &arena, &version) &&
           !bytes_equal(version, scale_written(&w));
}

static chain_status_t begin(chain_t *chain, const chain_options_t *options)
{
    exec_t *exec = &chain->builder;
    uint8_t room[98];
    changes_t values;
    exec_stand_nowhere(exec);
    if (!options->genesis || !options->genesis(options->genesis_self, &exec->host)) return CHAIN_FAULT;
    hash_t root = exec_root(exec);
    if (!exec_is_whole(exec) || !overlay_changes(&exec->overlay, &exec->arena, &values)) return CHAIN_FAULT;
    bytes_t header = genesis_header(&root, room);
    hash_t hash    = blake2_256(header);
    if (!store_is_empty(chain->store)) {
        store_point_t genesis = store_genesis_point(chain->store);
        exec_forget(exec);
        /* A chain that another version began has its genesis from that version: ours is nothing to compare.
         */
        bool is_its_own = memcmp(&genesis.hash, &hash, sizeof hash) == 0 || is_genesis_of_another(chain);
        return is_its_own ? CHAIN_OK : CHAIN_OTHER_GENESIS;
    }
    changes_t nodes     = trie_changes(&exec->trie);
    store_block_t block = {
        .hash = hash, .header = header, .body = BYTES("\0"), .values = &values, .nodes = &nodes};
    if (store_genesis(chain->store, &block) != STORE_OK) return CHAIN_FAULT;
    exec_forget(exec);
    note_genesis(chain);
    return CHAIN_OK;
}

static store_keep_t as_store(const chain_keep_t *keep)
{
    static const store_keep_kind_t kinds[] = {[CHAIN_KEEP_AS_MADE]   = STORE_KEEP_AS_MADE,
                                              [CHAIN_KEEP_ALL]       = STORE_KEEP_ALL,
                                              [CHAIN_KEEP_CANONICAL] = STORE_KEEP_CANONICAL,
                                              [CHAIN_KEEP_LAST]      = STORE_KEEP_LAST};
    return (store_keep_t){kinds[keep->kind], keep->count};
}

chain_status_t chain_open(const chain_options_t *options, chain_t **out)
{
    chain_t *chain        = calloc(1, sizeof *chain);
    store_options_t store = {.path        = options->path,
                             .state       = as_store(&options->state),
                             .blocks      = as_store(&options->blocks),
                             .is_unsynced = options->is_unsynced,
                             .cache_mib   = options->cache_mib};
    *out                  = NULL;
    assert(chain && getrandom(&chain->seed, sizeof chain->seed, 0) == sizeof chain->seed);
    store_status_t opened = store_open(&store, &chain->store);
    if (opened != STORE_OK) {
        free(chain);
        return opened == STORE_OTHER_PRUNING ? CHAIN_OTHER_PRUNING : CHAIN_CANNOT_OPEN;
    }
    chain->is_trial   = options->is_trial;
    chain->signatures = calloc(SIGNATURES_KEPT, sizeof *chain->signatures);
    assert(chain->signatures);
    exec_init(&chain->builder, chain, RUNTIME_MEMORY);
    exec_init(&chain->query, chain, RUNTIME_MEMORY); /* an extrinsic may be as long as a block */
    chain_status_t status =
        options->genesis || store_is_empty(chain->store) ? begin(chain, options) : CHAIN_OK;
    if (status != CHAIN_OK) {
        chain_free(chain);
        return status;
    }
    *out = chain;
    return CHAIN_OK;
}

void chain_free(chain_t *chain)
{
    if (!chain) return;
    chain_build_drop(chain);
    exec_fini(&chain->builder);
    exec_fini(&chain->query);
    store_free(chain->store);
    free(chain->signatures);
    free(chain);
}

chain_counters_t chain_counters(const chain_t *chain) { return chain->counters; }

/* ------------------------------------------------------------------ state */

static bool stand(chain_t *chain, const hash_t *at, store_view_t *view)
{
    chain_point_t best;
    return store_view(chain->store, chain_at(chain, at, &best), view);
}

bool chain_has_state(chain_t *chain, const hash_t *at)
{
    store_view_t view;
    return stand(chain, at, &view);
}

bool chain_is_discarded(chain_t *chain, const hash_t *at)
{
    uint32_t number;
    return chain_number(chain, at, &number) && !chain_has_state(chain, at);
}

uint32_t chain_horizon(const chain_t *chain) { return store_horizon(chain->store); }

bool chain_state_get(chain_t *chain, const hash_t *at, bytes_t key, arena_t *arena, bytes_t *value)
{
    store_view_t view;
    if (!stand(chain, at, &view)) return false;
    kv_t values = store_values(&view);
    return values.get(values.self, key, arena, value);
}

bool chain_state_next_key(chain_t *chain, const hash_t *at, bytes_t key, arena_t *arena, bytes_t *next)
{
    store_view_t view;
    if (!stand(chain, at, &view)) return false;
    kv_t values = store_values(&view);
    return values.next(values.self, key, arena, next);
}

chain_status_t chain_state_prove(chain_t *chain, const hash_t *at, const bytes_t *keys, uint32_t key_count,
                                 arena_t *arena, trie_proof_t *proof)
{
    store_view_t view;
    if (!stand(chain, at, &view)) return CHAIN_UNKNOWN_BLOCK;
    for (uint32_t i = 0; i < key_count; i++)
        if (keys[i].len > TRIE_KEY_MAX) return CHAIN_MALFORMED;
    kv_t values = store_values(&view), nodes = store_nodes(&view);
    return trie_prove(&nodes, &values, keys, key_count, arena, proof) ? CHAIN_OK : CHAIN_FAULT;
}

bool chain_state_merkle(chain_t *chain, const hash_t *at, bytes_t key, arena_t *arena, bytes_t *merkle)
{
    store_view_t view;
    if (!stand(chain, at, &view)) return false;
    kv_t nodes = store_nodes(&view);
    return trie_closest(&nodes, key, arena, merkle);
}

chain_status_t chain_run(chain_t *chain, const hash_t *at, chain_run_t run, void *self)
{
    chain_point_t best;
    exec_t *exec = &chain->query;
    if (!exec_stand(exec, chain_at(chain, at, &best))) return CHAIN_UNKNOWN_BLOCK;
    exec_start(exec);
    overlay_begin(&exec->overlay);
    run(self, &exec->rt);
    exec_undo(exec);
    bool is_whole = exec_is_whole(exec);
    if (exec->rt.fault) log_debug(LOG_CHAIN, "runtime fault", LOG_TEXT("reason", exec->rt.fault));
    if (!is_whole || exec->has_root) exec_forget(exec);
    return is_whole ? CHAIN_OK : CHAIN_FAULT;
}

/* ------------------------------------------------------------------ runtime functions by name */

typedef struct {
    bytes_t method, args, result;
    arena_t *arena;
    bool is_known;
} call_t;

static void run_call(void *self, rt_t *rt)
{
    call_t *call   = self;
    call->is_known = runtime_api(rt, call->method, call->args, &call->result);
    if (call->is_known && !arena_copy(call->arena, call->result, &call->result))
        rt_fault(rt, "no room for the result");
}

chain_status_t chain_call(chain_t *chain, const hash_t *at, bytes_t method, bytes_t args, arena_t *arena,
                          bytes_t *result)
{
    call_t call           = {.method = method, .args = args, .arena = arena};
    chain_status_t status = chain_runtime(chain, at);
    if (status == CHAIN_OTHER_RUNTIME && bytes_equal(method, BYTES("Core_version")))
        return chain_runtime_version(chain, at, arena, result);
    if (status == CHAIN_OK) status = chain_run(chain, at, run_call, &call);
    if (status == CHAIN_OK && !call.is_known) status = CHAIN_UNKNOWN_CALL;
    *result = status == CHAIN_OK ? call.result : (bytes_t){0};
    return status;
}

/* ------------------------------------------------------------------ records beside the chain */

/* A record's name has the hash of its key, which may be of any length. */
static void offchain_name(bytes_t key, char name[80])
{
    hash_t hash = blake2_256(key);
    memcpy(name, "offchain:", 9);
    hex_encode(name + 9, (bytes_t){hash.b, sizeof hash.b});
}

bool chain_offchain(chain_t *chain, bytes_t key, arena_t *arena, bytes_t *value)
{
    char name[80];
    offchain_name(key, name);
    return store_meta(chain->store, name, arena, value);
}

void chain_offchain_set(chain_t *chain, bytes_t key, const bytes_t *value)
{
    char name[80];
    offchain_name(key, name);
    if (value)
        store_meta_put(chain->store, name, *value);
    else
        store_meta_remove(chain->store, name);
}
