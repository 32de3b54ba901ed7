/* store.c - rows, blocks and the way back. */
#include "country.h"
#include "log.h"
#include "sql.h"
#include "store_internal.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA_VERSION 4 /* of the tables and of what is put in them: a file of another one is made anew */
#define KEYS_MAX       65536u

static const char *column_type(const db_t *db, column_kind_t kind)
{
    (void)db;
    switch (kind) {
    case COLUMN_INT:
    case COLUMN_BIG:
    case COLUMN_BOOL: return "BIGINT";
    case COLUMN_REAL: return "DOUBLE PRECISION";
    case COLUMN_WIDE:
    case COLUMN_TEXT: break;
    }
    return "TEXT";
}

/* ---- texts of a block ---- */

static void *must_have(void *memory)
{
    if (memory) return memory;
    log_error(LOG_STORE, "no memory");
    abort();
}

static char *piece_take(store_t *s, size_t len)
{
    piece_t *piece = must_have(malloc(sizeof *piece + len + 1));
    piece->next    = s->pieces;
    s->pieces      = piece;
    return piece->text;
}

static void forget_texts(store_t *s)
{
    while (s->pieces) {
        piece_t *next = s->pieces->next;
        free(s->pieces);
        s->pieces = next;
    }
}

/* How many bytes the UTF-8 character at the start of v takes; 0 when it is none. */
static uint32_t character_len(bytes_t v)
{
    uint8_t c    = v.data[0];
    uint32_t len = c < 0x80                ? 1
                   : c >= 0xc2 && c < 0xe0 ? 2
                   : c >= 0xe0 && c < 0xf0 ? 3
                   : c >= 0xf0 && c < 0xf5 ? 4
                                           : 0;
    if (len == 0 || len > v.len) return 0;
    for (uint32_t i = 1; i < len; i++)
        if ((v.data[i] & 0xc0) != 0x80) return 0;
    if ((c == 0xe0 && v.data[1] < 0xa0) || (c == 0xed && v.data[1] > 0x9f)) return 0;
    if ((c == 0xf0 && v.data[1] < 0x90) || (c == 0xf4 && v.data[1] > 0x8f)) return 0;
    return len;
}

const char *store_text(store_t *store, bytes_t bytes)
{
    char *text = piece_take(store, (size_t)bytes.len * 3), *at = text;
    while (bytes.len > 0) {
        uint32_t len = character_len(bytes), step = len ? len : 1;
        if (len == 0) {
            memcpy(at, "\xef\xbf\xbd", 3);
            at += 3;
        } else if (bytes.data[0] != 0) {
            memcpy(at, bytes.data, len);
            at += len;
        }
        bytes.data += step;
        bytes.len -= step;
    }
    *at = 0;
    return text;
}

const char *store_format(store_t *store, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len    = vsnprintf(NULL, 0, format, args);
    char *text = piece_take(store, len < 0 ? 0 : (size_t)len);
    text[0]    = 0;
    if (len >= 0) vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}

const char *store_event_id(store_t *store, uint32_t index)
{
    return store_format(store, "%010u-%06u-%.5s", store->block.number, index, store->block.hash + 2);
}

static value_t keep_value(store_t *s, value_t v)
{
    if (v.kind == VALUE_TEXT)
        v.text = store_text(s, (bytes_t){(const uint8_t *)v.text, (uint32_t)strlen(v.text)});
    return v;
}

/* ---- statements ---- */

static char *make_put(const table_t *t)
{
    sql_t sql;
    sql_init(&sql);
    sql_add(&sql, "INSERT INTO %s(", t->name);
    for (unsigned i = 0; i < t->count; i++)
        sql_add(&sql, "%s%s", i ? ", " : "", t->columns[i].name);
    sql_add(&sql, ") VALUES(");
    for (unsigned i = 0; i < t->count; i++)
        sql_add(&sql, "%s$%u", i ? ", " : "", i + 1);
    sql_add(&sql, ") ON CONFLICT(%s) DO UPDATE SET ", t->columns[0].name);
    for (unsigned i = 1; i < t->count; i++)
        sql_add(&sql, "%s%s = excluded.%s", i > 1 ? ", " : "", t->columns[i].name, t->columns[i].name);
    return must_have(sql.text);
}

static char *make_get(const table_t *t)
{
    sql_t sql;
    sql_init(&sql);
    sql_add(&sql, "SELECT ");
    for (unsigned i = 0; i < t->count; i++)
        sql_add(&sql, "%s%s", i ? ", " : "", t->columns[i].name);
    sql_add(&sql, " FROM %s WHERE %s = $1", t->name, t->columns[0].name);
    return must_have(sql.text);
}

