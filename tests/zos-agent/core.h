/* core.h - the agent's core on the real machine: engine, workers and database, without chain and bus. */
#ifndef CORE_H
#define CORE_H
#include "deployments.h"
#include "engine.h"
#include "image.h"
#include "lanes.h"
#include "real.h"
#include "shim.h"

#include <jansson.h>

static host_t host;
static char before[65536];
static db_t *db;
static engine_t *engine;
static uint64_t core_trash_s; /* how long deleted disks are kept; 0: not at all */

static void (*core_on_change)(void *context, uint64_t contract_id); /* of engine_config_t */

static inline uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static const char *const core_addresses[] = {"127.0.0.1", NULL};

static inline uint16_t core_zdb_port(void) { return (uint16_t)(42200 + real_port % 90); }
static bool core_is_vm_default; /* machines are virtual ones */

static inline void core_open(void)
{
    char error[256];
    db                     = db_open(host.state_dir, false, error);
    engine_config_t config = {
        .db              = db,
        .state_dir       = host.state_dir,
        .pool_dir        = host.pool_dir,
        .has_user_spaces = host.has_user_spaces,
        .trash_s         = core_trash_s,
        .on_change       = core_on_change,
        .has_wireguard   = host.wireguard != HOST_WIREGUARD_NONE,
        .has_vm          = host.vm.kind != VM_NONE,
        .is_vm_default   = core_is_vm_default,
        .has_public      = host.public_link[0] || host.is_public_routed,
        .has_public6     = host.has_public6,
        .gateway_domain  = host.gateway.is_on ? host.gateway.domain : NULL,
        .zdb_port        = host.zdb_program[0] ? core_zdb_port() : 0,
        .zdb_addresses   = core_addresses,
        .has_logs        = host.logs_program[0] != 0,
        .total = {.cru = 4, .mru = UINT64_C(8) << 30, .sru = UINT64_C(100) << 30, .hru = UINT64_C(20) << 30}
    };
    memcpy(config.public_net6, host.public_net6, sizeof config.public_net6);
    engine = db ? engine_new(&config) : NULL;
    if (!engine) exit(1);
}

static inline void core_close(void)
{
    lanes_finish(engine, now_ms);
    engine_free(engine);
    db_close(db);
    engine = NULL;
    db     = NULL;
}

static inline machine_state_t look(void *context, const char *wid, int *code)
{
    (void)context;
    return machine_state(&host, wid, code);
}

/* Works until nothing is to be done now; at most so long. */
static inline void core_work(uint64_t most_ms)
{
    uint64_t wake_ms, end_ms = now_ms() + most_ms;
    while (now_ms() < end_ms) {
        engine_look(engine, now_ms(), look, NULL);
        if (engine_has_gateway(engine) && !gateway_is_up(&host)) engine_gateway_lost(engine);
        if (lanes_work(engine, &host, now_ms, 20, &wake_ms)) continue;
        if (wake_ms > end_ms) return;
        poll(NULL, 0, 20);
    }
}

static inline const char *ports(uint16_t port)
{
    static char text[96];
    snprintf(text, sizeof text, "{\"ports\":[{\"proto\":\"tcp\",\"host\":%u,\"guest\":80}]}", port);
    return text;
}

static inline json_t *web(const char *flist, const char *metadata, json_int_t disk)
{
    return json_pack("[{s:i,s:s,s:s,s:{s:I}},{s:i,s:s,s:s,s:{s:s}},{s:i,s:s,s:s,s:s,s:{s:s,s:{s:[{s:s,s:s}]},"
                     "s:{s:i,s:I},s:[{s:s,s:s}]}}]",
                     "version", 0, "name", "data", "type", "zmount", "data", "size", disk, "version", 0,
                     "name", "net", "type", "network-light", "data", "subnet", "10.20.3.0/24", "version", 0,
                     "name", "web", "type", "zmachine-light", "metadata", metadata, "data", "flist", flist,
                     "network", "interfaces", "network", "net", "ip", "10.20.3.2", "compute_capacity", "cpu",
                     1, "memory", (json_int_t)268435456, "mounts", "name", "data", "mountpoint", "/data");
}

static inline deployment_t *deployment(uint64_t contract, json_t *workloads)
{
    return deployment_of(7, 0, contract, workloads);
}

/* core_deploy says why not, when it is refused. */
static inline bool core_deploy(uint32_t twin, uint64_t contract, json_t *workloads)
{
    char error[ENGINE_ERROR_MAX + 1];
    bool is_taken =
        engine_deploy(engine, deployment_of(twin, 0, contract, workloads), (int64_t)(now_ms() / 1000), error);
    if (!is_taken) printf("%s\n", error);
    return is_taken;
}

