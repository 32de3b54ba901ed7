/* store_ahead.c - a thread that searches for values, and for the nodes on the way to keys. */
#include "store_ahead.h"
#include "store_internal.h"
#include "trie_node.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

enum {
    KEYS_LEAST = 8,         /* fewer are not worth a thread */
    LEVELS_MAX = 96,        /* of nodes above a key; what lies deeper is searched for when it is asked for */
    NODE_ROOM  = 16 * 1024, /* for what a node is decoded to */
    SAMPLES    = 16,
    SOON       = 8,
    MAP_LEN    = 32, /* of a key the part that says of which map it is */
};

/* A branch on the way to the last key, at `depth` nibbles of it; `end` is behind the branch's own. */
typedef struct {
    uint32_t depth, end;
    uint16_t children;
} level_t;

struct ahead_job {
    pthread_t thread;
    const store_t *store; /* of it only what never changes */
    rocksdb_iterator_t *values, *nodes;
    uint32_t number;
    store_ahead_t *keys;
    uint32_t count;
    uint8_t *bytes; /* of the keys */
    cache_entry_t **found;
    uint32_t found_count, found_cap;
    level_t levels[LEVELS_MAX];
    uint32_t level_count, before_count;
    uint32_t start; /* what stands above this depth is in memory, as far as samples tell */
    uint8_t nibbles[TRIE_NIBBLE_MAX], before[TRIE_NIBBLE_MAX];
    uint8_t room[NODE_ROOM];
    atomic_bool is_cancelled, is_done;
};

/* ------------------------------------------------------------------ the thread */

static void keep(ahead_job_t *job, cache_entry_t *entry)
{
    if (!entry) return;
    if (job->found_count == job->found_cap) {
        job->found_cap = job->found_cap ? 2 * job->found_cap : 1024;
        job->found     = realloc(job->found, job->found_cap * sizeof(cache_entry_t *));
        if (!job->found) store_die("read", "no memory");
    }
    job->found[job->found_count++] = entry;
}

/* search finds a record and keeps it; *record is good until the next search. */
static bool search(ahead_job_t *job, column_t column, bytes_t key, bytes_t *record)
{
    uint32_t written;
    bool is_there = store_seek(column == COLUMN_NODE ? job->nodes : job->values, column, key, job->number,
                               &written, record);
    keep(job, cache_entry_new(job->store->records.seed, column, key, written, is_there ? record : NULL));
    return is_there;
}

static uint32_t common_nibbles(const uint8_t *a, uint32_t a_count, const uint8_t *b, uint32_t b_count)
{
    uint32_t i = 0;
    while (i < a_count && i < b_count && a[i] == b[i])
        i++;
    return i;
}

/* start_depth goes back up to where a key leaves the way to the one before it, and gives the depth of the
 * first node that is new; false: none is. */
static bool start_depth(ahead_job_t *job, uint32_t count, uint32_t *depth)
{
    const uint32_t common = common_nibbles(job->nibbles, count, job->before, job->before_count);
    *depth                = 0;
    while (job->level_count > 0 && job->levels[job->level_count - 1].depth > common)
        job->level_count--;
    memcpy(job->before, job->nibbles, count);
    job->before_count = count;
    if (job->level_count == 0 && job->start < count) *depth = job->start;
    if (job->level_count == 0) return true;
    const level_t *level = &job->levels[job->level_count - 1];
    *depth               = level->end + 1;
    return level->end <= common && level->end < count && (level->children >> job->nibbles[level->end] & 1);
}

/* walk searches for the nodes on the way to a key.  Keys come in order: what two share is read once. */
static void walk(ahead_job_t *job, bytes_t key)
{
    const uint32_t count = 2 * key.len;
    uint32_t depth;
    if (key.len > TRIE_KEY_MAX) return;
    trie_nibbles(key, job->nibbles);
    if (!start_depth(job, count, &depth)) return;
    /* Whatever node stands at a part of the key is on the way to it: its path is all that leads there. */
    while (job->level_count < LEVELS_MAX) {
        uint8_t name[TRIE_NIBBLE_MAX / 2 + 3];
        arena_t arena = {job->room, sizeof job->room, 0};
        bytes_t record;
        trie_node_t node;
        if (!search(job, COLUMN_NODE, trie_path_key(job->nibbles, depth, name), &record)) return;
        if (!trie_node_decode(record, &arena, &node)) return; /* whoever asks for it finds it broken */
        const uint32_t end = depth + node.nibble_count;
        if (end >= count || memcmp(node.nibbles, job->nibbles + depth, node.nibble_count) != 0) return;
        if (!(node.children >> job->nibbles[end] & 1)) return;
        job->levels[job->level_count++] = (level_t){depth, end, node.children};
        depth                           = end + 1;
    }
}

static int by_key(const void *a, const void *b)
{
    return bytes_compare(((const store_ahead_t *)a)->key, ((const store_ahead_t *)b)->key);
}

