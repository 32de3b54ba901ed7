/* ahead.c - what the next block's end will ask for is searched for before it is made.
 *
 * Each contract's records are read once in a billing cycle: they are never in memory, and a search takes
 * longer than all else that a bill does.  Which ones they are is known a block before (store_ahead). */
#include "chain_internal.h"

#include <stdlib.h>

enum { KEYS_MAX = 1 << 14, KEY_BYTES_MAX = 1 << 21 };

typedef struct {
    uint32_t number;
    store_ahead_t *keys;
    uint32_t count;
    arena_t arena;
} notes_t;

static void note(notes_t *notes, bytes_t key, bool is_written)
{
    if (notes->count == KEYS_MAX || !arena_copy(&notes->arena, key, &key)) return;
    notes->keys[notes->count++] = (store_ahead_t){key, is_written};
}

static bool note_get(void *self, bytes_t key, arena_t *arena, bytes_t *value)
{
    (void)arena, (void)value;
    note(self, key, false);
    return false;
}

static void note_remove(void *self, bytes_t key) { note(self, key, true); }

static void take_notes(void *self, rt_t *rt)
{
    notes_t *notes    = self;
    const host_t host = {.state = notes, .get = note_get, .remove = note_remove};
    runtime_ahead(rt, notes->number, &host);
}

void chain_look_ahead(chain_t *chain)
{
    const chain_point_t best = chain_best(chain);
    notes_t notes            = {.number = best.number + 1};
    if (chain_runtime(chain, &best.hash) != CHAIN_OK) return;
    notes.keys  = malloc(KEYS_MAX * sizeof *notes.keys);
    notes.arena = (arena_t){malloc(KEY_BYTES_MAX), KEY_BYTES_MAX, 0};
    if (notes.keys && notes.arena.start && chain_run(chain, &best.hash, take_notes, &notes) == CHAIN_OK)
        store_ahead(chain->store, notes.keys, notes.count);
    free(notes.keys);
    free(notes.arena.start);
}

void chain_ahead_wait(chain_t *chain) { store_ahead_wait(chain->store); }
