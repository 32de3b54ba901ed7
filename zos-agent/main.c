/* main.c - the program zos-agent: run the agent, or look after its images and state. */
#include "agent.h"
#include "hardware.h"
#include "image.h"
#include "log.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static const char help[] =
    "zos-agent - turns deployments into running workloads on this machine\n"
    "\n"
    "  zos-agent --config FILE                run the agent, until SIGTERM; workloads go on\n"
    "  zos-agent check                        is the configuration good, and would this program run with "
    "it?\n"
    "  zos-agent image import NAME PATH       an OCI layout folder or a squashfs file into the store\n"
    "  zos-agent image demo [NAME]            the example image, a web server (default name web-demo)\n"
    "  zos-agent image list | remove NAME | verify\n"
    "  zos-agent image map PATTERN NAME       what clients call an image (with '*' for any text) is this "
    "one\n"
    "  zos-agent image unmap PATTERN | rules\n"
    "  zos-agent image release NAME | keep NAME   may be collected when nobody uses it, or not\n"
    "  zos-agent status                       what is on this machine; --json for programs\n"
    "  zos-agent purge                        stop and remove everything of ours; no agent may run\n"
    "\n"
    "options\n";

#define GIB 1073741824.0

static int complain(const char *what)
{
    fprintf(stderr, "zos-agent: %s\n", what);
    return 1;
}

static db_t *open_state(const config_t *config, bool is_readonly)
{
    char error[256] = "the state directory's path is too long";
    if (!is_readonly && !folder_make(config->state_dir, 0711)) return NULL;
    db_t *db = db_open(config->state_dir, is_readonly, error);
    if (!db) complain(error);
    return db;
}

/* What the operator left open is what the machine has. */
static void complete(config_t *config)
{
    hardware_t hardware;
    capacity_t *c = &config->capacity;
    hardware_look(&hardware, "/sys", "/proc");
    if (c->sru == 0 && c->hru == 0 && !config->pool_dir) c->sru = config->pool_size;
    hardware_offer(&hardware, "/sys", config->state_dir, config->pool_dir, c);
}

/* ---- image ---- */

static int list_images(const config_t *config, db_t *db)
{
    json_t *list    = json_array();
    db_rows_t *rows = db_ask(db, "SELECT name, digest, size FROM image ORDER BY name", "");
    while (db_next(&rows)) {
        if (!config->is_json)
            printf("%-32s sha256:%s %lld\n", db_text(rows, 0), db_text(rows, 1),
                   (long long)db_number(rows, 2));
        json_array_append_new(list, json_pack("{s:s,s:s,s:I}", "name", db_text(rows, 0), "digest",
                                              db_text(rows, 1), "size", (json_int_t)db_number(rows, 2)));
    }
    char *text = config->is_json ? json_dumps(list, JSON_COMPACT) : NULL;
    if (text) puts(text);
    free(text);
    json_decref(list);
    return 0;
}

static int list_rules(const config_t *config, db_t *db)
{
    size_t i;
    json_t *list = image_rules(db, config->state_dir), *one;
    json_array_foreach(list, i, one) if (!config->is_json)
        printf("%-48s -> %s%s\n", json_string_value(json_object_get(one, "pattern")),
               json_string_value(json_object_get(one, "image")),
               json_is_true(json_object_get(one, "is_there")) ? "" : "  (not in the store)");
    char *text = config->is_json ? json_dumps(list, JSON_COMPACT) : NULL;
    if (text) puts(text);
    free(text);
    json_decref(list);
    return 0;
}

/* Reads every file; fails when one is not what its digest says. */
static int verify_images(const config_t *config, db_t *db)
{
    size_t i, bad = 0;
    json_t *list = image_verify(db, config->state_dir), *one;
    json_array_foreach(list, i, one)
    {
        bool is_sound = json_is_true(json_object_get(one, "is_sound"));
        bad += !is_sound;
        if (!config->is_json)
            printf("%-32s %s\n", json_string_value(json_object_get(one, "name")),
                   is_sound ? "sound" : json_string_value(json_object_get(one, "why")));
    }
    char *text = config->is_json ? json_dumps(list, JSON_COMPACT) : NULL;
    if (text) puts(text);
    free(text);
    json_decref(list);
    return bad > 0;
}

