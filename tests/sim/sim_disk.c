/* sim_disk.c - what relay_store_disk.c asks of RocksDB, over disks that outlive processes.
 *
 * A batch is in the log at once, which survives the process; the machine's end keeps what was synced and, by
 * chance, the first so many of the batches after it: RocksDB drops a torn record and all behind it. */
#include <assert.h>
#include <rocksdb/c.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define FULL_TEXT "No space left on device"

typedef struct record {
    uint32_t refs, key_len, value_len;
    uint8_t *key, *value;
} record_t;

typedef struct {
    record_t **items; /* by key */
    uint32_t count, cap;
} rows_t;

/* A change: value_len UINT32_MAX removes the key. */
typedef struct change {
    record_t *record;
    bool is_removal;
    struct change *next;
} change_t;

struct rocksdb_writebatch_t {
    change_t *first, **end;
    rocksdb_writebatch_t *next;
};

typedef struct disk {
    char *path;
    rows_t now, synced;
    rocksdb_writebatch_t *log, **log_end; /* since the last sync */
    uint32_t log_count;
    rocksdb_t *user; /* NULL: nobody */
    struct disk *next;
} disk_t;

/* What a process that died within an event still does is done to rows of its own, which nobody else sees. */
struct rocksdb_t {
    disk_t *disk;
    io_t *io;
    bool is_ghost;
    rows_t ghost;
};

struct rocksdb_iterator_t {
    rows_t rows;
    uint32_t at;
};

struct rocksdb_options_t {
    int unused;
};
struct rocksdb_readoptions_t {
    int unused;
};
struct rocksdb_writeoptions_t {
    int unused;
};

static struct {
    disk_t *disks;
    bool is_full;
} all;

/* ---- rows ---- */

static record_t *record_new(const char *key, size_t key_len, const char *value, size_t value_len)
{
    record_t *record = malloc(sizeof *record + key_len + value_len + 1);
    uint8_t *room    = (uint8_t *)(record + 1);
    *record          = (record_t){1, (uint32_t)key_len, (uint32_t)value_len, room, room + key_len};
    memcpy(record->key, key, key_len);
    if (value_len) memcpy(record->value, value, value_len);
    return record;
}

static void record_drop(record_t *record)
{
    if (--record->refs == 0) free(record);
}

static int compare(const record_t *record, const uint8_t *key, size_t len)
{
    size_t least = record->key_len < len ? record->key_len : len;
    int order    = memcmp(record->key, key, least);
    if (order != 0) return order;
    return record->key_len < len ? -1 : record->key_len > len;
}

