/* image_table.c - names that lead to images, files that are what they say, and what is thrown away. */
#include "image.h"
#include "log.h"
#include "oci_layout.h"

#include <dirent.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STARS_MAX 4
#define FRESH_S   3600  /* a file that an import just made has no row yet */
#define BROKEN_S  86400 /* a folder of an import that never ended */

__attribute__((format(printf, 2, 3))) static bool fail(char error[IMAGE_ERROR_MAX + 1], const char *format,
                                                       ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, IMAGE_ERROR_MAX + 1, format, args);
    va_end(args);
    return false;
}

/* ---- rules ---- */

/* Goes back to the last star only, so the time is a product of the lengths at most. */
static bool matches(const char *pattern, const char *text)
{
    const char *star = NULL, *back = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            back = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text    = ++back;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == 0;
}

static size_t stars(const char *pattern)
{
    size_t count = 0;
    for (; *pattern; pattern++)
        count += *pattern == '*';
    return count;
}

bool image_ruled(db_t *db, const char *flist, char image[IMAGE_NAME_MAX + 1])
{
    size_t best     = 0;
    bool is_found   = false;
    db_rows_t *rows = db_ask(db, "SELECT pattern, image FROM image_rule ORDER BY pattern", "");
    while (db_next(&rows)) {
        const char *pattern = db_text(rows, 0);
        size_t count = stars(pattern), weight = strlen(pattern) - count + (count == 0 ? IMAGE_NAME_MAX : 0);
        if (!matches(pattern, flist) || (is_found && weight <= best)) continue;
        best     = weight;
        is_found = true;
        snprintf(image, IMAGE_NAME_MAX + 1, "%s", db_text(rows, 1));
    }
    return is_found;
}

static bool is_there(db_t *db, const char *state_dir, const char *name)
{
    image_t image;
    if (!image_find(db, state_dir, name, &image)) return false;
    free(image.config);
    return true;
}

bool image_map(db_t *db, const char *state_dir, const char *pattern, const char *image,
               char error[IMAGE_ERROR_MAX + 1])
{
    char led[IMAGE_NAME_MAX + 1];
    if (!image_name_is_valid(pattern) || stars(pattern) > STARS_MAX)
        return fail(error, "a pattern is 1 to %d characters without blanks, at most %d of them '*'",
                    IMAGE_NAME_MAX, STARS_MAX);
    if (strspn(pattern, "*") == strlen(pattern))
        return fail(error, "a pattern of stars alone leads everything away");
    if (image_ruled(db, image, led) || !is_there(db, state_dir, image))
        return fail(error, "%.200s is no image of the store: NAME, oci:NAME or sha256:DIGEST", image);
    return db_do(db,
                 "INSERT INTO image_rule(pattern, image) VALUES(?1, ?2) ON CONFLICT(pattern) DO UPDATE SET "
                 "image = ?2",
                 "tt", pattern, image) ||
           fail(error, "the image table cannot be written");
}

bool image_unmap(db_t *db, const char *pattern)
{
    db_rows_t *rows = db_ask(db, "SELECT 1 FROM image_rule WHERE pattern = ?1", "t", pattern);
    if (!db_next(&rows)) return false;
    db_stop(rows);
    return db_do(db, "DELETE FROM image_rule WHERE pattern = ?1", "t", pattern);
}

json_t *image_rules(db_t *db, const char *state_dir)
{
    json_t *list    = json_array();
    db_rows_t *rows = db_ask(db, "SELECT pattern, image FROM image_rule ORDER BY pattern", "");
    while (db_next(&rows))
        json_array_append_new(list, json_pack("{s:s,s:s,s:b}", "pattern", db_text(rows, 0), "image",
                                              db_text(rows, 1), "is_there",
                                              (int)is_there(db, state_dir, db_text(rows, 1))));
    return list;
}

/* ---- files that are what they say ---- */

static int64_t stamp(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + (int64_t)st->st_mtim.tv_nsec;
}

void image_checked(db_t *db, const char *digest, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) return;
    db_do(db,
          "INSERT INTO image_file(digest, size, mtime, inode) VALUES(?1, ?2, ?3, ?4) ON CONFLICT(digest) DO "
          "UPDATE "
          "SET size = ?2, mtime = ?3, inode = ?4",
          "tiii", digest, (int64_t)st.st_size, stamp(&st), (int64_t)st.st_ino);
}

static bool was_checked(db_t *db, const char *digest, const struct stat *st)
{
    db_rows_t *rows = db_ask(db, "SELECT size, mtime, inode FROM image_file WHERE digest = ?1", "t", digest);
    if (!db_next(&rows)) return false;
    bool is_same = db_number(rows, 0) == (int64_t)st->st_size && db_number(rows, 1) == stamp(st) &&
                   db_number(rows, 2) == (int64_t)st->st_ino;
    db_stop(rows);
    return is_same;
}