static char *make_remove(const table_t *t)
{
    sql_t sql;
    sql_init(&sql);
    sql_add(&sql, "DELETE FROM %s WHERE %s = $1", t->name, t->columns[0].name);
    return must_have(sql.text);
}

static bool run(store_t *s, const char *sql) { return db_run(s->db, sql, NULL, 0); }

static bool make_table(store_t *s, const table_t *t)
{
    sql_t sql;
    sql_init(&sql);
    sql_add(&sql, "CREATE TABLE IF NOT EXISTS %s(", t->name);
    for (unsigned i = 0; i < t->count; i++)
        sql_add(&sql, "%s%s %s%s", i ? ", " : "", t->columns[i].name, column_type(s->db, t->columns[i].kind),
                i ? "" : " PRIMARY KEY");
    sql_add(&sql, ")");
    bool is_ok = sql_run(&sql, s->db);
    sql_fini(&sql);
    for (unsigned i = 0; is_ok && t->indexes[i]; i++) {
        sql_add(&sql, "CREATE INDEX IF NOT EXISTS %s_%u ON %s(%s)", t->name, i, t->name, t->indexes[i]);
        is_ok = sql_run(&sql, s->db);
        sql_fini(&sql);
    }
    return is_ok;
}

/* ---- open ---- */

static bool set_meta(store_t *s, const char *key, const char *text)
{
    return db_run(s->db,
                  "INSERT INTO meta(key, value) VALUES($1, $2) ON CONFLICT(key) DO UPDATE SET value = "
                  "excluded.value",
                  (value_t[]){value_text(key), value_text(text)}, 2);
}

static bool set_meta_number(store_t *s, const char *key, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    return set_meta(s, key, text);
}

static bool get_meta(store_t *s, const char *key, char *text, size_t cap)
{
    db_rows_t *rows =
        db_query(s->db, "SELECT value FROM meta WHERE key = $1", (value_t[]){value_text(key)}, 1);
    bool is_there = rows && db_next(rows);
    if (is_there) snprintf(text, cap, "%s", db_text(rows, 0));
    if (rows) (void)db_rows_free(rows);
    return is_there;
}

static uint64_t get_meta_number(store_t *s, const char *key)
{
    char text[24] = "0";
    return get_meta(s, key, text, sizeof text) ? strtoull(text, NULL, 10) : 0;
}

static bool put_countries(store_t *s)
{
    for (uint32_t i = 0; i < country_count; i++) {
        const country_t *c = &countries[i];
        value_t v[]        = {
                   [COUNTRY_ID] = value_int(i + 1),          [COUNTRY_EVENT] = value_text(c->code),
                   [COUNTRY_CODE] = value_text(c->code),     [COUNTRY_NAME] = value_text(c->name),
                   [COUNTRY_REGION] = value_text(c->region), [COUNTRY_SUBREGION] = value_text(c->subregion)};
        if (!db_run(s->db, s->put[TABLE_COUNTRY], v, sizeof v / sizeof *v)) return false;
    }
    return true;
}

static bool make_tables(store_t *s)
{
    bool is_ok =
        run(s, "CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT)") &&
        run(s, "CREATE TABLE IF NOT EXISTS undo(block BIGINT, seq BIGINT, tab BIGINT, rowkey TEXT,"
               " rowdata TEXT, PRIMARY KEY(block, seq))") &&
        run(s, "CREATE TABLE IF NOT EXISTS trail(block BIGINT PRIMARY KEY, hash TEXT)") &&
        run(s, "CREATE TABLE IF NOT EXISTS probe(twin_id BIGINT PRIMARY KEY, features TEXT, gpus TEXT,"
               " num_gpu BIGINT, has_ipv6 BIGINT, healthy BIGINT, dmi TEXT, benchmark TEXT, upload DOUBLE "
               "PRECISION,"
               " download DOUBLE PRECISION, workloads BIGINT, updated_at BIGINT)") &&
        run(s, "CREATE TABLE IF NOT EXISTS probe_gpu(twin_id BIGINT, id TEXT, vendor TEXT, device TEXT,"
               " contract BIGINT, PRIMARY KEY(twin_id, id))");
    for (int i = 0; is_ok && i < TABLE_COUNT; i++)
        is_ok = make_table(s, &tables[i]);
    return is_ok && put_countries(s) && set_meta_number(s, "schema", SCHEMA_VERSION);
}

