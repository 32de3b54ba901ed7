/* overlay.c - a hash table of what was read and written, a skip list of what was written, an undo log. */
#include "overlay.h"
#include "scale.h"

#include <string.h>

typedef enum { VALUE_UNKNOWN, VALUE_ABSENT, VALUE_PLAIN, VALUE_APPENDED } value_kind_t;

/* A value.  An appended Vec keeps `head_len` free bytes before its items: its length, which changes
 * with each append, is written there when somebody reads. */
typedef struct {
    value_kind_t kind;
    const uint8_t *data; /* PLAIN */
    uint8_t *room;       /* APPENDED: head, then items */
    uint32_t len, cap, count;
    bool is_shared; /* APPENDED: somebody holds bytes of room; the next append takes new room */
} value_t;

#define HEAD_LEN 8

typedef struct overlay_entry {
    bytes_t key;
    uint64_t hash;
    struct overlay_entry *chain;
    struct overlay_entry **next; /* in the skip list; NULL: not in it */
    value_t value;
    uint32_t layer; /* of the newest undo record about this entry */
    bool is_changed, was_read;
} entry_t;

typedef struct overlay_undo {
    entry_t *entry;
    value_t value;
    uint32_t layer;
    bool is_changed;
} undo_t;

static void *take(overlay_t *overlay, uint64_t size)
{
    void *room = size <= UINT32_MAX ? arena_take(overlay->arena, (uint32_t)size) : NULL;
    if (!room) overlay->has_failed = true;
    return room;
}

static bool keep_copy(overlay_t *overlay, bytes_t bytes, bytes_t *copy)
{
    if (!arena_copy(overlay->arena, bytes, copy)) overlay->has_failed = true;
    return !overlay->has_failed;
}

/* ------------------------------------------------------------------ the table */

static void grow(overlay_t *overlay)
{
    uint32_t size   = overlay->table_size ? 2 * overlay->table_size : 256;
    entry_t **table = take(overlay, (uint64_t)size * sizeof(void *));
    if (!table) return;
    for (uint32_t i = 0; i < overlay->table_size; i++) {
        for (entry_t *entry = overlay->table[i], *chain; entry; entry = chain) {
            entry_t **bucket = &table[entry->hash & (size - 1)];
            chain            = entry->chain;
            entry->chain     = *bucket;
            *bucket          = entry;
        }
    }
    overlay->table      = table;
    overlay->table_size = size;
}

static entry_t *find(const overlay_t *overlay, bytes_t key)
{
    if (overlay->table_size == 0) return NULL;
    uint64_t hash  = bytes_spread(key, overlay->seed);
    entry_t *entry = overlay->table[hash & (overlay->table_size - 1)];
    while (entry && (entry->hash != hash || !bytes_equal(entry->key, key)))
        entry = entry->chain;
    return entry;
}

/* find_or_add gives the entry of key; NULL when the overlay has failed. */
static entry_t *find_or_add(overlay_t *overlay, bytes_t key)
{
    if (overlay->has_failed) return NULL;
    entry_t *entry = find(overlay, key);
    if (entry) return entry;
    if (overlay->entry_count >= overlay->table_size) grow(overlay);
    if (overlay->has_failed) return NULL;
    entry = take(overlay, sizeof *entry);
    if (!entry || !keep_copy(overlay, key, &entry->key)) return NULL;
    entry->hash      = bytes_spread(key, overlay->seed);
    entry_t **bucket = &overlay->table[entry->hash & (overlay->table_size - 1)];
    entry->chain     = *bucket;
    *bucket          = entry;
    overlay->entry_count++;
    return entry;
}

/* read_base fills in what the base has for an entry that was not asked for yet. */
static void read_base(overlay_t *overlay, entry_t *entry)
{
    bytes_t value;
    if (entry->value.kind != VALUE_UNKNOWN) return;
    entry->value = (value_t){.kind = VALUE_ABSENT};
    if (!overlay->base.get(overlay->base.self, entry->key, overlay->arena, &value)) return;
    const arena_t *arena = overlay->arena;
    bool is_in           = value.data >= arena->start && value.data < arena->start + arena->used;
    if (!is_in && !keep_copy(overlay, value, &value)) return;
    entry->value = (value_t){.kind = VALUE_PLAIN, .data = value.data, .len = value.len};
}

/* ------------------------------------------------------------------ the skip list */

static uint32_t draw_level(overlay_t *overlay)
{
    uint32_t level = 1;
    overlay->random ^= overlay->random << 13;
    overlay->random ^= overlay->random >> 7;
    overlay->random ^= overlay->random << 17;
    for (uint64_t bits = overlay->random; (bits & 3) == 0 && level < OVERLAY_LEVEL_MAX; bits >>= 2)
        level++;
    return level;
}

/* seek finds, in each level, the link that leads to the first entry whose key is at or after `key`, or after
 * it. */