static bool read_whole(db_t *db, const char *digest, const char *path, char error[IMAGE_ERROR_MAX + 1])
{
    char found[IMAGE_DIGEST_LEN + 1];
    if (!oci_file_digest(path, found)) return fail(error, "the image's file cannot be read");
    if (strcmp(found, digest) != 0)
        return fail(error, "the image is damaged: its bytes are not what its digest says");
    image_checked(db, digest, path);
    return true;
}

bool image_check(db_t *db, const image_t *image, char error[IMAGE_ERROR_MAX + 1])
{
    struct stat st;
    if (stat(image->path, &st) != 0) return fail(error, "the image's file is missing");
    return was_checked(db, image->digest, &st) || read_whole(db, image->digest, image->path, error);
}

json_t *image_verify(db_t *db, const char *state_dir)
{
    json_t *list    = json_array(), *one;
    db_rows_t *rows = db_ask(db, "SELECT name, digest FROM image ORDER BY name", "");
    size_t i;
    while (db_next(&rows))
        json_array_append_new(list,
                              json_pack("{s:s,s:s}", "name", db_text(rows, 0), "digest", db_text(rows, 1)));
    json_array_foreach(list, i, one)
    {
        char path[PATH_CAP], error[IMAGE_ERROR_MAX + 1] = "the path is too long";
        const char *digest = json_string_value(json_object_get(one, "digest"));
        bool is_sound =
            path_join(path, "%s/img/%s.sqfs", state_dir, digest) && read_whole(db, digest, path, error);
        json_object_set_new(one, "is_sound", json_boolean(is_sound));
        json_object_set_new(one, "why", json_string(is_sound ? "" : error));
    }
    return list;
}

/* ---- use ---- */

void image_used(db_t *db, const char *wid, const char *digest)
{
    db_rows_t *rows = db_ask(db, "SELECT 1 FROM image_use WHERE wid = ?1 AND digest = ?2", "tt", wid, digest);
    if (db_next(&rows)) {
        db_stop(rows);
        return;
    }
    db_do(db, "INSERT INTO image_use(wid, digest) VALUES(?1, ?2) ON CONFLICT(wid) DO UPDATE SET digest = ?2",
          "tt", wid, digest);
}

bool image_is_used(db_t *db, const char *digest)
{
    db_rows_t *rows = db_ask(
        db,
        "SELECT 1 FROM image_use u JOIN workload w ON w.wid = u.wid WHERE u.digest = ?1 AND w.is_made = 1",
        "t", digest);
    bool is_used = db_next(&rows);
    if (is_used) db_stop(rows);
    return is_used || !db_ended(db);
}

bool image_release(db_t *db, const char *name, bool is_released)
{
    db_rows_t *rows = db_ask(db, "SELECT 1 FROM image WHERE name = ?1", "t", name);
    if (!db_next(&rows)) return false;
    db_stop(rows);
    return db_do(db,
                 is_released ? "INSERT INTO image_released(name) VALUES(?1) ON CONFLICT(name) DO NOTHING"
                             : "DELETE FROM image_released WHERE name = ?1",
                 "t", name);
}

/* ---- collecting ---- */

typedef struct {
    db_t *db;
    const char (*wanted)[IMAGE_DIGEST_LEN + 1];
    uint32_t wanted_count;
    int64_t now_s;
} collect_t;

static bool is_wanted(const collect_t *c, const char *digest)
{
    for (uint32_t i = 0; i < c->wanted_count; i++)
        if (strcmp(c->wanted[i], digest) == 0) return true;
    return image_is_used(c->db, digest);
}

static void forget_name(const collect_t *c, const char *name, const char *why)
{
    log_info(LOG_MAIN, "image collected", LOG_TEXT("name", name), LOG_TEXT("why", why));
    db_do(c->db, "DELETE FROM image WHERE name = ?1", "t", name);
    db_do(c->db, "DELETE FROM image_released WHERE name = ?1", "t", name);
}

static void note_uses(const collect_t *c)
{
    for (uint32_t i = 0; i < c->wanted_count; i++)
        db_do(c->db, "UPDATE image_file SET used = ?2 WHERE digest = ?1", "ti", c->wanted[i], c->now_s);
    db_do(c->db, "DELETE FROM image_use WHERE wid NOT IN (SELECT wid FROM workload WHERE is_made = 1)", "");
}

