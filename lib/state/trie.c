/* trie.c - the part of the trie that was touched: load, change, hash. */
#include "trie.h"
#include "hash.h"

#include <string.h>

typedef struct trie_item {
    const uint8_t *nibbles;
    uint32_t nibble_count;
    trie_value_kind_t value_kind;
    bytes_t value;
    uint16_t children;
    bool is_changed;    /* since it was last hashed */
    bool is_stored;     /* the store has a node at this place */
    trie_spot_t *child; /* 16 of them, or NULL */
    uint8_t reference[32];
} trie_item_t;

static void *take(trie_t *trie, uint64_t size)
{
    void *room = size <= UINT32_MAX ? arena_take(trie->arena, (uint32_t)size) : NULL;
    if (!room) trie->has_failed = true;
    return room;
}

/* ------------------------------------------------------------------ load */

static bool is_in_arena(const arena_t *arena, bytes_t bytes)
{
    return bytes.data >= arena->start && bytes.data < arena->start + arena->used;
}

static trie_item_t *make_item(trie_t *trie, const trie_node_t *node)
{
    trie_item_t *item = take(trie, sizeof *item);
    if (!item) return NULL;
    item->nibbles      = node->nibbles;
    item->nibble_count = node->nibble_count;
    item->value_kind   = node->value_kind;
    item->value        = node->value;
    item->children     = node->children;
    item->is_stored    = true;
    if (!item->children) return item;
    item->child = take(trie, 16 * sizeof *item->child);
    if (!item->child) return NULL;
    for (uint32_t i = 0; i < 16; i++)
        item->child[i].reference = node->child[i];
    return item;
}

/* load finds the node at `depth` nibbles of path in the store; NULL when there is none. */
static trie_item_t *load(trie_t *trie, const uint8_t *path, uint32_t depth)
{
    uint8_t name[TRIE_NIBBLE_MAX / 2 + 3];
    bytes_t encoded;
    trie_node_t node;
    if (!trie->nodes.get(trie->nodes.self, trie_path_key(path, depth, name), trie->arena, &encoded))
        return NULL;
    if (!is_in_arena(trie->arena, encoded) && !arena_copy(trie->arena, encoded, &encoded)) {
        trie->has_failed = true;
        return NULL;
    }
    if (!trie_node_decode(encoded, trie->arena, &node) || depth + node.nibble_count > TRIE_NIBBLE_MAX) {
        trie->has_failed = true;
        return NULL;
    }
    return make_item(trie, &node);
}

/* open_spot gives the item of a spot, loaded if need be; NULL when the spot is empty or the trie has failed.
 */
static trie_item_t *open_spot(trie_t *trie, trie_spot_t *spot, const uint8_t *path, uint32_t depth)
{
    if (spot->item || spot->reference.len == 0) return spot->item;
    spot->item = load(trie, path, depth);
    if (!spot->item) trie->has_failed = true; /* its parent says that it is there */
    return spot->item;
}

void trie_init(trie_t *trie, trie_version_t version, const kv_t *nodes, arena_t *arena)
{
    *trie         = (trie_t){.version = version, .nodes = *nodes, .arena = arena};
    trie->nibbles = take(trie, TRIE_NIBBLE_MAX + 1);
    trie->path    = take(trie, TRIE_NIBBLE_MAX + 1);
    if (!trie->has_failed) trie->root.item = load(trie, trie->path, 0);
}

/* ------------------------------------------------------------------ change */

static uint32_t common_nibbles(const trie_item_t *item, const uint8_t *nibbles, uint32_t count)
{
    uint32_t most = item->nibble_count < count ? item->nibble_count : count, i = 0;
    while (i < most && item->nibbles[i] == nibbles[i])
        i++;
    return i;
}