/* The first place whose key is not below. */
static uint32_t place_of(const rows_t *rows, const uint8_t *key, size_t len)
{
    uint32_t low = 0, high = rows->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (compare(rows->items[middle], key, len) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void rows_apply(rows_t *rows, const change_t *change)
{
    record_t *record = change->record;
    uint32_t at      = place_of(rows, record->key, record->key_len);
    bool is_there    = at < rows->count && compare(rows->items[at], record->key, record->key_len) == 0;
    if (is_there) {
        record_drop(rows->items[at]);
        memmove(rows->items + at, rows->items + at + 1, (rows->count - at - 1) * sizeof(record_t *));
        rows->count--;
    }
    if (change->is_removal) return;
    if (rows->count == rows->cap) {
        rows->cap   = rows->cap ? rows->cap * 2 : 64;
        rows->items = realloc(rows->items, rows->cap * sizeof(record_t *));
        assert(rows->items);
    }
    memmove(rows->items + at + 1, rows->items + at, (rows->count - at) * sizeof(record_t *));
    rows->items[at] = record;
    record->refs++;
    rows->count++;
}

static void rows_free(rows_t *rows)
{
    for (uint32_t i = 0; i < rows->count; i++)
        record_drop(rows->items[i]);
    free(rows->items);
    *rows = (rows_t){0};
}

static void rows_copy(const rows_t *from, rows_t *to)
{
    *to = (rows_t){.items = malloc((from->count + 1) * sizeof(record_t *)),
                   .count = from->count,
                   .cap   = from->count + 1};
    if (from->count) memcpy(to->items, from->items, from->count * sizeof(record_t *));
    for (uint32_t i = 0; i < to->count; i++)
        to->items[i]->refs++;
}

/* ---- the log ---- */

static void batch_apply(const rocksdb_writebatch_t *batch, rows_t *rows)
{
    for (const change_t *change = batch->first; change; change = change->next)
        rows_apply(rows, change);
}

static void batch_free(rocksdb_writebatch_t *batch)
{
    while (batch->first) {
        change_t *change = batch->first;
        batch->first     = change->next;
        record_drop(change->record);
        free(change);
    }
    free(batch);
}

/* The first `count` batches of the log become part of what is synced. */
static void log_keep(disk_t *disk, uint32_t count)
{
    while (count-- > 0 && disk->log) {
        rocksdb_writebatch_t *batch = disk->log;
        disk->log                   = batch->next;
        disk->log_count--;
        batch_apply(batch, &disk->synced);
        batch_free(batch);
    }
    if (!disk->log) disk->log_end = &disk->log;
}

void disk_machine_gone(io_t *io, bool is_power_lost)
{
    for (disk_t *disk = all.disks; disk; disk = disk->next) {
        if (!disk->user || disk->user->io != io) continue;
        disk->user->is_ghost = true;
        disk->user->ghost    = disk->now;
        disk->user           = NULL;
        log_keep(disk, is_power_lost ? sim_below(disk->log_count + 1) : disk->log_count);
        sim_trace("disk %s: %u writes torn", disk->path, disk->log_count);
        while (disk->log) {
            rocksdb_writebatch_t *batch = disk->log;
            disk->log                   = batch->next;
            batch_free(batch);
        }
        disk->log_end   = &disk->log;
        disk->log_count = 0;
        rows_copy(&disk->synced, &disk->now);
    }
}

static disk_t *disk_get(const char *path)
{
    disk_t *disk = all.disks;
    while (disk && strcmp(disk->path, path) != 0)
        disk = disk->next;
    return disk;
}

uint32_t disk_rows(const char *path, const char *kinds)
{
    const disk_t *disk = disk_get(path);
    uint32_t count     = 0;
    for (uint32_t i = 0; disk && i < disk->now.count; i++)
        count += strchr(kinds, disk->now.items[i]->key[0]) != NULL;
    return count;
}

void disk_set_full(bool is_full) { all.is_full = is_full; }
void disk_start(void) { memset(&all, 0, sizeof all); }

void disk_end(void)
{
    while (all.disks) {
        disk_t *disk = all.disks;
        all.disks    = disk->next;
        while (disk->log) {
            rocksdb_writebatch_t *batch = disk->log;
            disk->log                   = batch->next;
            batch_free(batch);
        }
        rows_free(&disk->now);
        rows_free(&disk->synced);
        free(disk->path);
        free(disk);
    }
}

/* ---- rocksdb/c.h ---- */

static rows_t *rows_of(rocksdb_t *db) { return db->is_ghost ? &db->ghost : &db->disk->now; }

rocksdb_t *rocksdb_open(const rocksdb_options_t *options, const char *path, char **error)
{
    disk_t *disk = disk_get(path);
    (void)options;
    if (!disk) {
        disk          = calloc(1, sizeof *disk);
        disk->path    = strdup(path);
        disk->log_end = &disk->log;
        disk->next    = all.disks;
        all.disks     = disk;
    }
    if (disk->user) {
        *error = strdup("lock hold by another process");
        return NULL;
    }
    rocksdb_t *db = calloc(1, sizeof *db);
    *db           = (rocksdb_t){.disk = disk, .io = sim_current()};
    disk->user    = db;
    return db;
}

void rocksdb_close(rocksdb_t *db)
{
    if (db->disk->user == db) {
        log_keep(db->disk, db->disk->log_count); /* the page cache outlives a process that ended by itself */
        db->disk->user = NULL;
    }
    rows_free(&db->ghost);
    free(db);
}

void rocksdb_write(rocksdb_t *db, const rocksdb_writeoptions_t *options, rocksdb_writebatch_t *batch,
                   char **error)
{
    (void)options;
    bool has_put = false;
    for (const change_t *change = batch->first; change; change = change->next)
        has_put |= !change->is_removal;
    if (all.is_full && has_put) {
        *error = strdup(FULL_TEXT);
        return;
    }
    if (!sim_may_act(db->io) || db->is_ghost) {
        batch_apply(batch, rows_of(db));
        return;
    }
    batch_apply(batch, &db->disk->now);
    rocksdb_writebatch_t *kept = calloc(1, sizeof *kept);
    kept->end                  = &kept->first;
    *kept                      = (rocksdb_writebatch_t){.first = batch->first};
    batch->first               = NULL;
    batch->end                 = &batch->first;
    *db->disk->log_end         = kept;
    db->disk->log_end          = &kept->next;
    db->disk->log_count++;
}

void rocksdb_flush_wal(rocksdb_t *db, unsigned char is_synced, char **error)
{
    (void)error;
    if (!is_synced || !sim_may_act(db->io) || db->is_ghost) return;
    log_keep(db->disk, db->disk->log_count);
}

static void batch_add(rocksdb_writebatch_t *batch, record_t *record, bool is_removal)
{
    change_t *change = calloc(1, sizeof *change);
    *change          = (change_t){.record = record, .is_removal = is_removal};
    *batch->end      = change;
    batch->end       = &change->next;
}

rocksdb_writebatch_t *rocksdb_writebatch_create(void)
{
    rocksdb_writebatch_t *batch = calloc(1, sizeof *batch);
    batch->end                  = &batch->first;
    return batch;
}
void rocksdb_writebatch_destroy(rocksdb_writebatch_t *batch) { batch_free(batch); }
void rocksdb_writebatch_put(rocksdb_writebatch_t *batch, const char *key, size_t key_len, const char *value,
                            size_t value_len)
{
    batch_add(batch, record_new(key, key_len, value, value_len), false);
}
void rocksdb_writebatch_delete(rocksdb_writebatch_t *batch, const char *key, size_t key_len)
{
    batch_add(batch, record_new(key, key_len, NULL, 0), true);
}

static char *join(int count, const char *const *parts, const size_t *lens, size_t *len)
{
    *len = 0;
    for (int i = 0; i < count; i++)
        *len += lens[i];
    char *joined = malloc(*len + 1), *at = joined;
    for (int i = 0; i < count; i++) {
        memcpy(at, parts[i], lens[i]);
        at += lens[i];
    }
    return joined;
}

void rocksdb_writebatch_putv(rocksdb_writebatch_t *batch, int key_count, const char *const *keys,
                             const size_t *key_lens, int value_count, const char *const *values,
                             const size_t *value_lens)
{
    size_t key_len, value_len;
    char *key   = join(key_count, keys, key_lens, &key_len);
    char *value = join(value_count, values, value_lens, &value_len);
    rocksdb_writebatch_put(batch, key, key_len, value, value_len);
    free(key);
    free(value);
}

char *rocksdb_get(rocksdb_t *db, const rocksdb_readoptions_t *options, const char *key, size_t key_len,
                  size_t *len, char **error)
{
    const rows_t *rows = rows_of(db);
    uint32_t at        = place_of(rows, (const uint8_t *)key, key_len);
    (void)options;
    (void)error;
    *len = 0;
    if (at == rows->count || compare(rows->items[at], (const uint8_t *)key, key_len) != 0) return NULL;
    *len        = rows->items[at]->value_len;
    char *value = malloc(*len + 1);
    memcpy(value, rows->items[at]->value, *len);
    return value;
}

void rocksdb_free(void *memory) { free(memory); }

rocksdb_iterator_t *rocksdb_create_iterator(rocksdb_t *db, const rocksdb_readoptions_t *options)
{
    rocksdb_iterator_t *iterator = calloc(1, sizeof *iterator);
    (void)options;
    rows_copy(rows_of(db), &iterator->rows);
    return iterator;
}
void rocksdb_iter_destroy(rocksdb_iterator_t *iterator)
{
    rows_free(&iterator->rows);
    free(iterator);
}
void rocksdb_iter_seek(rocksdb_iterator_t *iterator, const char *key, size_t key_len)
{
    iterator->at = place_of(&iterator->rows, (const uint8_t *)key, key_len);
}
unsigned char rocksdb_iter_valid(const rocksdb_iterator_t *iterator)
{
    return iterator->at < iterator->rows.count;
}
void rocksdb_iter_next(rocksdb_iterator_t *iterator) { iterator->at++; }
const char *rocksdb_iter_key(const rocksdb_iterator_t *iterator, size_t *len)
{
    *len = iterator->rows.items[iterator->at]->key_len;
    return (const char *)iterator->rows.items[iterator->at]->key;
}
const char *rocksdb_iter_value(const rocksdb_iterator_t *iterator, size_t *len)
{
    *len = iterator->rows.items[iterator->at]->value_len;
    return (const char *)iterator->rows.items[iterator->at]->value;
}

rocksdb_options_t *rocksdb_options_create(void) { return calloc(1, sizeof(rocksdb_options_t)); }
void rocksdb_options_destroy(rocksdb_options_t *options) { free(options); }
void rocksdb_options_set_create_if_missing(rocksdb_options_t *options, unsigned char value)
{
    (void)options;
    (void)value;
}
void rocksdb_options_set_write_buffer_size(rocksdb_options_t *options, size_t value)
{
    (void)options;
    (void)value;
}
void rocksdb_options_set_keep_log_file_num(rocksdb_options_t *options, size_t value)
{
    (void)options;
    (void)value;
}
void rocksdb_options_set_max_open_files(rocksdb_options_t *options, int value)
{
    (void)options;
    (void)value;
}
rocksdb_readoptions_t *rocksdb_readoptions_create(void) { return calloc(1, sizeof(rocksdb_readoptions_t)); }
void rocksdb_readoptions_destroy(rocksdb_readoptions_t *options) { free(options); }
rocksdb_writeoptions_t *rocksdb_writeoptions_create(void)
{
    return calloc(1, sizeof(rocksdb_writeoptions_t));
}
void rocksdb_writeoptions_destroy(rocksdb_writeoptions_t *options) { free(options); }
