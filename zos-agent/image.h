/* image.h - the operator's images: squashfs files named by the SHA-256 of their bytes.
 *
 * Users name an image, never a file: by an exact entry of the table (any text, as a URL), or as oci:NAME or
 * sha256:DIGEST.  What an image says of itself (entry point, environment) is kept in the table. */
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

#endif