static int image_table_command(const config_t *config, db_t *db, int argc, char **argv)
{
    char error[IMAGE_ERROR_MAX + 1];
    const char *verb = argc > 0 ? argv[0] : "";
    if (strcmp(verb, "map") == 0 && argc == 3)
        return image_map(db, config->state_dir, argv[1], argv[2], error) ? 0 : complain(error);
    if (strcmp(verb, "unmap") == 0 && argc == 2)
        return image_unmap(db, argv[1]) ? 0 : complain("there is no such pattern");
    if ((strcmp(verb, "release") == 0 || strcmp(verb, "keep") == 0) && argc == 2)
        return image_release(db, argv[1], verb[0] == 'r') ? 0 : complain("there is no image of this name");
    if (strcmp(verb, "rules") == 0 && argc == 1) return list_rules(config, db);
    if (strcmp(verb, "verify") == 0 && argc == 1) return verify_images(config, db);
    return complain(
        "image import NAME PATH, demo [NAME], list, remove NAME, verify, map PATTERN NAME, unmap PATTERN, "
        "rules, release NAME or keep NAME");
}

static int image_command(const config_t *config, int argc, char **argv)
{
    char error[IMAGE_ERROR_MAX + 1];
    const char *verb = argc > 0 ? argv[0] : "";
    db_t *db         = open_state(config, false);
    if (!db) return 1;
    int code = 1;
    if (strcmp(verb, "import") == 0 && argc == 3)
        code = image_import(db, config->state_dir, argv[1], argv[2], error) ? 0 : complain(error);
    else if (strcmp(verb, "demo") == 0 && argc <= 2)
        code =
            image_demo(db, config->state_dir, argc == 2 ? argv[1] : "web-demo", error) ? 0 : complain(error);
    else if (strcmp(verb, "remove") == 0 && argc == 2)
        code = image_remove(db, config->state_dir, argv[1]) ? 0 : complain("there is no image of this name");
    else if (strcmp(verb, "list") == 0 && argc == 1)
        code = list_images(config, db);
    else
        code = image_table_command(config, db, argc, argv);
    db_close(db);
    return code;
}

/* ---- status and purge ---- */

static int print_status(const config_t *config, const json_t *status)
{
    size_t i;
    json_t *w;
    if (config->is_json) {
        char *text = json_dumps(status, JSON_COMPACT);
        if (text) puts(text);
        free(text);
        return 0;
    }
    json_array_foreach(json_object_get(status, "workloads"), i, w)
    {
        printf(
            "%-8lld %-20s %-16s %-8s %s\n", (long long)json_integer_value(json_object_get(w, "contract_id")),
            json_string_value(json_object_get(w, "name")), json_string_value(json_object_get(w, "type")),
            json_string_value(json_object_get(w, "state")), json_string_value(json_object_get(w, "message")));
    }
    if (i == 0) puts("no workloads");
    return 0;
}

static int status_command(config_t *config)
{
    complete(config);
    db_t *db = open_state(config, true);
    if (!db) return 1;
    engine_config_t settings = {
        .db = db, .state_dir = config->state_dir, .pool_dir = "", .total = config->capacity};
    engine_t *engine = engine_new(&settings);
    json_t *status   = engine ? engine_status(engine) : NULL;
    json_object_set_new(status, "twin_id", json_integer(db_get(db, "twin_id", 0)));
    json_object_set_new(status, "node_id", json_integer(db_get(db, "node_id", 0)));
    int code = status ? print_status(config, status) : complain("no memory");
    json_decref(status);
    engine_free(engine);
    db_close(db);
    return code;
}

typedef struct {
    const host_t *host;
    unsigned failed;
} purge_t;

static void purge_object(void *context, char kind, const char *name)
{
    purge_t *purge       = context;
    host_result_t result = host_drop(purge->host, kind, name);
    if (result.status == HOST_OK) return;
    fprintf(stderr, "zos-agent: %s: %s\n", name, result.error);
    purge->failed++;
}

typedef struct {
    job_object_t *objects;
    uint32_t count;
} found_t;

static void remember(void *context, char kind, const char *name)
{
    found_t *found     = context;
    job_object_t *more = realloc(found->objects, (found->count + 1) * sizeof *more);
    if (!more) return;
    found->objects          = more;
    more[found->count].kind = kind;
    snprintf(more[found->count++].name, sizeof more->name, "%s", name);
}

/* Machines, then networks, then disks: what stands on something goes before it. */
static unsigned purge_all(const host_t *host)
{
    found_t found = {0};
    purge_t purge = {host, 0};
    host_list(host, remember, &found);
    for (const char *kind = "wndt"; *kind; kind++)
        for (uint32_t i = 0; i < found.count; i++)
            if (found.objects[i].kind == *kind) purge_object(&purge, *kind, found.objects[i].name);
    free(found.objects);
    if (gateway_stop(host).status != HOST_OK) purge.failed++;
    if (firewall_apply(host, &(firewall_plan_t){NULL, 0}).status != HOST_OK) purge.failed++;
    host_rest(host);
    return purge.failed;
}

