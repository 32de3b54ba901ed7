/* The state of older and newer agents, and the room that is kept beside it. */
#include "engine.h"
#include "test.h"

#include <jansson.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

/* As the first agents wrote it: fewer tables, and one that nobody has any more. */
static const char first_agent[] =
    "PRAGMA journal_mode=WAL;"
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID;"
    "CREATE TABLE deployment(contract INTEGER PRIMARY KEY, twin INTEGER, version INTEGER, json TEXT, desired "
    "TEXT,"
    " reason TEXT, owner INTEGER, created INTEGER, updated INTEGER);"
    "CREATE TABLE workload(contract INTEGER, name TEXT, json TEXT, wid TEXT UNIQUE, state TEXT, message "
    "TEXT, data"
    " TEXT, created INTEGER, is_made INTEGER, is_removed INTEGER, link INTEGER, PRIMARY KEY(contract, name)) "
    "WITHOUT"
    " ROWID;"
    "CREATE TABLE history(seq INTEGER PRIMARY KEY AUTOINCREMENT, contract INTEGER, json TEXT);"
    "CREATE INDEX history_contract ON history(contract, seq);"
    "CREATE TABLE audit(seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER, contract INTEGER, what TEXT, "
    "evidence"
    " TEXT);"
    "CREATE TABLE image(name TEXT PRIMARY KEY, digest TEXT, size INTEGER, config TEXT, created INTEGER) "
    "WITHOUT"
    " ROWID;"
    "CREATE TABLE meter(wid TEXT PRIMARY KEY, contract INTEGER, last INTEGER, bytes INTEGER) WITHOUT ROWID;"
    "CREATE TABLE nru(contract INTEGER PRIMARY KEY, bytes INTEGER, since INTEGER);"
    "CREATE TABLE outbox(id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, contract INTEGER, bytes INTEGER, at"
    " INTEGER, window INTEGER);"
    "INSERT INTO meta VALUES('schema', 1), ('twin_id', 5), ('node_id', 3), ('intake', 1);"
    "INSERT INTO deployment VALUES(9, 7, 0, "
    "'{\"version\":0,\"twin_id\":7,\"contract_id\":9,\"workloads\":[{\"version"
    "\":0,\"name\":\"data\",\"type\":\"zmount\",\"data\":{\"size\":1073741824}}]}', 'run', '', 1, 1700000000,"
    " 1700000000);"
    "INSERT INTO workload VALUES(9, 'data', "
    "'{\"version\":0,\"name\":\"data\",\"type\":\"zmount\",\"data\":{\"size\":"
    "1073741824}}', 'abcdefghijkl', 'ok', '', '', 1700000000, 1, 0, 0);"
    "INSERT INTO nru VALUES(9, 12345, 1700000000);";

static bool write_state(const char *sql)
{
    char path[128];
    sqlite3 *file = NULL;
    snprintf(path, sizeof path, "%s/state.db", folder);
    bool is_ok =
        sqlite3_open(path, &file) == SQLITE_OK && sqlite3_exec(file, sql, NULL, NULL, NULL) == SQLITE_OK;
    if (!is_ok) printf("%s\n", sqlite3_errmsg(file));
    sqlite3_close(file);
    return is_ok;
}

static int64_t count_tables(db_t *db, const char *name)
{
    db_rows_t *rows = db_ask(db, "SELECT count(*) FROM sqlite_schema WHERE name = ?1", "t", name);
    int64_t count   = db_next(&rows) ? db_number(rows, 0) : -1;
    if (rows) db_stop(rows);
    return count;
}

static void forget(void)
{
    folder_remove(folder);
    OK(folder_make(folder, 0755));
}

TEST(what_an_older_agent_wrote_is_brought_up_to_date_and_nothing_of_it_is_lost)
{
    static const char *const newer[] = {"trash", "perf", "note", "reserved", "image_file", "meter_born"};
    char error[256];
    forget();
    OK(write_state(first_agent));
    db_t *db = db_open(folder, false, error);
    if (!db) printf("%s\n", error);
    OK(db);
    for (size_t i = 0; i < sizeof newer / sizeof *newer; i++)
        EQ(count_tables(db, newer[i]), 1);
    EQ(count_tables(db, "outbox"), 0);
    EQ(db_get(db, "schema", 0), DB_SCHEMA);
    EQ(db_get(db, "node_id", 0), 3);
    engine_config_t config = {
        .db        = db,
        .state_dir = folder,
        .pool_dir  = folder,
        .total     = {.cru = 1, .mru = 4u << 30, .sru = UINT64_C(9) << 30}
    };
    engine_t *engine = engine_new(&config);
    OK(engine && engine_intake(engine) == INTAKE_UPDATES && !engine_is_idle(engine));
    EQ(engine_resources(engine, 9).sru, UINT64_C(1) << 30);
    uint32_t count;
    engine_nru_t *nru = engine_nru(engine, &count);
    EQ(count, 1);
    EQ(nru[0].bytes, 12345);
    free(nru);
    engine_free(engine);
    db_close(db);
    db = db_open(folder, false, error);
    OK(db && db_get(db, "schema", 0) == DB_SCHEMA); /* and once is enough */
    db_close(db);
}

TEST(what_a_newer_agent_wrote_is_not_touched)
{
    char error[256];
    forget();
    OK(write_state(first_agent) && write_state("UPDATE meta SET value = 99 WHERE key = 'schema'"));
    OK(!db_open(folder, false, error));
    if (!strstr(error, "newer agent") || !strstr(error, "99")) printf("%s\n", error);
    OK(strstr(error, "newer agent") && strstr(error, "99"));
    db_t *db = db_open(folder, true, error);
    OK(db && count_tables(db, "trash") == 0 && count_tables(db, "outbox") == 1);
    db_close(db);
}

TEST(what_is_no_state_is_said_to_be_none)
{
    char error[256], path[128];
    forget();
    snprintf(path, sizeof path, "%s/state.db", folder);
    OK(file_replace(path, "this is no database, but it is long enough to be read as one: no.", 65, 0600));
    OK(!db_open(folder, false, error));
    OK(strstr(error, "not a database"));
}

TEST(room_is_kept_beside_the_state_and_given_away_once)
{
    char error[256], path[128];
    struct stat st;
    forget();
    snprintf(path, sizeof path, "%s/state.db-reserve", folder);
    db_t *db = db_open(folder, false, error);
    OK(db && stat(path, &st) == 0);
    OK(st.st_blocks * 512 >= 4 << 20); /* not sparse */
    OK(db_spare(db) && !db_spare(db) && !file_exists(path));
    db_save(db);
    OK(file_exists(path));
    db_close(db);
}

int main(int argc, char **argv)
{
    snprintf(folder, sizeof folder, "/tmp/zt-state-%d", getpid());
    int code = test_main_(argc, argv);
    folder_remove(folder);
    return code;
}
