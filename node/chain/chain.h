/* chain.h - the chain of blocks: making, checking and keeping them, and asking what they left.
 *
 * A block is built on a parent (chain_build_*), or comes from elsewhere and is checked and executed
 * (chain_import); either way it is written whole before anybody hears of it.  The best block is the
 * highest one that descends from the finalized one, the first seen of two.  State is asked for by
 * block; runtime functions run at a block and leave no trace.  Everything comes from one thread, and
 * takes the time as an argument.  Where `at` is NULL the best block is meant. */
#ifndef CHAIN_H
#define CHAIN_H
#include "kv.h"
#include "rt.h"
#include "trie_proof.h"

typedef struct chain chain_t;

typedef enum {
    CHAIN_OK,
    CHAIN_CANNOT_OPEN,   /* no such directory, locked, damaged, or of another version */
    CHAIN_OTHER_GENESIS, /* the database belongs to another chain */
    CHAIN_OTHER_PRUNING, /* the database was made to keep all states, or not to, and asked for the other */
    CHAIN_UNKNOWN_BLOCK, /* the block, its parent or its state is not here */
    CHAIN_KNOWN_BLOCK,   /* imported before */
    CHAIN_MALFORMED,     /* bytes that are no header, body, extrinsic or argument */
    CHAIN_BAD_HEADER,    /* number, digest, slot or seal are not as they must be */
    CHAIN_BAD_BLOCK,     /* executing it does not give what its header says, or an extrinsic is not valid */
    CHAIN_FINALIZED_BEYOND,  /* it would undo a finalized block */
    CHAIN_EXTRINSIC_REFUSED, /* building: the extrinsic is not valid here; leave it out */
    CHAIN_BLOCK_FULL,        /* building: weight or length do not allow it in this block; a later one may */
    CHAIN_UNKNOWN_CALL,      /* the runtime has no such function */
    CHAIN_OTHER_RUNTIME,     /* the chain's `:code` is of another version there than this node's runtime */
    CHAIN_FAULT,             /* the runtime broke (state that does not decode, memory too small) */
} chain_status_t;

const char *chain_status_text(chain_status_t status);

typedef struct {
    hash_t hash;
    uint32_t number;
} chain_point_t;

/* ------------------------------------------------------------------ open */

/* What is kept of final blocks (store.h says how).  Headers always are. */
typedef enum {
    CHAIN_KEEP_AS_MADE,   /* as the database was made; a new one: CHAIN_KEEP_CANONICAL */
    CHAIN_KEEP_ALL,       /* archive: of blocks that lost to others their headers and bodies too */
    CHAIN_KEEP_CANONICAL, /* archive-canonical: of all blocks on the finalized chain */
    CHAIN_KEEP_LAST, /* state: of the finalized block and `count` before it; blocks: of the last `count` */
} chain_keep_kind_t;
typedef struct {
    chain_keep_kind_t kind;
    uint32_t count;
} chain_keep_t;

typedef struct {
    const char *path;
    chain_keep_t state, blocks;
    bool is_trial;      /* a development chain: blocks may override state (chain_override_write) */
    bool is_unsynced;   /* do not wait for the disk after each block: a power cut may lose the last ones */
    uint32_t cache_mib; /* 0: a small default */
    /* genesis fills the state of block 0 through host; called when the database is new, and to compare
     * when it is not, and was begun by this version of the runtime. */
    bool (*genesis)(void *self, const host_t *host);
    void *genesis_self;
} chain_options_t;

/* chain_open opens the database at options->path, or makes it.  Its last committed block is best again. */
NODISCARD chain_status_t chain_open(const chain_options_t *options, chain_t **chain);
void chain_free(chain_t *chain);

/* ------------------------------------------------------------------ look up */

chain_point_t chain_genesis(const chain_t *chain);
chain_point_t chain_best(const chain_t *chain);
chain_point_t chain_finalized(const chain_t *chain);

/* chain_hash finds the block of a number on the best chain; chain_number the number of any known block. */
bool chain_hash(chain_t *chain, uint32_t number, hash_t *hash);
bool chain_number(chain_t *chain, const hash_t *hash, uint32_t *number);
bool chain_is_canonical(chain_t *chain, const hash_t *hash);

/* chain_header finds the encoded header (runtime.h decodes it), chain_body the SCALE Vec of opaque
 * extrinsics, chain_justification the encoded GRANDPA justification; in arena.  False: unknown, or none. */