static bool drop_tables(store_t *s)
{
    bool is_ok = run(s, "DROP TABLE IF EXISTS meta") && run(s, "DROP TABLE IF EXISTS undo") &&
                 run(s, "DROP TABLE IF EXISTS trail") && run(s, "DROP TABLE IF EXISTS probe") &&
                 run(s, "DROP TABLE IF EXISTS probe_gpu");
    for (int i = 0; is_ok && i < TABLE_COUNT; i++) {
        sql_t sql;
        sql_init(&sql);
        sql_add(&sql, "DROP TABLE IF EXISTS %s", tables[i].name);
        is_ok = sql_run(&sql, s->db);
        sql_fini(&sql);
    }
    return is_ok;
}

static void read_head(store_t *s)
{
    s->head           = (store_head_t){0};
    s->head.has_block = get_meta(s, "hash", s->head.hash, sizeof s->head.hash);
    s->head.number    = (uint32_t)get_meta_number(s, "number");
    s->head.final     = (uint32_t)get_meta_number(s, "final");
    (void)!get_meta(s, "genesis", s->head.genesis, sizeof s->head.genesis);
}

bool store_check(store_t *store)
{
    if (!store->is_doubtful) return true;
    if (get_meta_number(store, "schema") != SCHEMA_VERSION) return false;
    read_head(store);
    store->is_doubtful = false;
    return true;
}

bool store_clear(store_t *store)
{
    bool is_ok = db_begin(store->db) && drop_tables(store) && make_tables(store) && db_commit(store->db);
    if (!is_ok) db_rollback(store->db);
    read_head(store);
    return is_ok;
}

bool store_set_genesis(store_t *store, const char *hash)
{
    snprintf(store->head.genesis, sizeof store->head.genesis, "%s", hash);
    return set_meta(store, "genesis", hash);
}

store_t *store_open(const char *where, bool is_rebuild, char error[DB_ERROR_MAX + 1])
{
    store_t *s = must_have(calloc(1, sizeof *s));
    s->db      = db_open(where, error);
    for (int i = 0; i < TABLE_COUNT; i++) {
        s->put[i]    = make_put(&tables[i]);
        s->get[i]    = make_get(&tables[i]);
        s->remove[i] = make_remove(&tables[i]);
    }
    bool is_ok    = s->db && run(s, "CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT)");
    bool is_known = is_ok && get_meta_number(s, "schema") == SCHEMA_VERSION;
    if (is_ok && (is_rebuild || !is_known)) is_ok = store_clear(s);
    if (is_ok) {
        read_head(s);
        return s;
    }
    if (s->db) snprintf(error, DB_ERROR_MAX + 1, "the tables cannot be made: see the log");
    store_close(s);
    return NULL;
}

void store_close(store_t *store)
{
    if (!store) return;
    for (int i = 0; i < TABLE_COUNT; i++) {
        free(store->put[i]);
        free(store->get[i]);
        free(store->remove[i]);
    }
    forget_texts(store);
    free(store->nodes.ids);
    free(store->farms.ids);
    db_close(store->db);
    free(store);
}

db_t *store_db(store_t *store) { return store->db; }
const store_head_t *store_head(const store_t *store) { return &store->head; }
const store_block_t *store_now(const store_t *store) { return &store->block; }

/* ---- rows ---- */

void store_fail(store_t *store, const char *why)
{
    if (!store->has_failed)
        log_error(LOG_STORE, "block not indexed", LOG_U32("block", store->block.number),
                  LOG_TEXT("why", why));
    store->has_failed = true;
}

row_t row_new(table_id_t table, value_t key)
{
    row_t row = {.table = table};
    row.v[0]  = key;
    return row;
}

bool row_get(store_t *store, table_id_t table, value_t key, row_t *row)
{
    *row            = row_new(table, key);
    db_rows_t *rows = store->has_failed ? NULL : db_query(store->db, store->get[table], &key, 1);
    if (!rows) {
        store->has_failed = true;
        return false;
    }
    bool is_there = db_next(rows);
    for (unsigned i = 0; is_there && i < tables[table].count; i++)
        row->v[i] = keep_value(store, db_value(rows, i));
    if (!db_rows_free(rows)) store->has_failed = true;
    return is_there && !store->has_failed;
}

static json_t *row_json(const row_t *row)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < tables[row->table].count; i++) {
        const value_t *v = &row->v[i];
        json_t *item     = v->kind == VALUE_INT    ? json_integer(v->number)
                           : v->kind == VALUE_REAL ? json_real(v->real)
                           : v->kind == VALUE_TEXT ? json_string(v->text)
                                                   : json_null();
        json_array_append_new(list, item);
    }
    return list;
}

