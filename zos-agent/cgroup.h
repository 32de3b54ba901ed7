/* cgroup.h - what the kernel lets a workload use, in either of its two shapes.
 *
 * Version 2 is one tree; version 1 a tree for each controller, often (hybrid) with a version 2 tree beside
 * them that has no controllers.  A group has the same path, as "zos/abc", in every tree. */
#ifndef CGROUP_H
#define CGROUP_H
#include "files.h"

#define CGROUP_TREES_CAP 16

typedef enum { CGROUP_V1, CGROUP_HYBRID, CGROUP_V2 } cgroup_kind_t;

typedef struct {
    cgroup_kind_t kind;
    uint32_t tree_count;
    struct {
        char path[64];     /* where it is mounted */
        char options[128]; /* ",memory," of version 1; "" of version 2 */
    } tree[CGROUP_TREES_CAP];
} cgroup_t;

/* cgroup_probe finds what is mounted; false when there is no cgroup at all. */
NODISCARD bool cgroup_probe(cgroup_t *cgroup);

/* cgroup_make makes a group with limits; cgroup_enter moves this process into it.  What a container runtime
 * does for containers. */
typedef struct {
    uint64_t memory;     /* bytes, no swap */
    uint32_t cpu_millis; /* of a core */
    uint32_t pids;
} cgroup_limits_t;
NODISCARD bool cgroup_make(const cgroup_t *cgroup, const char *group, const cgroup_limits_t *limits);
NODISCARD bool cgroup_enter(const cgroup_t *cgroup, const char *group);

/* cgroup_has says whether groups have such a file, by those that are there. */
bool cgroup_has(const cgroup_t *cgroup, const char *name);

/* The functions below succeed when there is nothing to do. */
bool cgroup_exists(const cgroup_t *cgroup, const char *group);
bool cgroup_freeze(const cgroup_t *cgroup, const char *group, bool is_frozen);
bool cgroup_kill(const cgroup_t *cgroup, const char *group);
bool cgroup_remove(const cgroup_t *cgroup, const char *group);

/* cgroup_rest removes a group that has no groups in it, and leaves it otherwise. */
void cgroup_rest(const cgroup_t *cgroup, const char *group);

typedef struct {
    uint64_t cpu_ns, memory, oom_kills;
} cgroup_usage_t;
NODISCARD bool cgroup_usage(const cgroup_t *cgroup, const char *group, cgroup_usage_t *usage);

/* cgroup_children calls fn with the name of each group right below `group`, once each tree that has it. */
void cgroup_children(const cgroup_t *cgroup, const char *group, void (*fn)(void *context, const char *name),
                     void *context);

#endif
