/* store_rocksdb.c - opening, closing, and single records. */
#include "scale.h"
#include "store_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { CACHE_MIB = 16, OPEN_FILES = 256 };
/* What is written waits in memory for its table: the more of it, the fewer times a compaction writes the rest
 * again for it, and the longer it takes to read the log after a kill. */
enum { MEMTABLES_PART = 8, MEMTABLES_MIB_LEAST = 16, MEMTABLES_MIB_MOST = 128, WAL_MEMTABLES = 4 };
enum { LOG_WARN = 2 };
enum { RECORDS_PART = 4 }; /* one part of the cache is for blocks, the others for records */

_Noreturn void store_die(const char *what, const char *why)
{
    fprintf(stderr, "database: %s: %s\n", what, why);
    abort();
}

const char *store_status_text(store_status_t status)
{
    switch (status) {
    case STORE_OK: return "done";
    case STORE_CANNOT_OPEN: return "the database cannot be opened: no such directory, in use, or damaged";
    case STORE_OTHER_FORMAT: return "the database was written by another version";
    case STORE_OTHER_PRUNING:
        return "the database was made with another --state-pruning: leave the option out, or take another "
               "--base-path";
    case STORE_UNKNOWN_BLOCK: return "no such block";
    case STORE_KNOWN_BLOCK: return "the block is here already";
    case STORE_FINALIZED_ELSEWHERE: return "the block is not on the finalized chain";
    }
    return "";
}

/* ------------------------------------------------------------------ keys */

static void key_put(store_key_t *key, const void *data, uint32_t len)
{
    memcpy(key->bytes + key->len, data, len);
    key->len += len;
}

void store_key_u32(store_key_t *key, uint32_t number)
{
    const uint8_t bytes[4] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
                              (uint8_t)number};
    key_put(key, bytes, 4);
}

void store_key_hash(store_key_t *key, const hash_t *hash) { key_put(key, hash, sizeof *hash); }

bool store_key_plain(store_key_t *key, column_t column, bytes_t plain)
{
    key->len = 0;
    if (plain.len > (STORE_KEY_MAX - 8) / 2) return false;
    if (column == COLUMN_NODE) {
        key_put(key, plain.data, plain.len);
        return true;
    }
    for (uint32_t i = 0; i < plain.len; i++) {
        key->bytes[key->len++] = plain.data[i];
        if (plain.data[i] == 0) key->bytes[key->len++] = 0xff;
    }
    key->bytes[key->len++] = 0;
    key->bytes[key->len++] = 0;
    return true;
}

store_key_t store_key_block(uint32_t number, const hash_t *hash)
{
    store_key_t key;
    key.len = 0;
    store_key_u32(&key, number);
    store_key_hash(&key, hash);
    return key;
}

/* RocksDB's C interface takes pointers that it does not write through without saying so. */
static char *unconst(const char *pointer)
{
    char *same;
    memcpy(&same, &pointer, sizeof same);
    return same;
}

/* The prefix of a versioned key is all before its number; it is what the bloom filters hold. */
static size_t plain_len(column_t column, const char *bytes, size_t len)
{
    const uint8_t *key = (const uint8_t *)bytes;
    if (column == COLUMN_NODE) {
        size_t whole = len < 2 ? SIZE_MAX : 2 + (size_t)((key[0] << 8 | key[1]) + 1) / 2;
        return whole <= len ? whole : 0;
    }
    for (const uint8_t *at = key, *end = key + len, *zero;
         at < end && (zero = memchr(at, 0, (size_t)(end - at))) && zero + 1 < end; at = zero + 2)
        if (zero[1] == 0) return (size_t)(zero + 2 - key);
    return 0;
}

static char *prefix_transform(void *column, const char *key, size_t len, size_t *prefix_len)
{
    *prefix_len = plain_len(*(const column_t *)column, key, len);
    return unconst(key);
}

static unsigned char prefix_in_domain(void *column, const char *key, size_t len)
{
    return plain_len(*(const column_t *)column, key, len) != 0;
}

static unsigned char prefix_in_range(void *column, const char *key, size_t len)
{
    (void)column, (void)key, (void)len;
    return 0;
}

static const char *prefix_name(void *column)
{
    return *(const column_t *)column == COLUMN_NODE ? "node" : "value";
}
static void prefix_free(void *column) { (void)column; }