static void set_value(trie_t *trie, trie_item_t *item, bytes_t value)
{
    if (trie->version == TRIE_V0 || value.len <= TRIE_INLINE_MAX) {
        item->value_kind = TRIE_VALUE;
        if (!arena_copy(trie->arena, value, &item->value)) trie->has_failed = true;
        return;
    }
    hash_t hash      = blake2_256(value);
    item->value_kind = TRIE_VALUE_HASH;
    if (!arena_copy(trie->arena, (bytes_t){hash.b, 32}, &item->value)) trie->has_failed = true;
}

static trie_item_t *make_leaf(trie_t *trie, const uint8_t *nibbles, uint32_t count, bytes_t value)
{
    trie_item_t *item = take(trie, sizeof *item);
    bytes_t partial;
    if (!item || !arena_copy(trie->arena, (bytes_t){nibbles, count}, &partial)) {
        trie->has_failed = true;
        return NULL;
    }
    item->nibbles      = partial.data;
    item->nibble_count = count;
    item->is_changed   = true;
    set_value(trie, item, value);
    return item;
}

/* split puts a branch above an item, where its partial key ends to be `common` to all; the branch takes the
 * item's place. */
static trie_item_t *split(trie_t *trie, trie_spot_t *spot, trie_item_t *item, uint32_t common)
{
    trie_item_t *branch = take(trie, sizeof *branch);
    if (!branch) return NULL;
    branch->child = take(trie, 16 * sizeof *branch->child);
    if (!branch->child) return NULL;
    uint8_t nibble       = item->nibbles[common];
    branch->nibbles      = item->nibbles;
    branch->nibble_count = common;
    branch->is_stored    = item->is_stored;
    branch->children     = (uint16_t)(1u << nibble);
    item->nibbles += common + 1;
    item->nibble_count -= common + 1;
    item->is_stored            = false;
    item->is_changed           = true;
    branch->child[nibble].item = item;
    spot->item                 = branch;
    return branch;
}

static bool start(trie_t *trie, bytes_t key)
{
    if (key.len > TRIE_KEY_MAX) trie->has_failed = true;
    if (trie->has_failed) return false;
    trie_nibbles(key, trie->nibbles);
    return true;
}

void trie_put(trie_t *trie, bytes_t key, bytes_t value)
{
    if (!start(trie, key)) return;
    uint32_t count = 2 * key.len, depth = 0;
    trie_spot_t *spot = &trie->root;
    for (;;) {
        trie_item_t *item = open_spot(trie, spot, trie->nibbles, depth);
        if (trie->has_failed) return;
        if (!item) {
            spot->item = make_leaf(trie, trie->nibbles + depth, count - depth, value);
            return;
        }
        uint32_t common = common_nibbles(item, trie->nibbles + depth, count - depth);
        if (common < item->nibble_count) item = split(trie, spot, item, common);
        if (!item) return;
        item->is_changed = true;
        depth += common;
        if (depth == count) {
            set_value(trie, item, value);
            return;
        }
        if (!item->child) item->child = take(trie, 16 * sizeof *item->child);
        if (!item->child) return;
        uint8_t nibble = trie->nibbles[depth++];
        item->children |= (uint16_t)(1u << nibble);
        spot = &item->child[nibble];
    }
}

static void note_removed(trie_t *trie, const uint8_t *path, uint32_t depth)
{
    if (trie->removed_count == trie->removed_cap) {
        uint32_t cap     = trie->removed_cap ? 2 * trie->removed_cap : 64;
        bytes_t *removed = take(trie, (uint64_t)cap * sizeof *removed);
        if (!removed) return;
        if (trie->removed_count) memcpy(removed, trie->removed, trie->removed_count * sizeof *removed);
        trie->removed     = removed;
        trie->removed_cap = cap;
    }
    bytes_t copy;
    if (!arena_copy(trie->arena, (bytes_t){path, depth}, &copy)) trie->has_failed = true;
    trie->removed[trie->removed_count++] = copy;
}

/* fold joins a branch that has one child and no value with this child.  The branch is at `depth` nibbles of
 * the key under way. */