static int purge_command(const config_t *config)
{
    host_t host;
    char error[HOST_ERROR_MAX + 1], path[PATH_CAP];
    host_config_t settings = config_host(config);
    if (!host_init(&host, &settings, error)) return complain(error);
    int lock = path_join(path, "%s/lock", host.run_dir) ? lock_take(path) : -1;
    if (lock < 0) return complain("an agent runs: stop it first");
    unsigned failed = purge_all(&host);
    db_t *db        = failed == 0 ? open_state(config, false) : NULL;
    if (db) {
        db_begin(db);
        db_do(db, "UPDATE workload SET is_made = 0, state = 'deleted', message = 'purged by the operator'",
              "");
        db_do(db, "UPDATE deployment SET desired = 'deleted', reason = 'purged by the operator'", "");
        db_do(db, "DELETE FROM trash", "");
        db_do(db, "DELETE FROM note WHERE key = ?1", "t", CHAIN_NOTE_GENESIS);
        db_end(db);
        db_close(db);
    }
    close(lock);
    return failed != 0;
}

/* ---- the program ---- */

static bool check_all(config_t *config, char error[CONFIG_ERROR_MAX + 1])
{
    log_level_t level;
    complete(config);
    if (!config_check(config, error)) return false;
    if (!config->log_level) return true;
    snprintf(error, CONFIG_ERROR_MAX + 1, "log_level: error, warn, info or debug");
    if (log_level_named(config->log_level, &level)) log_level(level);
    return log_level_named(config->log_level, &level);
}

/* Looks at all that run would, and touches nothing that an agent that runs has. */
static int check_command(config_t *config)
{
    char error[CONFIG_ERROR_MAX + 1], path[PATH_CAP];
    keypair_t key;
    if (!check_all(config, error)) return complain(error);
    if (!crypto_init() || !config_key(config, &key, error)) return complain(error);
    key_wipe(&key);
    if (path_join(path, "%s/state.db", config->state_dir) && file_exists(path)) {
        db_t *db      = db_open(config->state_dir, true, error);
        int64_t found = db ? db_get(db, "schema", 0) : -1;
        db_close(db);
        if (found < 0) return complain(error);
        if (found > DB_SCHEMA) return complain("the state was written by a newer agent");
        printf("state       of version %lld, this program's is %d\n", (long long)found, DB_SCHEMA);
    }
    const capacity_t *c = &config->capacity;
    printf("offered     %llu cores, %.1f GiB memory, %.1f GiB SSD, %.1f GiB HDD\n",
           (unsigned long long)c->cru, (double)c->mru / GIB, (double)c->sru / GIB, (double)c->hru / GIB);
    puts("good; for the machine itself see zosctl doctor");
    return 0;
}

static int run_command(config_t *config)
{
    char error[CONFIG_ERROR_MAX + 1];
    if (!check_all(config, error)) return complain(error);
    log_json(config->is_log_json);
    if (prctl(PR_SET_DUMPABLE, 0) != 0)
        log_warn(LOG_MAIN, "a dump of this process would hold the node's key");
    int code = agent_run(config);
    return code == 0 && config->is_stopping_workloads ? purge_command(config) : code;
}

static int choose(config_t *config, int argc, char **argv)
{
    const char *verb = argc > 0 ? argv[0] : "run";
    if (strcmp(verb, "run") == 0) return run_command(config);
    if (strcmp(verb, "check") == 0) return check_command(config);
    if (strcmp(verb, "image") == 0) return image_command(config, argc - 1, argv + 1);
    if (strcmp(verb, "status") == 0) return status_command(config);
    if (strcmp(verb, "purge") == 0) return purge_command(config);
    return complain("not a command; try --help");
}

/* Options may stand anywhere: they are moved before the words. */
static int gather(int argc, char **argv, char **sorted)
{
    int count = 1;
    sorted[0] = argv[0];
    for (int pass = 0; pass < 2; pass++)
        for (int i = 1; i < argc; i++) {
            bool is_option = strncmp(argv[i], "--", 2) == 0,
                 has_value = is_option && strcmp(argv[i], "--json") != 0;
            if (is_option == (pass == 0)) sorted[count++] = argv[i];
            if (has_value && ++i < argc && pass == 0) sorted[count++] = argv[i];
        }
    sorted[count] = NULL;
    return count;
}

int main(int argc, char **argv)
{
    config_t config;
    char error[CONFIG_ERROR_MAX + 1];
    int rest = 1;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) return fputs(help, stdout) < 0 || fputs(config_help, stdout) < 0;
        if (strcmp(argv[i], "--version") == 0) return puts("zos-agent " AGENT_VERSION) < 0;
    }
    char **sorted = calloc((size_t)argc + 2, sizeof *sorted);
    if (!sorted) return 1;
    int count = gather(argc, argv, sorted);
    int code  = config_read(&config, count, sorted, &rest, error)
                    ? choose(&config, count - rest, sorted + rest)
                    : complain(error) + 1;
    config_fini(&config);
    free(sorted);
    return code;
}
