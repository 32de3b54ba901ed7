/* overlay.h - the changes that a block makes to state, before they are kept.
 *
 * Layers: a call opens one, and keeps or undoes it whole.  Reading looks at what was changed, then at
 * what was read before, then into the base view.  Bytes handed out never change under their reader:
 * a new value takes new room.  Nothing here touches the disk; when the arena is full the overlay has
 * failed for good, and its owner drops the block. */
#ifndef OVERLAY_H
#define OVERLAY_H
#include "kv.h"

#define OVERLAY_LAYER_MAX 256 /* layers open at once; one more and the overlay has failed */
#define OVERLAY_LEVEL_MAX 12

typedef struct overlay {
    kv_t base;
    arena_t *arena;
    uint64_t seed, random;
    struct overlay_entry **table; /* all that was read or written, by hash of key */
    uint32_t table_size, entry_count;
    struct overlay_entry *first[OVERLAY_LEVEL_MAX]; /* what was written, in key order: a skip list */
    struct overlay_undo *undo;                      /* what entries were before the open layers */
    uint32_t undo_count, undo_cap;
    uint32_t layer; /* how many are open */
    uint32_t layer_start[OVERLAY_LAYER_MAX + 1];
    bool has_failed;
} overlay_t;

/* overlay_init lays an empty overlay over base.  arena must outlive it; seed, which a stranger should
 * not guess, spreads the keys. */
void overlay_init(overlay_t *overlay, const kv_t *base, arena_t *arena, uint64_t seed);

/* overlay_get finds the value of key.  The bytes stay valid as long as the arena. */
bool overlay_get(overlay_t *overlay, bytes_t key, bytes_t *value);

/* overlay_put and overlay_remove copy what they are given. */
void overlay_put(overlay_t *overlay, bytes_t key, bytes_t value);
void overlay_remove(overlay_t *overlay, bytes_t key);

/* overlay_append adds items, which are `count` encoded elements, to the SCALE Vec at key, in time
 * proportional to items.  A value that is no Vec is replaced, as Substrate does. */
void overlay_append(overlay_t *overlay, bytes_t key, uint32_t count, bytes_t items);

/* overlay_next_key finds the first key after `key` that has a value; it is in arena, or lives as long as the
 * overlay. */
bool overlay_next_key(overlay_t *overlay, bytes_t key, arena_t *arena, bytes_t *next);

/* overlay_begin opens a layer; overlay_end keeps it (in the layer below) or undoes it. */
void overlay_begin(overlay_t *overlay);
void overlay_end(overlay_t *overlay, bool keep);

/* overlay_changes is all that is changed, as seen through the open layers, sorted by key, in arena.  It fails
 * when the overlay has. */
NODISCARD bool overlay_changes(overlay_t *overlay, arena_t *arena, changes_t *changes);

/* overlay_settle lays the overlay over a base that already holds its changes: nothing is changed any
 * more, all that was read or written stays at hand.  No layer may be open. */
void overlay_settle(overlay_t *overlay, const kv_t *base);

#endif