static void fold(trie_t *trie, trie_spot_t *spot, uint32_t depth)
{
    trie_item_t *item = spot->item;
    if (item->value_kind != TRIE_NO_VALUE || (item->children & (item->children - 1)) != 0) return;
    uint8_t nibble = 0;
    while (!(item->children >> nibble & 1))
        nibble++;

    uint32_t below = depth + item->nibble_count;
    memcpy(trie->path, trie->nibbles, below);
    trie->path[below++] = nibble;
    trie_item_t *child  = open_spot(trie, &item->child[nibble], trie->path, below);
    if (!child) return;
    uint32_t count   = item->nibble_count + 1 + child->nibble_count;
    uint8_t *nibbles = take(trie, count);
    if (!nibbles) return;
    memcpy(nibbles, item->nibbles, item->nibble_count);
    nibbles[item->nibble_count] = nibble;
    memcpy(nibbles + item->nibble_count + 1, child->nibbles, child->nibble_count);

    if (child->is_stored) note_removed(trie, trie->path, below);
    child->nibbles      = nibbles;
    child->nibble_count = count;
    child->is_stored    = item->is_stored;
    child->is_changed   = true;
    *spot               = (trie_spot_t){.item = child};
}

/* has says whether the key under way has a value, and loads all on the way to it. */
static bool has(trie_t *trie, uint32_t count)
{
    trie_spot_t *spot = &trie->root;
    uint32_t depth    = 0;
    for (;;) {
        trie_item_t *item = open_spot(trie, spot, trie->nibbles, depth);
        if (!item) return false;
        if (common_nibbles(item, trie->nibbles + depth, count - depth) < item->nibble_count) return false;
        depth += item->nibble_count;
        if (depth == count) return item->value_kind != TRIE_NO_VALUE;
        uint8_t nibble = trie->nibbles[depth++];
        if (!(item->children >> nibble & 1)) return false;
        spot = &item->child[nibble];
    }
}

void trie_remove(trie_t *trie, bytes_t key)
{
    if (!start(trie, key) || !has(trie, 2 * key.len)) return;
    trie_spot_t *spot = &trie->root, *above = NULL;
    trie_item_t *item;
    uint32_t depth = 0, above_depth = 0;
    for (;;) {
        item             = spot->item;
        item->is_changed = true;
        if (depth + item->nibble_count == 2 * key.len) break;
        above       = spot;
        above_depth = depth;
        depth += item->nibble_count;
        spot = &item->child[trie->nibbles[depth++]];
    }
    item->value_kind = TRIE_NO_VALUE;
    item->value      = (bytes_t){0};
    if (item->children) {
        fold(trie, spot, depth);
        return;
    }
    if (item->is_stored) note_removed(trie, trie->nibbles, depth);
    *spot = (trie_spot_t){0};
    if (!above) return;
    above->item->children &= (uint16_t) ~(1u << trie->nibbles[depth - 1]);
    if (above->item->children) fold(trie, above, above_depth);
}

void trie_apply(trie_t *trie, const changes_t *changes)
{
    for (uint32_t i = 0; i < changes->count; i++) {
        if (changes->items[i].is_removed)
            trie_remove(trie, changes->items[i].key);
        else
            trie_put(trie, changes->items[i].key, changes->items[i].value);
    }
}

/* ------------------------------------------------------------------ hash */

static void note_change(trie_t *trie, change_t change)
{
    if (trie->changes.count == trie->change_cap) {
        uint32_t cap    = trie->change_cap ? 2 * trie->change_cap : 64;
        change_t *items = take(trie, (uint64_t)cap * sizeof *items);
        if (!items) return;
        if (trie->changes.count) memcpy(items, trie->changes.items, trie->changes.count * sizeof *items);
        trie->changes.items = items;
        trie->change_cap    = cap;
    }
    trie->changes.items[trie->changes.count++] = change;
}

