/* zdb.h - a database of a workload: a redis-server in a machine of its own.
 *
 * Nothing of it comes from outside but a name, a size and the hash of a password: what redis reads of
 * MACHINE_SETTINGS is written here. */
#ifndef ZDB_H
#define ZDB_H
#include "host.h"

#define ZDB_SPACE_MAX 95 /* of a namespace's name */

/* What the server is to be.  password is the SHA-256 of the password in small hexadecimal digits. */
typedef struct {
    uint64_t size; /* of the data in memory, as redis counts it: a write beyond it is refused */
    char space[ZDB_SPACE_MAX + 1];
    char password[65];
    bool is_public; /* whoever reaches it reads */
} zdb_settings_t;

/* zdb_text writes redis's configuration; the caller's to free(), NULL when memory is short. */
char *zdb_text(const zdb_settings_t *settings);

/* zdb_ensure makes the database's disk and machine so and runs it; only disk_drop takes data.  What
 * runs with other settings is stopped and started again.  plan->image is chosen here. */
host_result_t zdb_ensure(const host_t *host, machine_plan_t *plan, const char *disk, uint64_t disk_size);

/* zdb_is_current says whether what is there was started with just these settings. */
bool zdb_is_current(const host_t *host, const machine_plan_t *plan);

#endif
