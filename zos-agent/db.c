/* db.c - SQLite, with few words. */
#include "db.h"
#include "files.h"
#include "log.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BUSY_MS      10000
#define RESERVE_SIZE (4 << 20) /* what is written ahead before it goes into the file, once over */

static const char *const schema[] = {
    "CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS deployment(contract INTEGER PRIMARY KEY, twin INTEGER, version INTEGER, json "
    "TEXT,"
    " desired TEXT, reason TEXT, owner INTEGER, created INTEGER, updated INTEGER)",
    "CREATE TABLE IF NOT EXISTS workload(contract INTEGER, name TEXT, json TEXT, wid TEXT UNIQUE, state TEXT,"
    " message TEXT, data TEXT, created INTEGER, is_made INTEGER, is_removed INTEGER, link INTEGER,"
    " PRIMARY KEY(contract, name)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS history(seq INTEGER PRIMARY KEY AUTOINCREMENT, contract INTEGER, json TEXT)",
    "CREATE INDEX IF NOT EXISTS history_contract ON history(contract, seq)",
    "CREATE TABLE IF NOT EXISTS audit(seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER, contract INTEGER, "
    "what TEXT,"
    " evidence TEXT)",
    "CREATE TABLE IF NOT EXISTS image(name TEXT PRIMARY KEY, digest TEXT, size INTEGER, config TEXT, created "
    "INTEGER)"
    " WITHOUT ROWID",
    ("CREATE TABLE IF NOT EXISTS meter(wid TEXT PRIMARY KEY, contract INTEGER, last INTEGER, bytes INTEGER)"
     " WITHOUT ROWID"),
    ("CREATE TABLE IF NOT EXISTS trash(id TEXT PRIMARY KEY, wid TEXT, contract INTEGER, twin INTEGER, name "
     "TEXT,"
     " size INTEGER, owner INTEGER, at INTEGER, is_kept INTEGER) WITHOUT ROWID"),
    "CREATE TABLE IF NOT EXISTS reserved(contract INTEGER, ip TEXT, gateway TEXT, UNIQUE(contract, ip))",
    "CREATE TABLE IF NOT EXISTS meter_born(wid TEXT PRIMARY KEY, born INTEGER) WITHOUT ROWID",
    ("CREATE TABLE IF NOT EXISTS perf(name TEXT PRIMARY KEY, description TEXT, at INTEGER, result TEXT)"
     " WITHOUT ROWID"),
    "CREATE TABLE IF NOT EXISTS image_rule(pattern TEXT PRIMARY KEY, image TEXT) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS image_released(name TEXT PRIMARY KEY) WITHOUT ROWID",
    ("CREATE TABLE IF NOT EXISTS image_file(digest TEXT PRIMARY KEY, size INTEGER, mtime INTEGER, inode "
     "INTEGER,"
     " used INTEGER DEFAULT 0) WITHOUT ROWID"),
    "CREATE TABLE IF NOT EXISTS image_use(wid TEXT PRIMARY KEY, digest TEXT) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS note(key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS nru(contract INTEGER PRIMARY KEY, bytes INTEGER, since INTEGER)",
};

static bool fail(db_t *db, const char *what)
{
    log_error(LOG_STORE, "state not written", LOG_TEXT("what", what), LOG_TEXT("why", sqlite3_errmsg(db)));
    return false;
}

static bool run(db_t *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK || fail(db, sql);
}

/* What a version changed of tables that the one before it had; new tables are made before. */
static const char *const migrations[DB_SCHEMA + 1] = {
    [2] = "DROP TABLE IF EXISTS outbox", /* reports are in chain_report */
};

static bool has_meta(db_t *db)
{
    db_rows_t *rows = db_ask(db, "SELECT 1 FROM sqlite_schema WHERE name = 'meta'", "");
    bool is_there   = db_next(&rows);
    if (is_there) db_stop(rows);
    return is_there;
}

/* All of it or nothing; a file that is up to date is not written, since its disk may be full.  What is
 * written ahead stays where it is, and can be overwritten then. */
static bool prepare_file(db_t *db, int64_t *found)
{
    int stays = 1;
    *found    = 0;
    sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &stays);
    if (!run(db, "PRAGMA journal_mode=WAL") || !run(db, "PRAGMA synchronous=FULL")) return false;
    *found = has_meta(db) ? db_get(db, "schema", 0) : 0;
    if (*found >= DB_SCHEMA) return *found == DB_SCHEMA;
    bool is_ok = run(db, "BEGIN");
    for (size_t i = 0; is_ok && i < sizeof schema / sizeof *schema; i++)
        is_ok = run(db, schema[i]);
    for (int64_t version = *found + 1; is_ok && version <= DB_SCHEMA; version++)
        is_ok = !migrations[version] || run(db, migrations[version]);
    if (is_ok && *found > 0)
        log_info(LOG_STORE, "state brought up to date", LOG_U64("from", (uint64_t)*found),
                 LOG_U64("to", DB_SCHEMA));
    return is_ok && db_set(db, "schema", DB_SCHEMA) && run(db, "COMMIT");
}