/* close_item encodes and hashes an item whose children are, and notes it for the store. */
static void close_item(trie_t *trie, trie_spot_t *spot, uint32_t depth)
{
    trie_item_t *item = spot->item;
    trie_node_t node  = {.nibbles      = item->nibbles,
                         .nibble_count = item->nibble_count,
                         .value_kind   = item->value_kind,
                         .value        = item->value,
                         .children     = item->children};
    for (uint32_t i = 0; i < 16; i++)
        if (item->children >> i & 1) node.child[i] = item->child[i].reference;
    uint8_t name[TRIE_NIBBLE_MAX / 2 + 3];
    bytes_t encoded, key;
    if (!trie_node_encode(&node, trie->arena, &encoded) ||
        !arena_copy(trie->arena, trie_path_key(trie->path, depth, name), &key)) {
        trie->has_failed = true;
        return;
    }
    if (encoded.len < 32 && depth != 0) {
        memcpy(item->reference, encoded.data, encoded.len);
        spot->reference = (bytes_t){item->reference, encoded.len};
    } else {
        hash_t hash = blake2_256(encoded);
        memcpy(item->reference, hash.b, 32);
        spot->reference = (bytes_t){item->reference, 32};
    }
    if (item->is_changed) note_change(trie, (change_t){.key = key, .value = encoded});
    item->is_changed = false;
    item->is_stored  = true;
}

/* hash_spot hashes all that changed at and below a spot at `depth` nibbles of trie->path.  As deep as keys
 * are long, at most TRIE_NIBBLE_MAX. */
static void hash_spot(trie_t *trie, trie_spot_t *spot, uint32_t depth)
{
    trie_item_t *item = spot->item;
    if (!item || !item->is_changed || trie->has_failed) return;
    uint32_t below = depth + item->nibble_count;
    memcpy(trie->path + depth, item->nibbles, item->nibble_count);
    for (uint32_t i = 0; i < 16; i++) {
        if (!(item->children >> i & 1) || !item->child[i].item) continue;
        trie->path[below] = (uint8_t)i;
        hash_spot(trie, &item->child[i], below + 1);
    }
    close_item(trie, spot, depth);
}

bool trie_root(trie_t *trie, hash_t *root)
{
    *root = trie_empty_root();
    if (trie->has_failed) return false;
    if (!trie->root.item) return true;
    if (trie->root.item->is_changed)
        hash_spot(trie, &trie->root, 0);
    else if (trie->root.reference.len == 0)
        close_item(trie, &trie->root, 0); /* as loaded: only its hash is wanted */
    if (trie->has_failed) return false;
    memcpy(root->b, trie->root.reference.data, 32);
    return true;
}

/* is_taken says whether a node stands at a place where one was removed before. */
static bool is_taken(const trie_t *trie, bytes_t path)
{
    const trie_spot_t *spot = &trie->root;
    uint32_t at             = 0;
    for (;;) {
        const trie_item_t *item = spot->item;
        if (at == path.len) return item || spot->reference.len;
        if (!item || path.len - at <= item->nibble_count) return false;
        if (common_nibbles(item, path.data + at, path.len - at) < item->nibble_count) return false;
        at += item->nibble_count;
        if (!(item->children >> path.data[at] & 1)) return false;
        spot = &item->child[path.data[at++]];
    }
}

changes_t trie_changes(trie_t *trie)
{
    uint8_t name[TRIE_NIBBLE_MAX / 2 + 3];
    for (uint32_t i = 0; i < trie->removed_count && !trie->has_failed; i++) {
        bytes_t path = trie->removed[i], key;
        if (is_taken(trie, path)) continue;
        if (!arena_copy(trie->arena, trie_path_key(path.data, path.len, name), &key)) trie->has_failed = true;
        note_change(trie, (change_t){.key = key, .is_removed = true});
    }
    changes_t changes   = trie->changes;
    trie->changes       = (changes_t){0};
    trie->change_cap    = 0;
    trie->removed       = NULL;
    trie->removed_count = trie->removed_cap = 0;
    return changes;
}
