/* relay_store_disk.c - rows in RocksDB: 'm' by address and seq, 'd' by their end, 'o' outward by seq.
 *
 * Rows are written to the log at once, so that they outlive this process; sync brings the log to the disk,
 * beside the loop, so that they outlive the machine.  Numbers in keys are big-endian. */
#include "relay.h"

#include <assert.h>
#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io.h"
#include "log.h"

#define KEY_MAX    (1 + 4 + 1 + 1 + RMB_CONNECTION_MAX + 8 + 8)
#define VALUE_HEAD (8 + 4 + 1 + 1 + RMB_CONNECTION_MAX) /* deadline and address, before the envelope */
#define MEMTABLE   (16u << 20)
#define LOG_FILES  2
#define OPEN_FILES 256

typedef struct {
    uint8_t b[KEY_MAX];
    uint32_t len;
} row_key_t;

typedef struct {
    relay_store_disk_t *store;
    void (*done)(void *context);
    void *context;
    char *error;
} sync_job_t;

struct relay_store_disk {
    io_t *io;
    rocksdb_t *db;
    rocksdb_options_t *options;
    rocksdb_writeoptions_t *write;
    rocksdb_readoptions_t *read;
    sync_job_t *job; /* under way */
};

/* ---- keys and values ---- */

static void add(row_key_t *key, uint64_t number, uint32_t bytes)
{
    while (bytes-- > 0)
        key->b[key->len++] = (uint8_t)(number >> (8 * bytes));
}

static uint64_t number_at(const uint8_t *at, uint32_t bytes)
{
    uint64_t number = 0;
    while (bytes-- > 0)
        number = number << 8 | *at++;
    return number;
}

static void add_address(row_key_t *key, const relay_address_t *to)
{
    uint32_t len = (uint32_t)strlen(to->connection);
    add(key, to->twin, 4);
    add(key, to->has_connection, 1);
    add(key, len, 1);
    memcpy(key->b + key->len, to->connection, len);
    key->len += len;
}

static row_key_t row_key(const relay_row_t *row)
{
    row_key_t key = {.b = {row->is_outward ? 'o' : 'm'}, .len = 1};
    if (!row->is_outward) add_address(&key, &row->to);
    add(&key, row->seq, 8);
    return key;
}

static row_key_t end_key(const relay_row_t *row)
{
    row_key_t key = {.b = {'d'}, .len = 1};
    add(&key, row->deadline_s, 8);
    add(&key, row->seq, 8);
    return key;
}

/* The address as add_address wrote it; returns its length, or 0. */
static uint32_t address_read(const uint8_t *at, size_t len, relay_address_t *to)
{
    if (len < 6 || len < 6u + at[5]) return 0;
    *to = (relay_address_t){.twin = (uint32_t)number_at(at, 4), .has_connection = at[4] != 0};
    memcpy(to->connection, at + 6, at[5]);
    return 6u + at[5];
}

static bool row_read(const uint8_t *key, size_t key_len, const uint8_t *value, size_t len, relay_row_t *row)
{
    if (key_len < 9 || len < 8) return false;
    *row                 = (relay_row_t){.seq        = number_at(key + key_len - 8, 8),
                                         .deadline_s = number_at(value, 8),
                                         .is_outward = key[0] == 'o'};
    uint32_t address_len = address_read(value + 8, len - 8, &row->to);
    row->wire            = (bytes_t){value + 8 + address_len, (uint32_t)len - 8 - address_len};
    return address_len > 0;
}

static void report(const char *what, char *error)
{
    if (!error) return;
    log_error(LOG_STORE, what, LOG_TEXT("reason", error));
    rocksdb_free(error);
}

/* ---- the store's duties ---- */

static bool disk_put(void *self, const relay_row_t *row)
{
    relay_store_disk_t *store = self;
    row_key_t key = row_key(row), end = end_key(row), head = {.len = 0};
    char *error = NULL;
    add(&head, row->deadline_s, 8);
    add_address(&head, &row->to);
    const char *parts[2] = {(const char *)head.b, (const char *)row->wire.data},
               *key_part = (const char *)key.b;
    size_t lens[2] = {head.len, row->wire.len}, key_len = key.len;

    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    rocksdb_writebatch_putv(batch, 1, &key_part, &key_len, 2, parts, lens);
    if (!row->is_outward)
        rocksdb_writebatch_put(batch, (const char *)end.b, end.len, (const char *)key.b, key.len);
    rocksdb_write(store->db, store->write, batch, &error);
    rocksdb_writebatch_destroy(batch);
    bool is_written = error == NULL;
    report("message not stored", error);
    return is_written;
}

static void disk_remove(void *self, const relay_row_t *row)
{
    relay_store_disk_t *store = self;
    row_key_t key = row_key(row), end = end_key(row);
    char *error                 = NULL;
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    rocksdb_writebatch_delete(batch, (const char *)key.b, key.len);
    if (!row->is_outward) rocksdb_writebatch_delete(batch, (const char *)end.b, end.len);
    rocksdb_write(store->db, store->write, batch, &error);
    rocksdb_writebatch_destroy(batch);
    report("message not removed", error);
}

typedef struct {
    const uint8_t *key, *value;
    size_t key_len, value_len;
} pair_t;

static bool pair_at(rocksdb_iterator_t *at, const uint8_t *prefix, uint32_t prefix_len, pair_t *pair)
{
    if (!rocksdb_iter_valid(at)) return false;
    pair->key   = (const uint8_t *)rocksdb_iter_key(at, &pair->key_len);
    pair->value = (const uint8_t *)rocksdb_iter_value(at, &pair->value_len);
    return pair->key_len >= prefix_len && memcmp(pair->key, prefix, prefix_len) == 0;
}