bool chain_header(chain_t *chain, const hash_t *hash, arena_t *arena, bytes_t *header);
bool chain_body(chain_t *chain, const hash_t *hash, arena_t *arena, bytes_t *body);
bool chain_justification(chain_t *chain, const hash_t *hash, arena_t *arena, bytes_t *justification);

/* chain_parent finds the parent of a known block other than genesis. */
bool chain_parent(chain_t *chain, const hash_t *hash, hash_t *parent);

/* chain_unfinalized lists the blocks above the finalized one, parents first. */
bool chain_unfinalized(chain_t *chain, arena_t *arena, chain_point_t **blocks, uint32_t *count);

/* chain_route is the way from one block to another: first back over `retracted` (newest first), then
 * forward over `enacted` (oldest first).  Both blocks are at or above the finalized one, or on its chain. */
typedef struct {
    chain_point_t *retracted, *enacted;
    uint32_t retracted_count, enacted_count;
} chain_route_t;
bool chain_route(chain_t *chain, const hash_t *from, const hash_t *to, arena_t *arena, chain_route_t *route);

/* ------------------------------------------------------------------ state */

/* chain_has_state says whether state can be asked for at a block; chain_is_discarded that it could be once:
 * the block is known, and its state was let go. */
bool chain_has_state(chain_t *chain, const hash_t *at);
bool chain_is_discarded(chain_t *chain, const hash_t *at);

/* chain_horizon is the lowest block on the best chain whose state is kept. */
uint32_t chain_horizon(const chain_t *chain);

/* chain_state_get and chain_state_next_key find a value, and the first key after `key`, at a block; in arena,
 * or valid until the chain is next changed.  False also when the block is unknown: ask chain_has_state. */
bool chain_state_get(chain_t *chain, const hash_t *at, bytes_t key, arena_t *arena, bytes_t *value);
bool chain_state_next_key(chain_t *chain, const hash_t *at, bytes_t key, arena_t *arena, bytes_t *next);

/* chain_state_prove makes the read proof of keys at a block (state_getReadProof). */
NODISCARD chain_status_t chain_state_prove(chain_t *chain, const hash_t *at, const bytes_t *keys,
                                           uint32_t key_count, arena_t *arena, trie_proof_t *proof);

/* chain_state_merkle finds the Merkle value of the trie's highest node at or below a key (trie_closest); in
 * arena. */
bool chain_state_merkle(chain_t *chain, const hash_t *at, bytes_t key, arena_t *arena, bytes_t *merkle);

/* chain_call runs a runtime function by its name (state_call) with encoded arguments; the result is in arena.
 */
NODISCARD chain_status_t chain_call(chain_t *chain, const hash_t *at, bytes_t method, bytes_t args,
                                    arena_t *arena, bytes_t *result);

/* chain_runtime says whether the runtime that `:code` has at a block is this node's own: CHAIN_OK,
 * CHAIN_OTHER_RUNTIME or CHAIN_UNKNOWN_BLOCK.  On one that is not, nothing is built, imported or called. */
NODISCARD chain_status_t chain_runtime(chain_t *chain, const hash_t *at);

/* chain_runtime_version gives the encoded RuntimeVersion at a block, this node's own or not; in arena.
 * CHAIN_OTHER_RUNTIME: the code does not tell it. */
NODISCARD chain_status_t chain_runtime_version(chain_t *chain, const hash_t *at, arena_t *arena,
                                               bytes_t *version);

/* chain_run hands run a runtime that stands after a block, as a direct way for pool and rpc; what it
 * writes is undone.  Fails when the block is unknown or the runtime broke.  Where the chain has another
 * runtime it reads what it knows of; ask chain_runtime before anything is executed. */
typedef void (*chain_run_t)(void *self, rt_t *rt);
NODISCARD chain_status_t chain_run(chain_t *chain, const hash_t *at, chain_run_t run, void *self);

/* ------------------------------------------------------------------ hear of changes */

typedef enum {
    CHAIN_IMPORTED,  /* block is new; values is what it changed in state (valid during the call) */
    CHAIN_BEST,      /* block is the best one now; previous was */
    CHAIN_FINALIZED, /* block is final now, with all its ancestors above previous */
} chain_event_kind_t;

typedef struct {
    chain_event_kind_t kind;
    chain_point_t block, previous;
    const changes_t *values;        /* IMPORTED */
    const chain_point_t *finalized; /* FINALIZED: oldest first, block last */
    const chain_point_t *pruned;    /* FINALIZED: blocks of other forks, gone now */
    uint32_t finalized_count, pruned_count;
} chain_event_t;

