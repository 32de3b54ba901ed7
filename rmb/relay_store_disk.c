/* relay_store_disk.c - rows in RocksDB, in the form of relay_row.h.
 *
 * Rows are written to the log at once, so that they outlive this process; sync brings the log to the disk,
 * beside the loop, so that they outlive the machine. */
#include "relay.h"

#include <assert.h>
#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io.h"
#include "log.h"
#include "relay_row.h"

#define MEMTABLE   (16u << 20)
#define LOG_FILES  2
#define OPEN_FILES 256

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
    relay_row_key_t key = relay_row_key(row), end = relay_row_end_key(row), head = relay_row_head(row);
    char *error          = NULL;
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

static void delete_keys(relay_store_disk_t *store, bytes_t key, bytes_t end)
{
    char *error                 = NULL;
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    if (key.len) rocksdb_writebatch_delete(batch, (const char *)key.data, key.len);
    if (end.len) rocksdb_writebatch_delete(batch, (const char *)end.data, end.len);
    rocksdb_write(store->db, store->write, batch, &error);
    rocksdb_writebatch_destroy(batch);
    report("message not removed", error);
}

static void disk_remove(void *self, const relay_row_t *row)
{
    relay_row_key_t key = relay_row_key(row), end = relay_row_end_key(row);
    delete_keys(self, (bytes_t){key.b, key.len}, (bytes_t){end.b, row->is_outward ? 0 : end.len});
}

typedef struct {
    bytes_t key, value;
} pair_t;

static bool pair_at(rocksdb_iterator_t *at, bytes_t prefix, pair_t *pair)
{
    size_t key_len, value_len;
    if (!rocksdb_iter_valid(at)) return false;
    pair->key.data   = (const uint8_t *)rocksdb_iter_key(at, &key_len);
    pair->value.data = (const uint8_t *)rocksdb_iter_value(at, &value_len);
    pair->key.len    = (uint32_t)key_len;
    pair->value.len  = (uint32_t)value_len;
    return pair->key.len >= prefix.len && memcmp(pair->key.data, prefix.data, prefix.len) == 0;
}

/* What is no row of ours is in nobody's way: it is told, and passed by. */
static bool row_of(const pair_t *pair, relay_row_t *row)
{
    bool is_row = relay_row_decode(pair->key, pair->value, row);
    if (!is_row) log_error(LOG_STORE, "no row of ours", LOG_BYTES("key", pair->key.data, pair->key.len));
    return is_row;
}

static void disk_load(void *self, const relay_address_t *to, uint64_t after_seq, relay_row_fn each,
                      void *context)
{
    relay_store_disk_t *store = self;
    relay_row_key_t prefix = relay_row_prefix(to), from = relay_row_after(to, after_seq);
    pair_t pair;
    relay_row_t row;
    rocksdb_iterator_t *at = rocksdb_create_iterator(store->db, store->read);
    rocksdb_iter_seek(at, (const char *)from.b, from.len);
    /* A longer connection name can begin with these bytes only if its length, which is before them, were
     * the same. */
    while (pair_at(at, (bytes_t){prefix.b, prefix.len}, &pair)) {
        if (row_of(&pair, &row) && !each(context, &row)) break;
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
    while (is_going && pair_at(at, (bytes_t){&prefix, 1}, &pair)) {
        if (row_of(&pair, &row)) is_going = each(context, &row);
        rocksdb_iter_next(at);
    }
    rocksdb_iter_destroy(at);
    return is_going;
}

static void disk_all(void *self, relay_row_fn each, void *context)
{
    if (all_of(self, 'm', each, context)) (void)all_of(self, 'o', each, context);
}

/* An end whose row is not there, or is none of ours, leaves without being told: it stood in the way of those
 * behind it else. */
static bool expire_one(relay_store_disk_t *store, const pair_t *end, relay_row_fn each, void *context)
{
    char *error = NULL;
    size_t len  = 0;
    relay_row_t row;
    char *value =
        rocksdb_get(store->db, store->read, (const char *)end->value.data, end->value.len, &len, &error);
    bool is_read = error == NULL;
    pair_t pair  = {
         end->value, {(const uint8_t *)value, (uint32_t)len}
    };
    bool is_row = value && row_of(&pair, &row);
    report("message not read", error);
    if (is_read) delete_keys(store, end->value, end->key);
    if (is_row) (void)each(context, &row);
    if (value) rocksdb_free(value);
    return is_read;
}

static void disk_expire(void *self, uint64_t now_s, uint32_t count_max, relay_row_fn each, void *context)
{
    relay_store_disk_t *store = self;
    pair_t pair;
    uint64_t end_s, seq;
    rocksdb_iterator_t *at = rocksdb_create_iterator(store->db, store->read);
    rocksdb_iter_seek(at, "d", 1);
    while (count_max-- > 0 && pair_at(at, BYTES("d"), &pair)) {
        if (relay_row_end_decode(pair.key, &end_s, &seq)) {
            if (end_s > now_s || !expire_one(store, &pair, each, context)) break;
        }
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
