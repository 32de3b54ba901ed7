/* chain_internal.h - what the files of node/chain share.
 *
 * An exec is a runtime over the state after one block: an overlay, a trie and the host that hands both
 * to the runtime.  There are two.  `builder` executes blocks and goes on from one to the next with all
 * that it has read; `query` answers questions at any block, and undoes what they write. */
#ifndef CHAIN_INTERNAL_H
#define CHAIN_INTERNAL_H
#include "chain.h"
#include "overlay.h"
#include "runtime.h"
#include "store.h"
#include "trie.h"

enum { CHAIN_LISTENERS_MAX = 16, SIGNATURES_KEPT = 1 << 16, RUNTIME_NOTES = 64 };

/* Whether the runtime at a block is ours. */
typedef struct {
    hash_t at;
    bool is_known, is_own;
} runtime_note_t;

typedef struct {
    chain_t *chain;
    arena_t arena;           /* of overlay and trie; its pages are touched only when needed */
    size_t touched;          /* of it, at most */
    uint8_t *runtime_memory; /* of rt, likewise */
    uint32_t runtime_size;
    hash_t at;
    bool is_ready; /* overlay and, if it has one, trie stand after block `at` */
    bool has_trie, has_root, has_failed;
    store_view_t view;
    kv_t values, nodes;
    overlay_t overlay;
    trie_t trie;
    bytes_t overrides; /* of the block under way; applied before its root is made */
    hash_t root;       /* what the runtime was told at the block's end */
    changes_t changes; /* of which that is the root */
    host_t host;
    rt_t fresh, rt; /* as rt_start leaves it, and as it is */
} exec_t;

/* The block being built. */
typedef struct {
    bool is_open, is_finished;
    chain_point_t parent;
    scale_writer_t body; /* the extrinsics one after the other (malloc) */
    uint32_t count;
    uint8_t overrides[CHAIN_OVERRIDE_MAX + 16];
    bytes_t header; /* after finish, in header_room (malloc) */
    uint8_t *header_room;
} build_t;

struct chain {
    store_t *store;
    bool is_trial;
    exec_t builder, query;
    build_t build;
    hash_t *signatures; /* SIGNATURES_KEPT slots */
    uint64_t seed;
    runtime_note_t runtimes[RUNTIME_NOTES];
    chain_counters_t counters;
    struct {
        chain_listener_t call;
        void *self;
    } listeners[CHAIN_LISTENERS_MAX];
    uint32_t listener_count;
};

/* exec_init makes an exec that stands nowhere yet, whose runtime has runtime_size bytes; exec_fini gives its
 * memory back. */
void exec_init(exec_t *exec, chain_t *chain, uint32_t runtime_size);
void exec_fini(exec_t *exec);

/* exec_stand puts an exec after a block; what it knows is kept when it stands there already.  False: no such
 * state. */
bool exec_stand(exec_t *exec, const hash_t *at);

/* exec_stand_nowhere puts it over nothing at all: before genesis. */
void exec_stand_nowhere(exec_t *exec);

/* exec_start gives rt a new start over the exec's host. */
void exec_start(exec_t *exec);

/* exec_undo takes back all open layers. */
void exec_undo(exec_t *exec);

/* exec_is_whole says that neither overlay, trie nor runtime failed. */
bool exec_is_whole(const exec_t *exec);

/* exec_forget drops all that the exec knows. */
void exec_forget(exec_t *exec);

/* exec_root is the state's root with all that was written.  May be asked for once a block. */
hash_t exec_root(exec_t *exec);

/* exec_settle moves an exec to the block that was just committed from it. */
void exec_settle(exec_t *exec, const hash_t *at);

/* exec_override applies and forgets the block's overrides. */
void exec_override(exec_t *exec);

/* chain_override_find finds the overrides that a header tells of, none: empty; false: several.
 * chain_override_is_good says that they decode. */
NODISCARD bool chain_override_find(const header_t *header, bytes_t *data);
NODISCARD bool chain_override_is_good(bytes_t data);

/* chain_look_ahead starts to search for what the next block on the best one will ask for. */
void chain_look_ahead(chain_t *chain);

void chain_notify(chain_t *chain, const chain_event_t *event);

/* chain_keep commits an executed block from exec and tells of it. */
chain_status_t chain_keep(chain_t *chain, exec_t *exec, bytes_t header, bytes_t body, const hash_t *parent,
                          uint32_t number, chain_point_t *block);

/* chain_runtime_note lets a block that was just kept have its parent's runtime, unless values say otherwise.
 */
void chain_runtime_note(chain_t *chain, const hash_t *parent, const hash_t *block, const changes_t *values);

/* chain_at gives the hash that `at` means. */
const hash_t *chain_at(const chain_t *chain, const hash_t *at, chain_point_t *best);

#endif