/* ------------------------------------------------------------------ open and close */

static rocksdb_options_t *column_options(store_t *store, column_t column, size_t memtables)
{
    static const column_t versioned[]          = {[COLUMN_VALUE] = COLUMN_VALUE, [COLUMN_NODE] = COLUMN_NODE};
    rocksdb_options_t *options                 = rocksdb_options_create();
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    bool is_versioned                          = column == COLUMN_VALUE || column == COLUMN_NODE;
    rocksdb_options_set_create_if_missing(options, 1);
    /* A log that a kill tore at its end is taken as far as it is whole; one that is damaged elsewhere is
     * refused: going on from before the damage could undo what was final. */
    rocksdb_options_set_wal_recovery_mode(options, rocksdb_tolerate_corrupted_tail_records_recovery);
    rocksdb_options_set_create_missing_column_families(options, 1);
    rocksdb_options_set_max_open_files(options, OPEN_FILES);
    rocksdb_options_set_keep_log_file_num(options, 2);
    rocksdb_options_set_info_log_level(options, LOG_WARN);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_write_buffer_size(options, memtables);
    rocksdb_options_set_db_write_buffer_size(options, memtables);
    rocksdb_options_set_max_total_wal_size(options, (uint64_t)memtables * WAL_MEMTABLES);
    rocksdb_options_set_compression(options,
                                    column == COLUMN_NODE ? rocksdb_no_compression : rocksdb_lz4_compression);
    rocksdb_block_based_options_set_block_cache(table, store->cache);
    /* Index and filter of an open file stay in memory, 3 MiB for 64 and of OPEN_FILES at most: in the cache
     * they would drive each other out, and be read again for every key. */
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 0);
    rocksdb_block_based_options_set_filter_policy(table, rocksdb_filterpolicy_create_bloom_full(10));
    if (is_versioned) {
        rocksdb_options_set_compaction_filter_factory(options, prune_filter(&store->prune.on_disk));
        rocksdb_block_based_options_set_whole_key_filtering(table, 0);
        rocksdb_options_set_memtable_prefix_bloom_size_ratio(options, 0.02);
        rocksdb_options_set_prefix_extractor(
            options,
            rocksdb_slicetransform_create(unconst((const char *)&versioned[column]), prefix_free,
                                          prefix_transform, prefix_in_domain, prefix_in_range, prefix_name));
    }
    rocksdb_options_set_block_based_table_factory(options, table);
    store->tables[column] = table;
    return options;
}

static size_t memtables_size(size_t cache_bytes)
{
    const size_t size = cache_bytes / MEMTABLES_PART, least = (size_t)MEMTABLES_MIB_LEAST << 20,
                 most = (size_t)MEMTABLES_MIB_MOST << 20;
    return size < least ? least : size > most ? most : size;
}

static bool open_database(store_t *store, const store_options_t *options)
{
    static const char *const names[] = COLUMN_NAMES;
    char *error                      = NULL;
    size_t cache_bytes               = (size_t)(options->cache_mib ? options->cache_mib : CACHE_MIB) << 20;
    cache_init(&store->records, cache_bytes / RECORDS_PART * (RECORDS_PART - 1), store->pending.seed + 1);
    store->cache      = rocksdb_cache_create_lru(cache_bytes / RECORDS_PART);
    store->read       = rocksdb_readoptions_create();
    store->read_one   = rocksdb_readoptions_create();
    store->read_range = rocksdb_readoptions_create();
    store->read_once  = rocksdb_readoptions_create();
    store->write      = rocksdb_writeoptions_create();
    rocksdb_readoptions_set_prefix_same_as_start(store->read_one, 1);
    rocksdb_readoptions_set_prefix_same_as_start(store->read_once, 1);
    rocksdb_readoptions_set_fill_cache(store->read_once, 0);
    rocksdb_readoptions_set_total_order_seek(store->read_range, 1);
    rocksdb_writeoptions_set_sync(store->write, !options->is_unsynced);
    for (uint32_t i = 0; i < COLUMN_COUNT; i++)
        store->options[i] = column_options(store, (column_t)i, memtables_size(cache_bytes));
    store->db = rocksdb_open_column_families(store->options[0], options->path, COLUMN_COUNT, names,
                                             (const rocksdb_options_t *const *)store->options, store->columns,
                                             &error);
    if (error) fprintf(stderr, "database: open %s: %s\n", options->path, error);
    free(error);
    return store->db != NULL;
}

