/* tar.h - a tar archive from somebody we do not know, one entry after the other.
 *
 * ustar, with GNU's and pax's long names.  Names come out clean: relative, without "." and "..", which are
 * refused. */
#ifndef TAR_H
#define TAR_H
#include "base.h"

#define TAR_NAME_CAP  4096
#define TAR_ERROR_MAX 255

typedef enum { TAR_FILE, TAR_HARDLINK, TAR_SYMLINK, TAR_FOLDER, TAR_OTHER } tar_kind_t;

typedef struct {
    tar_kind_t kind;
    char name[TAR_NAME_CAP]; /* "" is the root itself */
    char link[TAR_NAME_CAP]; /* of a hard link clean, of a symbolic one as it came */
    uint64_t size;           /* of TAR_FILE: what tar_read gives */
    uint32_t mode, uid, gid;
    int64_t time_s;
} tar_entry_t;

typedef struct {
    /* read gives up to len bytes; 0 at the end, -1 when it cannot. */
    int64_t (*read)(void *context, void *out, uint32_t len);
    void *context;
    uint64_t left, padding; /* of the entry that is being read */
    bool has_name, has_link, has_size;
    char name[TAR_NAME_CAP], link[TAR_NAME_CAP];
    uint64_t size;
    char error[TAR_ERROR_MAX + 1]; /* "" while nothing is wrong */
} tar_t;

/* tar_next reads the next entry, over what was not read of the last one.  False at the end, and when
 * something is wrong: then error is set. */
NODISCARD bool tar_next(tar_t *tar, tar_entry_t *entry);

/* tar_read gives the next bytes of a file; 0 at its end.  False when the archive is cut short. */
NODISCARD bool tar_read(tar_t *tar, void *out, uint32_t cap, uint32_t *len);

#endif