static void disk_load(void *self, const relay_address_t *to, uint64_t after_seq, relay_row_fn each,
                      void *context)
{
    relay_store_disk_t *store = self;
    row_key_t from            = {.b = {'m'}, .len = 1};
    pair_t pair;
    relay_row_t row;
    add_address(&from, to);
    uint32_t prefix_len = from.len;
    add(&from, after_seq + 1, 8);
    rocksdb_iterator_t *at = rocksdb_create_iterator(store->db, store->read);
    rocksdb_iter_seek(at, (const char *)from.b, from.len);
    while (pair_at(at, from.b, prefix_len, &pair)) {
        /* A longer connection name can begin with these bytes only if its length, which is before them, were
         * the same. */
        if (pair.key_len == from.len && row_read(pair.key, pair.key_len, pair.value, pair.value_len, &row) &&
            !each(context, &row))
            break;
        rocksdb_iter_next(at);
    }
    rocksdb_iter_destroy(at);
}

static bool all_of(relay_store_disk_t *store, char kind, relay_row_fn each, void *context)
{
    pair_t pair;
    relay_row_t row;
    uint8_t prefix         = (uint8_t)kind;
    bool is_going          = true;
    rocksdb_iterator_t *at = rocksdb_create_iterator(store->db, store->read);
    rocksdb_iter_seek(at, &kind, 1);
    while (is_going && pair_at(at, &prefix, 1, &pair)) {
        if (row_read(pair.key, pair.key_len, pair.value, pair.value_len, &row))
            is_going = each(context, &row);
        rocksdb_iter_next(at);
    }
    rocksdb_iter_destroy(at);
    return is_going;
}

static void disk_all(void *self, relay_row_fn each, void *context)
{
    if (all_of(self, 'm', each, context)) (void)all_of(self, 'o', each, context);
}

static bool expire_one(relay_store_disk_t *store, const pair_t *end, relay_row_fn each, void *context)
{
    char *error = NULL;
    size_t len;
    relay_row_t row;
    char *value = rocksdb_get(store->db, store->read, (const char *)end->value, end->value_len, &len, &error);
    bool is_row = value && row_read(end->value, end->value_len, (const uint8_t *)value, len, &row);
    if (is_row) {
        disk_remove(store, &row);
        (void)each(context, &row);
    }
    report("message not read", error);
    if (value) rocksdb_free(value);
    return is_row;
}

static void disk_expire(void *self, uint64_t now_s, uint32_t count_max, relay_row_fn each, void *context)
{
    relay_store_disk_t *store = self;
    pair_t pair;
    rocksdb_iterator_t *at = rocksdb_create_iterator(store->db, store->read);
    rocksdb_iter_seek(at, "d", 1);
    while (count_max-- > 0 && pair_at(at, (const uint8_t *)"d", 1, &pair) && pair.key_len == 17 &&
           number_at(pair.key + 1, 8) <= now_s) {
        if (!expire_one(store, &pair, each, context)) break;
        rocksdb_iter_next(at);
    }
    rocksdb_iter_destroy(at);
}

static void sync_work(void *self)
{
    sync_job_t *job = self;
    rocksdb_flush_wal(job->store->db, 1, &job->error);
}

/* What cannot be brought to the disk must not be acknowledged: without its disk a relay does not go on. */
static void sync_done(void *self)
{
    sync_job_t *job = self;
    if (job->error) {
        report("messages not synced", job->error);
        abort();
    }
    job->store->job = NULL;
    job->done(job->context);
    free(job);
}

static void disk_sync(void *self, void (*done)(void *context), void *context)
{
    relay_store_disk_t *store = self;
    assert(!store->job);
    store->job  = calloc(1, sizeof *store->job);
    *store->job = (sync_job_t){store, done, context, NULL};
    io_work(store->io, sync_work, sync_done, store->job);
}

/* ---- opening ---- */

relay_store_disk_t *relay_store_disk_new(io_t *io, const char *path, const char **error)
{
    static char text[512];
    char *failure             = NULL;
    relay_store_disk_t *store = calloc(1, sizeof *store);
    store->io                 = io;
    store->options            = rocksdb_options_create();
    store->write              = rocksdb_writeoptions_create();
    store->read               = rocksdb_readoptions_create();
    rocksdb_options_set_create_if_missing(store->options, 1);
    rocksdb_options_set_write_buffer_size(store->options, MEMTABLE);
    rocksdb_options_set_keep_log_file_num(store->options, LOG_FILES);
    rocksdb_options_set_max_open_files(store->options, OPEN_FILES);
    store->db = rocksdb_open(store->options, path, &failure);
    if (store->db) return store;
    snprintf(text, sizeof text, "%s", failure ? failure : "");
    if (failure) rocksdb_free(failure);
    *error = text;
    relay_store_disk_free(store);
    return NULL;
}

relay_store_t relay_store_disk_ops(relay_store_disk_t *store)
{
    return (relay_store_t){store, disk_put, disk_remove, disk_expire, disk_load, disk_all, disk_sync};
}

void relay_store_disk_free(relay_store_disk_t *store)
{
    if (!store) return;
    while (store->job)
        io_step(store->io, 10);
    char *error = NULL;
    if (store->db) {
        rocksdb_flush_wal(store->db, 1, &error);
        report("messages not synced", error);
        rocksdb_close(store->db);
    }
    rocksdb_readoptions_destroy(store->read);
    rocksdb_writeoptions_destroy(store->write);
    rocksdb_options_destroy(store->options);
    free(store);
}