/* Keeps the row of this key as it is, before it changes: data is null when there is none. */
static void keep_row(store_t *s, table_id_t table, value_t key)
{
    row_t row;
    if (s->block.is_final || s->has_failed) return;
    bool is_there        = row_get(s, table, key, &row);
    json_t *data         = is_there ? row_json(&row) : NULL;
    char *text           = data ? json_dumps(data, JSON_COMPACT) : NULL;
    const char *key_text = key.kind == VALUE_TEXT ? key.text : store_format(s, "%lld", (long long)key.number);
    value_t v[]          = {value_int(s->block.number), value_int(s->undo_seq++), value_int(table),
                            value_text(key_text), text ? value_text(text) : VALUE_NONE};
    if (!db_run(s->db, "INSERT INTO undo(block, seq, tab, rowkey, rowdata) VALUES($1, $2, $3, $4, $5)", v, 5))
        s->has_failed = true;
    free(text);
    json_decref(data);
}

void row_put(store_t *store, const row_t *row)
{
    keep_row(store, row->table, row->v[0]);
    if (!store->has_failed && !db_run(store->db, store->put[row->table], row->v, tables[row->table].count))
        store->has_failed = true;
}

void row_remove(store_t *store, table_id_t table, value_t key)
{
    keep_row(store, table, key);
    if (!store->has_failed && !db_run(store->db, store->remove[table], &key, 1)) store->has_failed = true;
}

value_t *row_keys(store_t *store, table_id_t table, unsigned column, value_t value, uint32_t *count)
{
    const table_t *t = &tables[table];
    value_t *keys    = NULL;
    sql_t sql;
    *count = 0;
    sql_init(&sql);
    sql_add(&sql, "SELECT %s FROM %s WHERE %s = $1 ORDER BY 1", t->columns[0].name, t->name,
            t->columns[column].name);
    db_rows_t *rows = store->has_failed || sql.has_failed ? NULL : db_query(store->db, sql.text, &value, 1);
    if (!rows) store->has_failed = true;
    for (uint32_t cap = 0; rows && db_next(rows) && *count < KEYS_MAX;) {
        if (*count == cap) {
            cap           = cap ? cap * 2 : 16;
            value_t *more = (value_t *)piece_take(store, cap * sizeof *more);
            if (*count) memcpy(more, keys, *count * sizeof *keys);
            keys = more;
        }
        keys[(*count)++] = keep_value(store, db_value(rows, 0));
    }
    if (rows && !db_rows_free(rows)) store->has_failed = true;
    sql_fini(&sql);
    return keys;
}

/* ---- blocks ---- */

bool store_begin(store_t *store)
{
    store->has_failed = false;
    store->before     = store->head;
    store->is_open    = db_begin(store->db);
    return store->is_open;
}

void store_block(store_t *store, const store_block_t *block)
{
    store->block = *block;
    snprintf(store->block_hash, sizeof store->block_hash, "%s", block->hash);
    store->block.hash  = store->block_hash;
    store->undo_seq    = 0;
    store->nodes.count = store->farms.count = 0;
    store->are_prices_touched               = false;
}

static bool keep_head(store_t *s, uint32_t number, const char *hash)
{
    s->head.has_block = true;
    s->head.number    = number;
    if (hash != s->head.hash) snprintf(s->head.hash, sizeof s->head.hash, "%s", hash);
    return set_meta_number(s, "number", number) && set_meta(s, "hash", hash);
}

bool store_block_done(store_t *store)
{
    if (!store->has_failed) derive_block(store);
    if (store->block.is_final && store->block.number > store->head.final) {
        store->head.final = store->block.number;
        if (!set_meta_number(store, "final", store->head.final)) store->has_failed = true;
    }
    value_t trail[] = {value_int(store->block.number), value_text(store->block.hash)};
    const char *sql = "INSERT INTO trail(block, hash) VALUES($1, $2) ON CONFLICT(block) DO UPDATE SET hash = "
                      "excluded.hash";
    if (!store->has_failed && !store->block.is_final && !db_run(store->db, sql, trail, 2))
        store->has_failed = true;
    if (!store->has_failed && store->block.is_final &&
        !(run(store, "DELETE FROM trail") && db_run(store->db, sql, trail, 2)))
        store->has_failed = true;
    if (!store->has_failed && !keep_head(store, store->block.number, store->block.hash))
        store->has_failed = true;
    forget_texts(store);
    return !store->has_failed;
}