store_key_t store_key_name(const char *name)
{
    store_key_t key = {.len = 0};
    key_put(&key, name, (uint32_t)strlen(name));
    return key;
}

bool store_load_point(store_t *store, const char *name, store_point_t *point)
{
    uint8_t room[64];
    arena_t arena = {room, sizeof room, 0};
    bytes_t record;
    store_key_t key = store_key_name(name);
    if (!store_get(store, COLUMN_META, &key, &arena, &record)) return false;
    scale_reader_t r = scale_reader(record, NULL);
    scale_get_hash(&r, &point->hash);
    point->number = scale_get_u32(&r);
    return scale_done(&r);
}

static bool load_pending(store_t *store)
{
    bool is_whole = true;
    rocksdb_iterator_t *it =
        rocksdb_create_iterator_cf(store->db, store->read, store->columns[COLUMN_PENDING]);
    for (rocksdb_iter_seek_to_first(it); is_whole && rocksdb_iter_valid(it); rocksdb_iter_next(it)) {
        size_t key_len, len;
        const uint8_t *key = (const uint8_t *)rocksdb_iter_key(it, &key_len);
        const char *bytes  = rocksdb_iter_value(it, &len);
        uint8_t *record    = malloc(len);
        if (key_len != 36 || !record || len > UINT32_MAX) store_die("read", "a change set that is none");
        hash_t hash;
        uint32_t number = (uint32_t)key[0] << 24 | (uint32_t)key[1] << 16 | (uint32_t)key[2] << 8 | key[3];
        memcpy(record, bytes, len);
        memcpy(&hash, key + 4, sizeof hash);
        is_whole = pending_add(&store->pending, &hash, number, &store->finalized.hash, record, len) != NULL;
    }
    rocksdb_iter_destroy(it);
    return is_whole;
}

/* A database of format 1 has all that 2 has; that it is one of 2 now, older programs should know. */
static bool take_format(store_t *store, uint32_t format)
{
    if (format == STORE_FORMAT) return true;
    if (format != 1) return false;
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    store_batch_meta(store, batch, "format", &(store_point_t){.number = STORE_FORMAT});
    store_write(store, batch);
    return true;
}

static store_status_t load(store_t *store, const store_options_t *options)
{
    store_point_t format = {0};
    store->is_empty      = !store_load_point(store, "format", &format);
    if (!store->is_empty && !take_format(store, format.number)) return STORE_OTHER_FORMAT;
    store_status_t status = prune_load(store, &options->state, &options->blocks);
    if (status != STORE_OK || store->is_empty) return status;
    if (!store_load_point(store, "genesis", &store->genesis) ||
        !store_load_point(store, "best", &store->best) ||
        !store_load_point(store, "finalized", &store->finalized) || !load_pending(store))
        return STORE_CANNOT_OPEN;
    store->looked_at = store->genesis;
    return STORE_OK;
}

store_status_t store_open(const store_options_t *options, store_t **out)
{
    uint64_t seed;
    store_t *store = calloc(1, sizeof *store);
    *out           = NULL;
    if (!store || getrandom(&seed, sizeof seed, 0) != sizeof seed) store_die("open", "no memory");
    pending_init(&store->pending, seed);
    store->is_unsynced    = options->is_unsynced;
    store_status_t status = open_database(store, options) ? load(store, options) : STORE_CANNOT_OPEN;
    if (status != STORE_OK) {
        store_free(store);
        return status;
    }
    *out = store;
    return STORE_OK;
}

static void drop_iterators(store_t *store)
{
    for (uint32_t i = 0; i < COLUMN_COUNT; i++) {
        for (uint32_t j = 0; j < 2; j++) {
            if (store->iterators[i][j]) rocksdb_iter_destroy(store->iterators[i][j]);
            store->iterators[i][j] = NULL;
        }
    }
}

