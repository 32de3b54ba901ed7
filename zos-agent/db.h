/* db.h - the agent's state on disk: SQLite, written ahead and synced at each commit.
 *
 * Statements are written with ?1, ?2 ...; values are given by a format: 'i' an int64_t, 't' a text (NULL is
 * null).
 *
 *     db_do(db, "UPDATE workload SET state = ?2 WHERE wid = ?1", "tt", wid, "ok");
 *     db_rows_t *rows = db_ask(db, "SELECT wid FROM workload WHERE contract = ?1", "i", id);
 *     while (db_next(&rows))
 *         use(db_text(rows, 0)); */
#ifndef DB_H
#define DB_H
#include "base.h"

typedef struct sqlite3 db_t;
typedef struct sqlite3_stmt db_rows_t;

#define DB_SCHEMA 2

/* db_open opens or makes FOLDER/state.db, and brings what an older agent wrote up to date.  NULL, and error
 * says why; what a newer agent wrote is not opened.  Read-only opens never make one, and change nothing.
 *
 * Beside it lies state.db-reserve, room for the day on which the disk is full: opening takes of it what it
 * needs, and db_spare gives it away for what must be written; true when there was some.  db_save keeps it
 * again when there is room. */
db_t *db_open(const char *folder, bool is_readonly, char error[256]);
void db_close(db_t *db);
bool db_spare(db_t *db);
void db_save(db_t *db);

/* A failure here is a full or broken disk: it is logged, and false. */
bool db_do(db_t *db, const char *sql, const char *format, ...);

/* db_begin and db_end hold changes together; they nest.  When db_end is false none of them was made;
 * db_undo, instead of db_end, takes them back, and is false. */
void db_begin(db_t *db);
bool db_end(db_t *db);
bool db_undo(db_t *db);

db_rows_t *db_ask(db_t *db, const char *sql, const char *format, ...);

/* db_next steps; at the end it frees the rows, sets them to NULL and is false.  db_stop frees them before the
 * end. */
bool db_next(db_rows_t **rows);
void db_stop(db_rows_t *rows);

/* db_ended, right after db_next was false: did the rows come to their end, and not to an error?  For who
 * destroys what no row speaks of. */
bool db_ended(db_t *db);
int64_t db_number(db_rows_t *rows, int column);
const char *db_text(db_rows_t *rows, int column); /* "" for null; until the next step */

/* Numbers under names: what the agent remembers of itself. */
int64_t db_get(db_t *db, const char *key, int64_t otherwise);
bool db_set(db_t *db, const char *key, int64_t value);

/* The same for texts; db_noted is "" when there is none. */
bool db_note(db_t *db, const char *key, const char *text);
void db_noted(db_t *db, const char *key, char *text, size_t cap);

#endif