static entry_t *seek(overlay_t *overlay, bytes_t key, bool is_after, entry_t **links[OVERLAY_LEVEL_MAX])
{
    entry_t **level = overlay->first;
    entry_t *found  = NULL;
    for (uint32_t i = OVERLAY_LEVEL_MAX; i-- > 0;) {
        for (entry_t *entry = level[i]; entry; entry = level[i]) {
            int order = bytes_compare(entry->key, key);
            if (order > 0 || (order == 0 && !is_after)) break;
            level = entry->next;
        }
        links[i] = &level[i];
        found    = level[i];
    }
    return found;
}

static void list(overlay_t *overlay, entry_t *entry)
{
    entry_t **links[OVERLAY_LEVEL_MAX];
    uint32_t level = draw_level(overlay);
    entry->next    = take(overlay, level * sizeof(void *));
    if (!entry->next) return;
    seek(overlay, entry->key, false, links);
    for (uint32_t i = 0; i < level; i++) {
        entry->next[i] = *links[i];
        *links[i]      = entry;
    }
}

/* ------------------------------------------------------------------ read */

void overlay_init(overlay_t *overlay, const kv_t *base, arena_t *arena, uint64_t seed)
{
    memset(overlay, 0, sizeof *overlay);
    overlay->base   = *base;
    overlay->arena  = arena;
    overlay->seed   = seed;
    overlay->random = seed | 1;
}

/* value_bytes is the value as it is stored. */
static bytes_t value_bytes(value_t *value)
{
    if (value->kind == VALUE_PLAIN) return (bytes_t){value->data, value->len};
    uint8_t head[HEAD_LEN];
    scale_writer_t w = scale_writer(head, sizeof head);
    scale_put_compact(&w, value->count);
    uint8_t *start = value->room + HEAD_LEN - w.len;
    memcpy(start, head, w.len);
    value->is_shared = true;
    return (bytes_t){start, w.len + value->len};
}

bool overlay_get(overlay_t *overlay, bytes_t key, bytes_t *value)
{
    entry_t *entry = find_or_add(overlay, key);
    if (!entry) return false;
    read_base(overlay, entry);
    if (entry->value.kind == VALUE_ABSENT || overlay->has_failed) return false;
    entry->was_read = true;
    *value          = value_bytes(&entry->value);
    return true;
}

bool overlay_next_key(overlay_t *overlay, bytes_t key, arena_t *arena, bytes_t *next)
{
    entry_t **links[OVERLAY_LEVEL_MAX];
    if (overlay->has_failed) return false;
    entry_t *changed = seek(overlay, key, true, links);
    while (changed && (!changed->is_changed || changed->value.kind == VALUE_ABSENT))
        changed = changed->next[0];

    bytes_t below;
    bool has_below = overlay->base.next(overlay->base.self, key, arena, &below);
    while (has_below) {
        const entry_t *entry = find(overlay, below);
        if (!entry || !entry->is_changed || entry->value.kind != VALUE_ABSENT) break;
        has_below = overlay->base.next(overlay->base.self, entry->key, arena, &below);
    }
    if (!changed && !has_below) return false;
    *next = !has_below || (changed && bytes_compare(changed->key, below) < 0) ? changed->key : below;
    return true;
}

/* ------------------------------------------------------------------ write */

static bool note_undo(overlay_t *overlay, entry_t *entry)
{
    if (overlay->layer == 0 || entry->layer == overlay->layer) return true;
    if (overlay->undo_count == overlay->undo_cap) {
        uint32_t cap = overlay->undo_cap ? 2 * overlay->undo_cap : 256;
        undo_t *undo = take(overlay, (uint64_t)cap * sizeof *undo);
        if (!undo) return false;
        if (overlay->undo) memcpy(undo, overlay->undo, overlay->undo_count * sizeof *undo);
        overlay->undo     = undo;
        overlay->undo_cap = cap;
    }
    overlay->undo[overlay->undo_count++] = (undo_t){entry, entry->value, entry->layer, entry->is_changed};
    entry->layer                         = overlay->layer;
    return true;
}

static void change(overlay_t *overlay, entry_t *entry, value_t value)
{
    if (!entry->next) list(overlay, entry);
    if (overlay->has_failed || !note_undo(overlay, entry)) return;
    entry->value      = value;
    entry->is_changed = true;
}

void overlay_put(overlay_t *overlay, bytes_t key, bytes_t value)
{
    entry_t *entry = find_or_add(overlay, key);
    bytes_t copy;
    if (!entry) return;
    if (entry->value.kind == VALUE_PLAIN &&
        bytes_equal((bytes_t){entry->value.data, entry->value.len}, value))
        return;
    if (keep_copy(overlay, value, &copy))
        change(overlay, entry, (value_t){.kind = VALUE_PLAIN, .data = copy.data, .len = copy.len});
}