void store_free(store_t *store)
{
    if (!store) return;
    if (store->db) ahead_end(store);
    drop_iterators(store);
    pending_fini(&store->pending);
    cache_fini(&store->records);
    for (uint32_t i = 0; i < COLUMN_COUNT; i++)
        if (store->columns[i]) rocksdb_column_family_handle_destroy(store->columns[i]);
    if (store->db) rocksdb_close(store->db);
    for (uint32_t i = 0; i < COLUMN_COUNT; i++) {
        rocksdb_options_destroy(store->options[i]);
        rocksdb_block_based_options_destroy(store->tables[i]);
    }
    rocksdb_cache_destroy(store->cache);
    rocksdb_readoptions_destroy(store->read);
    rocksdb_readoptions_destroy(store->read_one);
    rocksdb_readoptions_destroy(store->read_range);
    rocksdb_readoptions_destroy(store->read_once);
    rocksdb_writeoptions_destroy(store->write);
    free(store);
}

void store_compact(store_t *store)
{
    ahead_end(store);
    drop_iterators(store);
    prune_sync(store);
    for (uint32_t i = 0; i < COLUMN_COUNT; i++)
        rocksdb_compact_range_cf(store->db, store->columns[i], NULL, 0, NULL, 0);
}

/* ------------------------------------------------------------------ single records */

bool store_get(store_t *store, column_t column, const store_key_t *key, arena_t *arena, bytes_t *value)
{
    char *error = NULL;
    size_t len;
    rocksdb_pinnableslice_t *slice = rocksdb_get_pinned_cf(store->db, store->read, store->columns[column],
                                                           (const char *)key->bytes, key->len, &error);
    if (error) store_die("read", error);
    if (!slice) return false;
    const char *bytes = rocksdb_pinnableslice_value(slice, &len);
    if (len > UINT32_MAX || !arena_copy(arena, (bytes_t){(const uint8_t *)bytes, (uint32_t)len}, value))
        store_die("read", "no room for a record in its reader's memory");
    rocksdb_pinnableslice_destroy(slice);
    return true;
}

rocksdb_iterator_t *store_iterator(store_t *store, column_t column, bool is_across)
{
    rocksdb_iterator_t **it = &store->iterators[column][is_across];
    if (!*it)
        *it = rocksdb_create_iterator_cf(store->db, is_across ? store->read_range : store->read_one,
                                         store->columns[column]);
    return *it;
}

void store_write(store_t *store, rocksdb_writebatch_t *batch)
{
    char *error = NULL;
    drop_iterators(store);
    rocksdb_write(store->db, store->write, batch, &error);
    if (error) store_die("write", error);
    rocksdb_writebatch_destroy(batch);
}

void store_batch_put(store_t *store, rocksdb_writebatch_t *batch, column_t column, const store_key_t *key,
                     bytes_t value)
{
    rocksdb_writebatch_put_cf(batch, store->columns[column], (const char *)key->bytes, key->len,
                              (const char *)value.data, value.len);
}

void store_batch_remove(store_t *store, rocksdb_writebatch_t *batch, column_t column, const store_key_t *key)
{
    rocksdb_writebatch_delete_cf(batch, store->columns[column], (const char *)key->bytes, key->len);
}

void store_batch_meta(store_t *store, rocksdb_writebatch_t *batch, const char *name,
                      const store_point_t *point)
{
    uint8_t room[36];
    scale_writer_t w = scale_writer(room, sizeof room);
    store_key_t key  = store_key_name(name);
    scale_put_hash(&w, &point->hash);
    scale_put_u32(&w, point->number);
    store_batch_put(store, batch, COLUMN_META, &key, scale_written(&w));
}

static store_key_t meta_key(const char *name)
{
    store_key_t key = {.len = 0};
    if (strlen(name) > 200) store_die("write", "a name that is too long");
    key_put(&key, "+", 1);
    key_put(&key, name, (uint32_t)strlen(name));
    return key;
}

bool store_meta(store_t *store, const char *name, arena_t *arena, bytes_t *value)
{
    store_key_t key = meta_key(name);
    return store_get(store, COLUMN_META, &key, arena, value);
}

void store_meta_put(store_t *store, const char *name, bytes_t value)
{
    store_key_t key             = meta_key(name);
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    store_batch_put(store, batch, COLUMN_META, &key, value);
    store_write(store, batch);
}

void store_meta_remove(store_t *store, const char *name)
{
    store_key_t key             = meta_key(name);
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    store_batch_remove(store, batch, COLUMN_META, &key);
    store_write(store, batch);
}