static void *work(void *self)
{
    ahead_job_t *job = self;
    bytes_t record;
    (void)prctl(PR_SET_NAME, "store-ahead");
    qsort(job->keys, job->count, sizeof *job->keys, by_key);
    for (uint32_t i = 0; i < job->count && !atomic_load(&job->is_cancelled); i++)
        search(job, COLUMN_VALUE, job->keys[i].key, &record);
    for (uint32_t i = 0; i < job->count && !atomic_load(&job->is_cancelled); i++)
        if (job->keys[i].is_written) walk(job, job->keys[i].key);
    rocksdb_iter_destroy(job->values);
    rocksdb_iter_destroy(job->nodes);
    atomic_store(&job->is_done, true);
    return NULL;
}

/* ------------------------------------------------------------------ the store's thread */

/* known_depth is how far down the way to a key the nodes are in memory. */
static uint32_t known_depth(const store_t *store, bytes_t key)
{
    uint8_t nibbles[TRIE_NIBBLE_MAX], name[TRIE_NIBBLE_MAX / 2 + 3];
    uint32_t known = 0;
    if (key.len > TRIE_KEY_MAX) return 0;
    trie_nibbles(key, nibbles);
    for (uint32_t depth = 0; depth < 2 * key.len; depth++)
        if (cache_has(&store->records, COLUMN_NODE, trie_path_key(nibbles, depth, name))) known = depth + 1;
    return known;
}

/* sample_depth asks a few of the keys that are written; keys of several maps have no depth in common. */
static uint32_t sample_depth(const store_t *store, const ahead_job_t *job)
{
    uint32_t least = 0, count = 0;
    bytes_t first = {0};
    for (uint32_t i = 0; i < job->count && count < SAMPLES; i++) {
        const bytes_t key = job->keys[i].key;
        if (!job->keys[i].is_written) continue;
        if (count == 0) first = key;
        if (key.len < MAP_LEN || memcmp(key.data, first.data, MAP_LEN) != 0) return 0;
        const uint32_t known = known_depth(store, key);
        if (count++ == 0 || known < least) least = known;
    }
    return least;
}

/* new_job copies the keys whose values are not in memory; NULL: too few to search for. */
static ahead_job_t *new_job(store_t *store, const store_ahead_t *keys, uint32_t count)
{
    ahead_job_t *job = calloc(1, sizeof *job);
    size_t len       = 0;
    if (!job || !(job->keys = malloc((count ? count : 1) * sizeof *job->keys)))
        store_die("read", "no memory");
    for (uint32_t i = 0; i < count; i++) {
        if (i + SOON < count) cache_expect(&store->records, COLUMN_VALUE, keys[i + SOON].key, false);
        if (cache_has(&store->records, COLUMN_VALUE, keys[i].key)) continue;
        job->keys[job->count++] = keys[i];
        len += keys[i].key.len;
    }
    if (job->count < KEYS_LEAST) {
        free(job->keys);
        free(job);
        return NULL;
    }
    uint8_t *at = job->bytes = malloc(len ? len : 1);
    if (!at) store_die("read", "no memory");
    for (uint32_t i = 0; i < job->count; i++) {
        bytes_t *key = &job->keys[i].key;
        if (key->len) memcpy(at, key->data, key->len);
        key->data = at;
        at += key->len;
    }
    return job;
}

static void free_job(ahead_job_t *job)
{
    free(job->found);
    free(job->keys);
    free(job->bytes);
    free(job);
}

void store_ahead(store_t *store, const store_ahead_t *keys, uint32_t count)
{
    ahead_end(store);
    if (store->is_empty) return;
    ahead_job_t *job = new_job(store, keys, count);
    if (!job) return;
    job->store  = store;
    job->number = store->finalized.number;
    job->start  = sample_depth(store, job);
    job->values = rocksdb_create_iterator_cf(store->db, store->read_once, store->columns[COLUMN_VALUE]);
    job->nodes  = rocksdb_create_iterator_cf(store->db, store->read_once, store->columns[COLUMN_NODE]);
    if (pthread_create(&job->thread, NULL, work, job) == 0) {
        store->ahead = job;
        return;
    }
    rocksdb_iter_destroy(job->values);
    rocksdb_iter_destroy(job->nodes);
    free_job(job);
}

static void take(store_t *store)
{
    ahead_job_t *job = store->ahead;
    pthread_join(job->thread, NULL);
    cache_take_all(&store->records, job->found, job->found_count);
    store->ahead = NULL;
    free_job(job);
}

bool ahead_take(store_t *store)
{
    if (!store->ahead || !atomic_load(&store->ahead->is_done)) return false;
    take(store);
    return true;
}

void ahead_end(store_t *store)
{
    if (!store->ahead) return;
    atomic_store(&store->ahead->is_cancelled, true);
    take(store);
}

void store_ahead_wait(store_t *store)
{
    if (store->ahead) take(store);
}