void overlay_remove(overlay_t *overlay, bytes_t key)
{
    entry_t *entry = find_or_add(overlay, key);
    if (entry && entry->value.kind != VALUE_ABSENT) change(overlay, entry, (value_t){.kind = VALUE_ABSENT});
}

/* as_appended gives a value the form that can be appended to, with room for `more` bytes. */
static bool as_appended(overlay_t *overlay, value_t *value, uint32_t more)
{
    const uint8_t *items = value->room ? value->room + HEAD_LEN : NULL;
    if (value->kind == VALUE_APPENDED && !value->is_shared && value->cap - value->len >= more) return true;
    if (value->kind == VALUE_PLAIN) {
        scale_reader_t r = scale_reader((bytes_t){value->data, value->len}, NULL);
        uint64_t count   = scale_get_compact(&r);
        bool is_vec      = !r.failed && count <= UINT32_MAX;
        items            = r.at;
        value->count     = is_vec ? (uint32_t)count : 0;
        value->len       = is_vec ? (uint32_t)(r.end - r.at) : 0;
    }
    uint64_t cap  = ((uint64_t)value->len + more) * 2 + 256;
    uint8_t *room = take(overlay, cap + HEAD_LEN);
    if (!room) return false;
    if (items && value->len) memcpy(room + HEAD_LEN, items, value->len);
    *value = (value_t){
        .kind = VALUE_APPENDED, .room = room, .len = value->len, .cap = (uint32_t)cap, .count = value->count};
    return true;
}

void overlay_append(overlay_t *overlay, bytes_t key, uint32_t count, bytes_t items)
{
    entry_t *entry = find_or_add(overlay, key);
    if (!entry) return;
    read_base(overlay, entry);
    value_t value = entry->value;
    if (value.kind == VALUE_ABSENT) value = (value_t){.kind = VALUE_ABSENT};
    if (count > UINT32_MAX - value.count) overlay->has_failed = true;
    if (overlay->has_failed || !as_appended(overlay, &value, items.len)) return;
    if (items.len) memcpy(value.room + HEAD_LEN + value.len, items.data, items.len);
    value.len += items.len;
    value.count += count;
    change(overlay, entry, value);
}

/* ------------------------------------------------------------------ layers */

void overlay_begin(overlay_t *overlay)
{
    if (overlay->layer == OVERLAY_LAYER_MAX) overlay->has_failed = true;
    if (overlay->has_failed) return;
    overlay->layer_start[++overlay->layer] = overlay->undo_count;
}

/* keep_layer hands the newest layer's records to the layer below, where it has none of its own. */
static void keep_layer(overlay_t *overlay, uint32_t start)
{
    uint32_t below = overlay->layer - 1, kept = start;
    for (uint32_t i = start; i < overlay->undo_count; i++) {
        undo_t undo       = overlay->undo[i];
        undo.entry->layer = below;
        if (below != 0 && undo.layer != below) overlay->undo[kept++] = undo;
    }
    overlay->undo_count = kept;
}

static void undo_layer(overlay_t *overlay, uint32_t start)
{
    while (overlay->undo_count > start) {
        const undo_t *undo = &overlay->undo[--overlay->undo_count];
        entry_t *entry     = undo->entry;
        entry->value       = undo->value;
        entry->layer       = undo->layer;
        entry->is_changed  = undo->is_changed;
        if (entry->was_read) entry->value.is_shared = true;
    }
}

void overlay_end(overlay_t *overlay, bool keep)
{
    if (overlay->has_failed || overlay->layer == 0) return;
    uint32_t start = overlay->layer_start[overlay->layer];
    if (keep)
        keep_layer(overlay, start);
    else
        undo_layer(overlay, start);
    overlay->layer--;
}

/* ------------------------------------------------------------------ hand out */

bool overlay_changes(overlay_t *overlay, arena_t *arena, changes_t *changes)
{
    uint64_t count = 0;
    *changes       = (changes_t){0};
    if (overlay->has_failed) return false;
    for (const entry_t *entry = overlay->first[0]; entry; entry = entry->next[0])
        count += entry->is_changed;
    uint64_t size  = count * sizeof(change_t);
    changes->items = size <= UINT32_MAX ? arena_take(arena, (uint32_t)size) : NULL;
    if (!changes->items) return false;
    for (entry_t *entry = overlay->first[0]; entry; entry = entry->next[0]) {
        if (!entry->is_changed) continue;
        change_t *item = &changes->items[changes->count++];
        item->key      = entry->key;
        if (entry->value.kind == VALUE_ABSENT)
            item->is_removed = true;
        else
            item->value = value_bytes(&entry->value);
    }
    return true;
}

void overlay_settle(overlay_t *overlay, const kv_t *base)
{
    overlay->base = *base;
    for (entry_t *entry = overlay->first[0], *next; entry; entry = next) {
        next              = entry->next[0];
        entry->next       = NULL;
        entry->is_changed = false;
    }
    memset(overlay->first, 0, sizeof overlay->first);
}