/* Released names, the one whose last use is latest first; those that are beyond a limit go. */
static uint32_t forget_names(const collect_t *c, const image_limits_t *limits)
{
    static const char ask[] =
        "SELECT i.name, i.digest, i.size, max(i.created, coalesce(f.used, 0)) AS last FROM image i"
        " JOIN image_released r ON r.name = i.name LEFT JOIN image_file f ON f.digest = i.digest"
        " WHERE NOT EXISTS (SELECT 1 FROM image k WHERE k.digest = i.digest AND k.name NOT IN"
        " (SELECT name FROM image_released)) ORDER BY last DESC, i.name";
    json_t *list = json_array(), *one;
    size_t i;
    uint64_t sum    = 0;
    uint32_t count  = 0;
    db_rows_t *rows = db_ask(c->db, ask, "");
    while (db_next(&rows))
        json_array_append_new(list, json_pack("{s:s,s:s,s:I,s:I}", "name", db_text(rows, 0), "digest",
                                              db_text(rows, 1), "size", (json_int_t)db_number(rows, 2),
                                              "last", (json_int_t)db_number(rows, 3)));
    json_array_foreach(list, i, one)
    {
        const char *name   = json_string_value(json_object_get(one, "name")),
                   *digest = json_string_value(json_object_get(one, "digest"));
        int64_t last       = json_integer_value(json_object_get(one, "last"));
        if (is_wanted(c, digest)) continue;
        sum += (uint64_t)json_integer_value(json_object_get(one, "size"));
        bool is_old = last <= c->now_s && c->now_s - last > limits->age_s;
        if (!is_old && sum <= limits->bytes) continue;
        forget_name(c, name,
                    is_old ? "nobody used it for long" : "the store holds too much that nobody uses");
        count++;
    }
    json_decref(list);
    return count;
}

/* What cannot be read is taken to be there. */
static bool has_row(db_t *db, const char *digest)
{
    db_rows_t *rows = db_ask(db, "SELECT 1 FROM image WHERE digest = ?1", "t", digest);
    bool has        = db_next(&rows);
    if (has) db_stop(rows);
    return has || !db_ended(db);
}

static void add_garbage(image_garbage_t *garbage, const char *path)
{
    char(*more)[PATH_CAP] = realloc(garbage->paths, (garbage->count + 1) * sizeof *more);
    if (!more) return;
    garbage->paths = more;
    snprintf(more[garbage->count++], PATH_CAP, "%s", path);
}

/* DIGEST.sqfs and what lies beside it, and folders of imports. */
static bool is_garbage(const collect_t *c, const char *name, const struct stat *st)
{
    char digest[IMAGE_DIGEST_LEN + 1];
    int64_t age_s = c->now_s - (int64_t)st->st_ctim.tv_sec;
    if (strncmp(name, "work-", 5) == 0) return age_s > BROKEN_S;
    if (strspn(name, "0123456789abcdef") != IMAGE_DIGEST_LEN ||
        strncmp(name + IMAGE_DIGEST_LEN, ".sqfs", 5) != 0)
        return false;
    snprintf(digest, sizeof digest, "%.*s", IMAGE_DIGEST_LEN, name);
    return age_s > FRESH_S && !has_row(c->db, digest) && !is_wanted(c, digest);
}

static void find_garbage(const collect_t *c, const char *state_dir, image_garbage_t *garbage)
{
    char folder[PATH_CAP], path[PATH_CAP];
    struct stat st;
    DIR *dir = path_join(folder, "%s/img", state_dir) ? opendir(folder) : NULL;
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (path_join(path, "%s/%s", folder, entry->d_name) && lstat(path, &st) == 0 &&
            is_garbage(c, entry->d_name, &st))
            add_garbage(garbage, path);
    if (dir) closedir(dir);
}

image_garbage_t image_collect(db_t *db, const char *state_dir, const image_limits_t *limits, int64_t now_s,
                              const char (*wanted)[IMAGE_DIGEST_LEN + 1], uint32_t wanted_count)
{
    collect_t c             = {db, wanted, wanted_count, now_s};
    image_garbage_t garbage = {0};
    db_begin(db);
    note_uses(&c);
    garbage.forgotten = forget_names(&c, limits);
    db_end(db);
    find_garbage(&c, state_dir, &garbage);
    return garbage;
}

void image_delete(const image_garbage_t *garbage)
{
    for (uint32_t i = 0; i < garbage->count; i++)
        if (unlink(garbage->paths[i]) != 0) folder_remove(garbage->paths[i]);
}

void image_garbage_fini(image_garbage_t *garbage)
{
    free(garbage->paths);
    *garbage = (image_garbage_t){0};
}