/* web_apart is a web server in a network of its contract's own; port 0: without a published one. */
static inline json_t *web_apart(uint64_t contract, uint16_t port)
{
    char net[16];
    json_t *workloads  = web("oci:web-demo", port ? ports(port) : "", 16 << 20);
    json_t *network    = json_object_get(json_object_get(json_array_get(workloads, 2), "data"), "network");
    json_t *interfaces = json_object_get(network, "interfaces");
    snprintf(net, sizeof net, "net%llu", (unsigned long long)contract);
    json_object_set_new(json_array_get(workloads, 1), "name", json_string(net));
    json_object_set_new(json_array_get(interfaces, 0), "network", json_string(net));
    return workloads;
}

static inline const char *result_of(uint64_t contract, const char *name, const char *key)
{
    static char text[512];
    json_t *json = engine_get(engine, 7, contract), *w;
    size_t i;
    text[0] = 0;
    json_array_foreach(json_object_get(json, "workloads"), i, w)
    {
        const char *value = json_string_value(json_object_get(json_object_get(w, "result"), key));
        if (value && strcmp(json_string_value(json_object_get(w, "name")), name) == 0)
            snprintf(text, sizeof text, "%s", value);
    }
    json_decref(json);
    return text;
}
#define IS(contract, name, state_)                                                                           \
    do {                                                                                                     \
        if (strcmp(result_of(contract, name, "state"), state_) != 0)                                         \
            printf("%s: %s\n", name, result_of(contract, name, "message"));                                  \
        OK(strcmp(result_of(contract, name, "state"), state_) == 0);                                         \
    } while (0)

/* core_process is the first process of what runs as this workload, or 0. */
static inline int core_process(uint32_t twin, uint64_t contract, const char *name)
{
    char wid[WID_LEN + 1], folder[PATH_CAP];
    shim_run_t run = {0};
    plan_wid(twin, contract, name, wid);
    return machine_folder(&host, wid, folder) && shim_run_read(folder, &run) && shim_run_is_alive(&run)
               ? run.pid
               : 0;
}

/* core_disk is where the disk of a workload is; false where its pool is not. */
static inline bool core_disk(uint64_t contract, const char *name, char path[PATH_CAP])
{
    char wid[WID_LEN + 1], disk[40];
    plan_wid(7, contract, name, wid);
    snprintf(disk, sizeof disk, "vol-%s", wid);
    return disk_path(&host, disk, path);
}

/* core_counted is what all machines of a contract moved since the last report, in bytes. */
static inline uint64_t core_counted(uint64_t contract, uint64_t most_ms)
{
    uint32_t count;
    uint64_t bytes = 0;
    engine_meter(engine);
    core_work(most_ms);
    engine_nru_t *list = engine_nru(engine, &count);
    for (uint32_t i = 0; i < count; i++)
        if (list[i].contract_id == contract) bytes = list[i].bytes;
    free(list);
    return bytes;
}

/* The kernel takes away what a killed process had mounted for itself a little later; a sweep sees to it.  A
 * loop device goes with the last mount namespace that saw its mount: somebody else's, who starts a machine
 * beside us, may have it for a moment. */
static inline bool left_nothing(void)
{
    const char *after = real_traces();
    for (int i = 0; i < 30 && strcmp(before, after) != 0; i++) {
        poll(NULL, 0, 100);
        after = real_traces();
    }
    for (int i = 0; i < 40 && strcmp(before, after) != 0; i++) {
        poll(NULL, 0, 50);
        host_rest(&host);
        after = real_traces();
    }
    if (strcmp(before, after) != 0) printf("before:\n%s\nafter:\n%s\n", before, after);
    return strcmp(before, after) == 0;
}

/* core_start makes the host and the image web-demo, and remembers what is on the machine; all is in real_dir,
 * the caller's to remove. */
static inline bool core_start(const host_config_t *extra)
{
    char error[IMAGE_ERROR_MAX + 1];
    if (!real_start(&host, extra)) return false;
    db         = db_open(host.state_dir, false, error);
    bool is_ok = db && image_demo(db, host.state_dir, "web-demo", error);
    if (!is_ok) printf("%s\n", error);
    db_close(db);
    snprintf(before, sizeof before, "%s", real_traces());
    return is_ok;
}

/* core_main is main of tests that need a core and nothing beside it; obstacle: why they cannot run, or NULL.
 */
static inline int core_main(int argc, char **argv, const char *obstacle)
{
    if (obstacle) return test_skip("containers cannot be run here", obstacle);
    if (!core_start(NULL)) return 1;
    int status = test_main_(argc, argv);
    folder_remove(real_dir);
    return status;
}

#endif