bool store_commit(store_t *store)
{
    bool is_ok     = store->is_open && !store->has_failed && db_commit(store->db);
    store->is_open = false;
    if (is_ok) return true;
    db_rollback(store->db);
    forget_texts(store);
    store->head        = store->before;
    store->is_doubtful = true;
    return false;
}

/* ---- the way back ---- */

static value_t json_value(store_t *s, const json_t *item)
{
    switch (json_typeof(item)) {
    case JSON_INTEGER: return value_int(json_integer_value(item));
    case JSON_REAL: return value_real(json_real_value(item));
    case JSON_STRING: return keep_value(s, value_text(json_string_value(item)));
    case JSON_OBJECT:
    case JSON_ARRAY:
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL: break;
    }
    return VALUE_NONE;
}

/* Puts one row back as it was: *data is its columns, or NULL when there was none. */
static bool put_back(store_t *s, table_id_t table, const char *key, const char *data)
{
    column_kind_t kind = tables[table].columns[0].kind;
    value_t key_value  = kind == COLUMN_TEXT ? value_text(key) : value_int(strtoll(key, NULL, 10));
    if (!data) return db_run(s->db, s->remove[table], &key_value, 1);
    json_t *list = json_loads(data, 0, NULL);
    value_t v[COLUMNS_MAX];
    for (unsigned i = 0; list && i < tables[table].count; i++)
        v[i] = json_value(s, json_array_get(list, i));
    bool is_ok = list && db_run(s->db, s->put[table], v, tables[table].count);
    json_decref(list);
    return is_ok;
}

typedef struct {
    table_id_t table;
    const char *key, *data;
} undo_t;

/* The rows are read whole before the first is written: a reader must not see its own changes. */
static bool undo_rows(store_t *s, uint32_t number)
{
    undo_t *list   = NULL;
    uint32_t count = 0;
    db_rows_t *rows =
        db_query(s->db, "SELECT tab, rowkey, rowdata FROM undo WHERE block = $1 ORDER BY seq DESC",
                 (value_t[]){value_int(number)}, 1);
    if (!rows) return false;
    while (db_next(rows)) {
        list          = must_have(realloc(list, (count + 1) * sizeof *list));
        value_t key   = keep_value(s, db_value(rows, 1)), data;
        table_id_t of = (table_id_t)db_int(rows, 0);
        data          = keep_value(s, db_value(rows, 2));
        list[count++] = (undo_t){of, key.text, data.kind == VALUE_TEXT ? data.text : NULL};
    }
    bool is_ok = db_rows_free(rows);
    for (uint32_t i = 0; is_ok && i < count; i++)
        is_ok = list[i].table < TABLE_COUNT && put_back(s, list[i].table, list[i].key, list[i].data);
    free(list);
    return is_ok;
}

static bool undo_block(store_t *s)
{
    value_t number = value_int(s->head.number), before = value_int((int64_t)s->head.number - 1);
    char hash[67] = "";
    if (!undo_rows(s, s->head.number)) return false;
    db_rows_t *rows = db_query(s->db, "SELECT hash FROM trail WHERE block = $1", &before, 1);
    if (rows && db_next(rows)) snprintf(hash, sizeof hash, "%s", db_text(rows, 0));
    if (!rows || !db_rows_free(rows) || !hash[0]) return false;
    return db_run(s->db, "DELETE FROM undo WHERE block = $1", &number, 1) &&
           db_run(s->db, "DELETE FROM trail WHERE block = $1", &number, 1) &&
           keep_head(s, s->head.number - 1, hash);
}

bool store_undo(store_t *store)
{
    if (!store->head.has_block || store->head.number <= store->head.final || !store_begin(store))
        return false;
    if (!undo_block(store)) store->has_failed = true;
    forget_texts(store);
    return store_commit(store);
}

bool store_finalized(store_t *store, uint32_t number)
{
    if (number > store->head.number) number = store->head.number;
    if (!store->head.has_block || number <= store->head.final) return true;
    value_t v = value_int(number);
    if (!store_begin(store)) return false;
    store->head.final = number;
    if (!db_run(store->db, "DELETE FROM undo WHERE block <= $1", &v, 1) ||
        !db_run(store->db, "DELETE FROM trail WHERE block < $1", &v, 1) ||
        !set_meta_number(store, "final", number))
        store->has_failed = true;
    return store_commit(store);
}
