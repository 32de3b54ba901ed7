/* unpack.h - layers of images into a folder: tar, perhaps compressed, from somebody we do not know.
 *
 * No entry can reach outside the folder: names with ".." are refused, and links that are in the folder
 * already are followed as if it were the root.  Runs in a process of its own. */
#ifndef UNPACK_H
#define UNPACK_H
#include "files.h"

#define UNPACK_ERROR_MAX 255
#define UNPACK_BYTES_MAX (UINT64_C(64) << 30) /* of one image, unpacked */
#define UNPACK_FILES_MAX (4u << 20)
#define UNPACK_DISK_FREE (UINT64_C(64) << 20) /* what an image leaves on the disk, bytes */

/* What an image may still take; a few bytes that are compressed can be very many. */
typedef struct {
    uint64_t bytes, files;
} unpack_room_t;

/* unpack_layer unpacks a file of tar or tar+gzip over what is in root, with OCI's whiteouts, and takes what
 * it took from the room. */
NODISCARD bool unpack_layer(const char *file, const char *root, unpack_room_t *room,
                            char error[UNPACK_ERROR_MAX + 1]);

#endif
