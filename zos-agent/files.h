/* files.h - small files and folders: read whole, written whole or not at all. */
#ifndef FILES_H
#define FILES_H
#include "base.h"

#define PATH_CAP 512 /* of every path that the agent makes; longer ones are refused */

/* path_join writes a path from printf's arguments; false when it is too long. */
NODISCARD bool path_join(char path[PATH_CAP], const char *format, ...) __attribute__((format(printf, 2, 3)));

/* file_read reads at most cap - 1 bytes and ends them with a zero; false when it cannot, or there is more. */
NODISCARD bool file_read(const char *path, char *text, size_t cap);

/* file_write writes in place (control files of the kernel); file_replace by a new file that is synced and
 * renamed, with the mode given.  errno says why not. */
NODISCARD bool file_write(const char *path, const char *text);
NODISCARD bool file_replace(const char *path, const char *text, size_t len, unsigned mode);

/* file_put does the same for files of this boot, as all of the run directory are: a killed process leaves the
 * old or the new one; what a power cut leaves nobody reads. */
NODISCARD bool file_put(const char *path, const char *text, size_t len, unsigned mode);

/* folder_make makes a folder and those above it; folder_remove all that is in it and itself, never following
 * a link nor entering another file system.  Both succeed when there is nothing to do. */
NODISCARD bool folder_make(const char *path, unsigned mode);
bool folder_remove(const char *path);

bool file_exists(const char *path);

/* file_trim cuts a file that is longer than max to its last `kept` bytes, in place. */
void file_trim(const char *path, uint32_t max, uint32_t kept);

/* crash_point is called at each boundary of a step that changes something: the one that the environment's
 * ZOS_CRASH_AT counts to ends this process by SIGKILL.  For tests; without the variable it does nothing. */
void crash_point(void);

/* crash_points_by counts by another variable: a shim's is SHIM_CRASH_AT, which it gets from its agent. */
#define SHIM_CRASH_AT "ZOS_SHIM_CRASH_AT"
void crash_points_by(const char *variable);

/* boot_id writes the kernel's id of this boot. */
void boot_id(char id[37]);

/* lock_take opens path and locks it; -1 when somebody else holds it.  The lock lives as long as the
 * descriptor and what inherits it.  lock_is_held says whether somebody holds it, NULL path included. */
int lock_take(const char *path);
bool lock_is_held(const char *path);

#endif
