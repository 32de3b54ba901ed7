/* image.h - the operator's images: squashfs files named by the SHA-256 of their bytes.
 *
 * Users name an image, never a file: by an exact entry of the table (any text, as a URL), by a text that a
 * rule leads to one (image_map), or as oci:NAME or sha256:DIGEST.  What an image says of itself (entry point,
 * environment) is kept in the table. */
#ifndef IMAGE_H
#define IMAGE_H
#include "db.h"
#include "files.h"

#define IMAGE_NAME_MAX   200
#define IMAGE_ERROR_MAX  511
#define IMAGE_DIGEST_LEN 64

typedef struct {
    char digest[IMAGE_DIGEST_LEN + 1];
    char path[PATH_CAP]; /* the squashfs file */
    char *config;        /* JSON: {"args":[],"env":[],"cwd","uid","gid","kernel"}; the caller's to free() */
} image_t;

/* image_find resolves a deployment's flist.  False when there is no such image. */
NODISCARD bool image_find(db_t *db, const char *state_dir, const char *flist, image_t *image);

/* image_import puts an OCI layout folder, or a squashfs file, into the store under a name; every digest in a
 * layout is checked.  A name that exists names the new image from then on. */
NODISCARD bool image_import(db_t *db, const char *state_dir, const char *name, const char *from,
                            char error[IMAGE_ERROR_MAX + 1]);

/* image_demo makes the example: a web server whose page names its contract, from busybox. */
NODISCARD bool image_demo(db_t *db, const char *state_dir, const char *name, char error[IMAGE_ERROR_MAX + 1]);

/* image_remove forgets a name; the file goes with its last name. */
bool image_remove(db_t *db, const char *state_dir, const char *name);

bool image_name_is_valid(const char *name);

/* ---- image_table.c: what clients call images, and what is kept ---- */

struct json_t;

/* image_map leads what a client calls an image to one of the store (NAME, oci:NAME or sha256:DIGEST).  A '*'
 * in the pattern stands for any text; an exact one goes before, then the one with most other characters.
 * image_unmap is false when there is no such pattern.  image_rules is [{"pattern","image","is_there"}]. */
NODISCARD bool image_map(db_t *db, const char *state_dir, const char *pattern, const char *image,
                         char error[IMAGE_ERROR_MAX + 1]);
bool image_unmap(db_t *db, const char *pattern);
struct json_t *image_rules(db_t *db, const char *state_dir);

/* image_ruled is where rules lead a text; false when none does. */
NODISCARD bool image_ruled(db_t *db, const char *flist, char image[IMAGE_NAME_MAX + 1]);

/* image_check says whether the file is what its digest says.  A file that did not change since it was read is
 * not read again; image_checked remembers one that was. */
NODISCARD bool image_check(db_t *db, const image_t *image, char error[IMAGE_ERROR_MAX + 1]);
void image_checked(db_t *db, const char *digest, const char *path);

/* image_verify reads every file: [{"name","digest","is_sound","why"}]. */
struct json_t *image_verify(db_t *db, const char *state_dir);

/* image_used remembers which image a workload was started from. */
void image_used(db_t *db, const char *wid, const char *digest);

/* image_is_used: by a workload that is on the machine, or nobody can tell. */
NODISCARD bool image_is_used(db_t *db, const char *digest);

/* image_release lets an image be collected when nobody uses it; what was imported stays otherwise. */
bool image_release(db_t *db, const char *name, bool is_released);

typedef struct {
    uint64_t bytes; /* of released images that nobody uses: more is collected, the longest unused first */
    int64_t age_s;  /* since the last use */
} image_limits_t;

/* image_collect forgets released images beyond the limits and lists files that nothing leads to, with those
 * of broken imports: the caller's to image_delete, which may take long and may be done twice.  wanted are
 * digests that are in use or soon will be. */
typedef struct {
    char (*paths)[PATH_CAP];
    uint32_t count, forgotten;
} image_garbage_t;
image_garbage_t image_collect(db_t *db, const char *state_dir, const image_limits_t *limits, int64_t now_s,
                              const char (*wanted)[IMAGE_DIGEST_LEN + 1], uint32_t wanted_count);
void image_delete(const image_garbage_t *garbage);
void image_garbage_fini(image_garbage_t *garbage);

#endif