/* chain_listen calls listener after each change is on disk, in the order IMPORTED, BEST, FINALIZED.  A
 * listener may read the chain but not change it: note it, and act after.  At most 16 listeners. */
typedef void (*chain_listener_t)(void *self, const chain_event_t *event);
void chain_listen(chain_t *chain, chain_listener_t listener, void *self);
void chain_unlisten(chain_t *chain, chain_listener_t listener, void *self);

/* ------------------------------------------------------------------ build, import, finalize */

/* chain_build_start begins a block on parent (NULL: best) with the digest items (a SCALE Vec of them) that
 * come before execution.  One block is built at a time; end it by chain_build_commit or chain_build_drop. */
NODISCARD chain_status_t chain_build_start(chain_t *chain, const hash_t *parent, bytes_t digest);

/* chain_build_apply adds an extrinsic as it stands in a body (with its length).  Unless the result is
 * CHAIN_OK the block is as before; *validity (may be NULL) then has the encoded TransactionValidityError, in
 * arena. */
NODISCARD chain_status_t chain_build_apply(chain_t *chain, bytes_t extrinsic, arena_t *arena,
                                           bytes_t *validity);

/* chain_build_finish executes the block's end and gives its header without a seal; in arena. */
NODISCARD chain_status_t chain_build_finish(chain_t *chain, arena_t *arena, bytes_t *header);

/* chain_build_commit appends the seal, an encoded digest item, to the header and keeps the block. */
NODISCARD chain_status_t chain_build_commit(chain_t *chain, bytes_t seal, chain_point_t *block);
void chain_build_drop(chain_t *chain);

/* chain_override_write writes the digest item that has a block of a development chain put or remove keys at
 * its end, whatever it executes; hand it to chain_build_start after the slot's.  False: more than
 * CHAIN_OVERRIDE_MAX bytes, or a key that is too long. */
#define CHAIN_OVERRIDE_MAX 3584 /* the runtime has 4096 for a digest */
NODISCARD bool chain_override_write(scale_writer_t *w, const change_t *items, uint32_t count);

/* chain_set_best makes an unfinalized block, or the finalized one, the best one, until a higher one comes.
 * For development chains: what was above stays where it is. */
NODISCARD chain_status_t chain_set_best(chain_t *chain, const hash_t *hash);

/* chain_import checks a block that was made elsewhere, executes it and keeps it.  now_ms bounds its slot. */
NODISCARD chain_status_t chain_import(chain_t *chain, bytes_t header, bytes_t body, uint64_t now_ms,
                                      chain_point_t *block);

/* chain_check executes a block that is here once more, on its parent's state, and keeps nothing of it:
 * CHAIN_OK says that its seal, its roots and every extrinsic are as they must be.  Genesis is not executed.
 */
NODISCARD chain_status_t chain_check(chain_t *chain, const hash_t *hash);

/* chain_revert forgets every unfinalized block above `number`, on all forks.  For a chain that nobody listens
 * to: it tells no one.  CHAIN_FINALIZED_BEYOND: number is below the finalized block, or above the best one.
 */
NODISCARD chain_status_t chain_revert(chain_t *chain, uint32_t number);

/* chain_finalize makes a block final; the justification, already checked, is kept with it and may be empty.
 * A block that is final already is CHAIN_OK and changes nothing. */
NODISCARD chain_status_t chain_finalize(chain_t *chain, const hash_t *hash, bytes_t justification);

/* After chain_finalize what the next block will ask for is searched for on a thread of its own;
 * chain_ahead_wait waits for it.  A node never does: between two blocks there is time. */
void chain_ahead_wait(chain_t *chain);

/* chain_offchain and chain_offchain_set read and write records of the node's own beside the chain, of any
 * key; value NULL removes one.  A record is on disk when the call returns. */
bool chain_offchain(chain_t *chain, bytes_t key, arena_t *arena, bytes_t *value);
void chain_offchain_set(chain_t *chain, bytes_t key, const bytes_t *value);

/* chain_signature_known and chain_signature_note are the cache of verified signatures: a hash of kind,
 * signer, message and signature.  The pool's check, building and import share it by themselves; these are for
 * tests. */
bool chain_signature_known(const chain_t *chain, const hash_t *hash);
void chain_signature_note(chain_t *chain, const hash_t *hash);

/* chain_counters counts for /metrics. */
typedef struct {
    uint64_t blocks_imported, blocks_built, extrinsics_applied, signatures_verified, signatures_cached;
} chain_counters_t;
chain_counters_t chain_counters(const chain_t *chain);

#endif