static db_t *open_file(const char *path, bool is_readonly, char error[256])
{
    int64_t found = 0;
    db_t *db      = NULL;
    int flags     = is_readonly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    if (sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK) {
        sqlite3_busy_timeout(db, BUSY_MS);
        if (is_readonly || prepare_file(db, &found)) return db;
    }
    if (found > DB_SCHEMA)
        snprintf(error, 256, "%.150s: a newer agent wrote it: schema %" PRId64 ", this one knows %d", path,
                 found, DB_SCHEMA);
    else
        snprintf(error, 256, "%.150s: %.90s", path, db ? sqlite3_errmsg(db) : "no memory");
    sqlite3_close(db);
    return NULL;
}

static bool reserve_path(const char *file, char path[PATH_CAP])
{
    return file && path_join(path, "%s-reserve", file);
}

bool db_spare(db_t *db)
{
    char path[PATH_CAP];
    bool is_given = reserve_path(sqlite3_db_filename(db, "main"), path) && unlink(path) == 0;
    if (is_given) log_warn(LOG_STORE, "the disk is full: what was kept for that is given away");
    return is_given;
}

void db_save(db_t *db)
{
    char path[PATH_CAP];
    if (!reserve_path(sqlite3_db_filename(db, "main"), path) || file_exists(path)) return;
    int fd       = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool is_kept = fd >= 0 && posix_fallocate(fd, 0, RESERVE_SIZE) == 0;
    if (fd >= 0) close(fd);
    if (fd >= 0 && !is_kept) unlink(path);
}

db_t *db_open(const char *folder, bool is_readonly, char error[256])
{
    char path[PATH_CAP], reserve[PATH_CAP];
    snprintf(error, 256, "the state directory's path is too long");
    if (!path_join(path, "%s/state.db", folder) || !reserve_path(path, reserve)) return NULL;
    db_t *db = open_file(path, is_readonly, error);
    if (!db && !is_readonly && unlink(reserve) == 0) db = open_file(path, false, error);
    if (db && !is_readonly) db_save(db);
    return db;
}

void db_close(db_t *db) { sqlite3_close(db); }

static sqlite3_stmt *prepare(db_t *db, const char *sql, const char *format, va_list args)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) {
        fail(db, sql);
        return NULL;
    }
    for (int i = 1; *format; i++, format++) {
        if (*format == 'i')
            sqlite3_bind_int64(statement, i, va_arg(args, int64_t));
        else
            sqlite3_bind_text(statement, i, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
    }
    return statement;
}

bool db_do(db_t *db, const char *sql, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    sqlite3_stmt *statement = prepare(db, sql, format, args);
    va_end(args);
    crash_point();
    bool is_ok = statement && sqlite3_step(statement) == SQLITE_DONE;
    if (!is_ok) fail(db, sql);
    sqlite3_finalize(statement);
    return is_ok;
}

void db_begin(db_t *db) { run(db, "SAVEPOINT changes"); }

bool db_end(db_t *db)
{
    crash_point();
    return run(db, "RELEASE changes") || db_undo(db);
}

/* On a full disk SQLite may have taken back everything by itself. */
bool db_undo(db_t *db)
{
    if (!sqlite3_get_autocommit(db)) (void)(run(db, "ROLLBACK TO changes") && run(db, "RELEASE changes"));
    return false;
}

db_rows_t *db_ask(db_t *db, const char *sql, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    sqlite3_stmt *statement = prepare(db, sql, format, args);
    va_end(args);
    return statement;
}

bool db_next(db_rows_t **rows)
{
    int got = *rows ? sqlite3_step(*rows) : SQLITE_DONE;
    if (got == SQLITE_ROW) return true;
    if (got != SQLITE_DONE)
        log_error(LOG_STORE, "state not read", LOG_TEXT("why", sqlite3_errmsg(sqlite3_db_handle(*rows))));
    db_stop(*rows);
    *rows = NULL;
    return false;
}

void db_stop(db_rows_t *rows) { sqlite3_finalize(rows); }

bool db_ended(db_t *db)
{
    int code = sqlite3_errcode(db);
    return code == SQLITE_OK || code == SQLITE_DONE;
}

int64_t db_number(db_rows_t *rows, int column) { return sqlite3_column_int64(rows, column); }

const char *db_text(db_rows_t *rows, int column)
{
    const unsigned char *text = sqlite3_column_text(rows, column);
    return text ? (const char *)text : "";
}

int64_t db_get(db_t *db, const char *key, int64_t otherwise)
{
    db_rows_t *rows = db_ask(db, "SELECT value FROM meta WHERE key = ?1", "t", key);
    int64_t value   = otherwise;
    if (!db_next(&rows)) return value;
    value = db_number(rows, 0);
    db_stop(rows);
    return value;
}

bool db_set(db_t *db, const char *key, int64_t value)
{
    return db_do(db, "INSERT INTO meta(key, value) VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET value = ?2",
                 "ti", key, value);
}

bool db_note(db_t *db, const char *key, const char *text)
{
    return db_do(db, "INSERT INTO note(key, value) VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET value = ?2",
                 "tt", key, text);
}

void db_noted(db_t *db, const char *key, char *text, size_t cap)
{
    db_rows_t *rows = db_ask(db, "SELECT value FROM note WHERE key = ?1", "t", key);
    text[0]         = 0;
    if (!db_next(&rows)) return;
    snprintf(text, cap, "%s", db_text(rows, 0));
    db_stop(rows);
}
