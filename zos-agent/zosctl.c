/* zosctl.c - the program zosctl: asks the agent of this machine over its socket, and prints the answer. */
#include "control.h"
#include "doctor.h"
#include "hardware.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define FOLLOW_MS   300
#define CONFIG_FILE "/etc/zos/agent.json"
#define TAIL        16384 /* of a log, at first */

static const char help[] =
    "zosctl - asks the node agent of this machine, and tells it what to take\n"
    "\n"
    "  zosctl status              node, chain, bus, what the agent does\n"
    "  zosctl workloads           what runs here, with memory and time on cores\n"
    "  zosctl logs ID             the newest output of a machine: CONTRACT/NAME or its short name\n"
    "  zosctl events [CONTRACT]   what happened to workloads, and what the chain was read to want\n"
    "  zosctl capacity            what is offered, used, kept for the system, free; overcommit\n"
    "  zosctl trash               deleted disks that are kept, and until when\n"
    "  zosctl trash restore ID CONTRACT/NAME\n"
    "                             puts one in the place of an empty disk of the same twin, at least as "
    "large,\n"
    "                             that no machine has yet\n"
    "  zosctl trash empty [ID]    deletes one, or all\n"
    "  zosctl images              images of the store, and what clients' names lead to which\n"
    "  zosctl image map PATTERN NAME | unmap PATTERN\n"
    "                             leads what a client calls an image, with '*' for any text, to one of the "
    "store\n"
    "  zosctl image release NAME | keep NAME | collect\n"
    "                             lets an image be collected when nobody uses it, or not; collects now\n"
    "  zosctl doctor              what this machine lacks, and what follows; works without an agent, as "
    "root,\n"
    "                             then of /etc/zos/agent.json, or --config FILE\n"
    "  zosctl cordon              take no new deployments; updates go on\n"
    "  zosctl drain               take neither deployments nor updates; what runs goes on until the chain "
    "ends it\n"
    "  zosctl uncordon            take everything again\n"
    "  zosctl completion          a script for bash: eval \"$(zosctl completion)\"\n"
    "  zosctl help\n"
    "\n"
    "The agent keeps what cordon and drain say over restarts. Root may ask, and members of the group zos.\n"
    "\n"
    "options\n"
    "  --socket PATH   of the agent; /run/zos/ctl.sock unless its configuration has another run_dir\n"
    "  --json          the agent's answer as it came, for programs\n"
    "  --follow        logs: go on until interrupted\n"
    "  --config FILE   doctor: the configuration of an agent that does not run\n"
    "  --most N        events: so many, 50 unless told otherwise\n"
    "  --help, --version\n";

/* What it asks the agent for, it asks as who types. */
static const char completion[] =
    "_zosctl() {\n"
    "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words\n"
    "    case $before in\n"
    "    --socket|--config) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n"
    "    --most) words='10 50 200 1000' ;;\n"
    "    logs) words=$(zosctl workloads 2>/dev/null | awk 'NR > 1 { print $1 \"/\" $2 }') ;;\n"
    "    events) words=$(zosctl workloads 2>/dev/null | awk 'NR > 1 { print $1 }' | sort -u) ;;\n"
    "    image) words='map unmap release keep collect' ;;\n"
    "    release|keep) words=$(zosctl images 2>/dev/null | awk '$2 ~ /^sha256:/ { print $1 }') ;;\n"
    "    trash) words='restore empty' ;;\n"
    "    restore|empty) words=$(zosctl trash 2>/dev/null | awk 'NR > 1 { print $1 }') ;;\n"
    "    *) words='status workloads logs events capacity trash images image doctor cordon drain uncordon\n"
    "       completion help --json --socket --follow --config --most --help --version' ;;\n"
    "    esac\n"
    "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
    "}\n"
    "complete -F _zosctl zosctl\n";

typedef struct {
    const char *socket, *config, *words[4];
    int count;
    bool is_json, is_following;
    long most;
} options_t;

static int complain(const char *what)
{
    fprintf(stderr, "zosctl: %s\n", what);
    return 1;
}

/* ---- asking ---- */

static int dial(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) return -1;
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0) return fd;
    if (fd >= 0) close(fd);
    return -1;
}

/* The answer, or NULL after it was said why there is none. */
static json_t *ask(const options_t *options, json_t *question)
{
    int fd     = dial(options->socket);
    char *text = json_dumps(question, JSON_COMPACT);
    json_decref(question);
    if (fd < 0) {
        fprintf(stderr, "zosctl: %s: %s: does the agent run, and are you root or in the group zos?\n",
                options->socket, strerror(errno));
        free(text);
        return NULL;
    }
    FILE *stream   = fdopen(fd, "r+");
    bool is_sent   = stream && text && fprintf(stream, "%s\n", text) > 0 && fflush(stream) == 0;
    json_t *answer = is_sent ? json_loadf(stream, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
    if (stream) fclose(stream);
    free(text);
    const char *error = json_string_value(json_object_get(answer, "error"));
    if (answer && !error) return answer;
    complain(error ? error : "no answer: only root and members of the group zos may ask");
    json_decref(answer);
    return NULL;
}

/* ---- printing ---- */

static const char *text_of(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text ? text : "";
}

static long long number_of(const json_t *json, const char *key)
{
    return (long long)json_integer_value(json_object_get(json, key));
}

/* Texts of users may hold anything; a terminal gets no control characters. */
static void print_plain(const char *text)
{
    for (; *text; text++)
        putchar((unsigned char)*text < 32 || *text == 127 ? ' ' : *text);
}

static const char *color(const char *state)
{
    if (!isatty(STDOUT_FILENO) || getenv("NO_COLOR")) return "";
    if (strcmp(state, "ok") == 0) return "\033[32m";
    if (strcmp(state, "error") == 0 || strcmp(state, "missing") == 0) return "\033[31m";
    return "\033[33m";
}

static const char *plain(void) { return isatty(STDOUT_FILENO) && !getenv("NO_COLOR") ? "\033[0m" : ""; }

static void print_node(const json_t *n)
{
    if (!json_is_object(n)) return;
    printf("farm        ");
    print_plain(text_of(n, "farm"));
    printf(" of twin %lld, %s%s; node %s\n", number_of(n, "farmer_twin"), text_of(n, "farm_certification"),
           json_is_true(json_object_get(n, "dedicated_farm")) ? ", dedicated" : "",
           text_of(n, "certification"));
    printf("power       %s, target %s\n", text_of(n, "power"), text_of(n, "power_target"));
    if (number_of(n, "rent_contract"))
        printf("rented      as a whole, contract %lld\n", number_of(n, "rent_contract"));
    if (number_of(n, "extra_fee"))
        printf("extra fee   %.3f USD a month when rented as a whole\n",
               (double)number_of(n, "extra_fee") / 1000);
}

static void print_witness(const json_t *w)
{
    if (number_of(w, "needed") == 0) return;
    printf("witnesses   %lld of %lld other nodes of the chain", number_of(w, "needed"),
           number_of(w, "others"));
    if (number_of(w, "waiting")) printf("; %lld contracts wait: ", number_of(w, "waiting"));
    print_plain(text_of(w, "why"));
    putchar('\n');
}

static void print_status(const json_t *a)
{
    printf("node %lld, twin %lld, zos-agent %s (process %lld), up %lld s\n", number_of(a, "node_id"),
           number_of(a, "twin_id"), text_of(a, "version"), number_of(a, "pid"), number_of(a, "up_s"));
    printf("takes       %s\n", text_of(a, "takes"));
    printf("chain       %s, best block %lld, finalized %lld, %lld reports wait\n",
           json_is_true(json_object_get(a, "chain_connected")) ? "connected" : "not connected",
           number_of(a, "best_block"), number_of(a, "finalized_block"), number_of(a, "reports_waiting"));
    print_witness(json_object_get(a, "witness"));
    printf("bus         %s\n",
           json_is_true(json_object_get(a, "bus_connected")) ? "connected" : "not connected");
    print_node(json_object_get(a, "on_chain"));
    printf("workloads   %lld in %lld deployments\n", number_of(a, "workloads"), number_of(a, "deployments"));
    printf("jobs        %lld done, %lld of them failed\n", number_of(a, "jobs_done"),
           number_of(a, "jobs_failed"));
    printf("state in    %s\n", text_of(a, "state_dir"));
}

static void print_workloads(const json_t *a)
{
    size_t i;
    json_t *w;
    const json_t *list = json_object_get(a, "workloads");
    if (json_array_size(list) == 0)
        puts("no workloads");
    else
        printf("%-9s %-20s %-20s %-13s %-8s %9s %9s\n", "contract", "name", "type", "id", "state", "MiB",
               "cpu s");
    json_array_foreach(list, i, w)
    {
        const char *state = text_of(w, "state");
        printf("%-9lld %-20s %-20s %-13s %s%-8s%s", number_of(w, "contract_id"), text_of(w, "name"),
               text_of(w, "type"), text_of(w, "wid"), color(state), state, plain());
        if (json_object_get(w, "memory"))
            printf(" %9.1f %9.1f", (double)number_of(w, "memory") / 1048576,
                   (double)number_of(w, "cpu_ms") / 1000);
        if (text_of(w, "message")[0]) printf("  ");
        print_plain(text_of(w, "message"));
        putchar('\n');
    }
}

static void print_events(const json_t *a)
{
    size_t i;
    json_t *e;
    json_array_foreach(json_object_get(a, "events"), i, e)
    {
        char when[32];
        time_t at = (time_t)number_of(e, "at");
        struct tm parts;
        if (!gmtime_r(&at, &parts) || strftime(when, sizeof when, "%F %T", &parts) == 0) when[0] = 0;
        printf("%s  %-9lld %-20s %-12s ", when, number_of(e, "contract_id"), text_of(e, "name"),
               text_of(e, "what"));
        print_plain(text_of(e, "why"));
        putchar('\n');
    }
}

static void print_capacity(const json_t *a)
{
    static const char *const rows[]  = {"offered", "used", "system", "free"};
    static const char *const units[] = {"mru", "sru", "hru"};
    printf("%-9s %8s %12s %12s %12s\n", "", "cores", "memory GiB", "ssd GiB", "hdd GiB");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const json_t *row = json_object_get(a, rows[i]);
        printf("%-9s %8lld", rows[i], number_of(row, "cru"));
        for (size_t u = 0; u < 3; u++)
            printf(" %12.1f", (double)number_of(row, units[u]) / 1073741824.0);
        putchar('\n');
    }
    const json_t *over = json_object_get(a, "overcommit");
    printf("%-9s %8s %12s %12.1f\n", "trash", "", "", (double)number_of(a, "trash") / 1073741824.0);
    printf("used includes what is kept for the system; the trash gives way. Overcommit: cores %s; memory %s, "
           "disks %s\n",
           text_of(over, "cru"), text_of(over, "mru"), text_of(over, "sru"));
    size_t i;
    json_t *gpu, *disk;
    const json_t *machine = json_object_get(a, "machine");
    printf("machine   %lld cores, %.1f GiB memory\n", number_of(machine, "cru"),
           (double)number_of(machine, "mru") / 1073741824.0);
    json_array_foreach(json_object_get(a, "disks"), i, disk)
    {
        printf("disk      %-10s %s %10.1f GiB  ", text_of(disk, "name"), text_of(disk, "kind"),
               (double)number_of(disk, "size") / 1073741824.0);
        print_plain(text_of(disk, "model"));
        putchar('\n');
    }
    json_array_foreach(json_object_get(a, "gpus"), i, gpu)
        printf("gpu       %s  %s %s, %.1f GiB, not offered to machines\n", text_of(gpu, "id"),
               text_of(gpu, "vendor"), text_of(gpu, "device"), (double)number_of(gpu, "vram") / 1073741824.0);
}

static void print_when(const json_t *a, const char *key)
{
    char when[32];
    time_t at = (time_t)number_of(a, key);
    struct tm parts;
    if (gmtime_r(&at, &parts) && strftime(when, sizeof when, "%F %T", &parts) > 0) printf("%s  ", when);
}

static void print_trash(const json_t *a)
{
    size_t i;
    json_t *disk;
    const json_t *list = json_object_get(a, "trash");
    if (number_of(a, "kept_s") == 0) puts("deleted disks are not kept: trash_hours is 0");
    if (json_array_size(list) == 0)
        puts("the trash is empty");
    else
        printf("%-28s %-9s %-6s %-20s %9s  %-20s %s\n", "id", "contract", "twin", "name", "MiB", "deleted",
               "kept until (UTC)");
    json_array_foreach(list, i, disk)
    {
        printf("%-28s %-9lld %-6lld %-20s %9.1f  ", text_of(disk, "id"), number_of(disk, "contract_id"),
               number_of(disk, "twin_id"), text_of(disk, "name"), (double)number_of(disk, "size") / 1048576);
        print_when(disk, "at");
        print_when(disk, "until");
        print_plain(text_of(disk, "why"));
        putchar('\n');
    }
}

static void print_doctor(const json_t *a)
{
    size_t i, bad = 0;
    json_t *c;
    json_array_foreach(json_object_get(a, "checks"), i, c)
    {
        const char *state = text_of(c, "state");
        printf("%s%-8s%s %-18s %s\n", color(state), state, plain(), text_of(c, "name"), text_of(c, "found"));
        if (text_of(c, "follows")[0]) printf("         %-18s -> %s\n", "", text_of(c, "follows"));
        bad += strcmp(state, "ok") != 0;
    }
    printf("%zu checks, %zu with less than could be\n", i, bad);
}

static int show(const options_t *options, json_t *answer, void (*print)(const json_t *answer))
{
    if (!answer) return 1;
    if (options->is_json) {
        char *text = json_dumps(answer, JSON_COMPACT);
        if (text) puts(text);
        free(text);
    } else {
        print(answer);
    }
    json_decref(answer);
    return 0;
}

/* ---- commands ---- */

static json_t *no_start(const char *why)
{
    return json_pack("{s:[{s:s,s:s,s:s,s:s}]}", "checks", "name", "agent", "state", "missing", "found", why,
                     "follows", "the agent does not start on this machine");
}

/* Looks from folders of its own, at those that the agent would use. */
static json_t *look_with(config_t *config, const char *folder)
{
    char state[PATH_CAP], run[PATH_CAP], error[HOST_ERROR_MAX + 1];
    host_t host;
    json_t *report       = NULL;
    host_config_t wanted = config_host(config), own = wanted;
    own.state_dir = state;
    own.run_dir   = run;
    own.prefix    = "zosd";
    if (!path_join(state, "%s/state", folder) || !path_join(run, "/run/zosctl-%d", getpid())) return NULL;
    if (host_init(&host, &own, error)) {
        hardware_t hardware;
        snprintf(host.state_dir, sizeof host.state_dir, "%s", wanted.state_dir);
        for (char *slash = strrchr(host.state_dir, '/'); slash && !file_exists(host.state_dir);
             slash       = strrchr(host.state_dir, '/')) /* it will be below what is there */
            slash[slash == host.state_dir] = 0;
        if (!wanted.pool_dir) snprintf(host.pool_dir, sizeof host.pool_dir, "%.400s/pool", wanted.state_dir);
        hardware_look(&hardware, "/sys", "/proc");
        hardware_offer(&hardware, "/sys", wanted.state_dir, wanted.pool_dir, &config->capacity);
        report = doctor_report(&host);
        doctor_add_offer(report, &host, &config->capacity);
    } else {
        report = no_start(error);
    }
    folder_remove(run);
    return report;
}

/* Without an agent: a look at the machine as the agent would at its start. */
static json_t *own_look(const char *file)
{
    char folder[] = "/tmp/zosctl-XXXXXX", error[CONFIG_ERROR_MAX + 1], name[] = "zosctl",
         option[] = "--config", path[PATH_CAP];
    config_t config;
    int rest;
    bool has_file = file || file_exists(CONFIG_FILE);
    if (!path_join(path, "%s", file ? file : CONFIG_FILE) || !mkdtemp(folder)) return NULL;
    char *argv[]   = {name, option, path};
    bool is_read   = config_read(&config, has_file ? 3 : 1, argv, &rest, error);
    json_t *report = is_read ? look_with(&config, folder) : no_start(error);
    config_fini(&config);
    folder_remove(folder);
    return report;
}

static int doctor(const options_t *options)
{
    int fd         = dial(options->socket);
    bool has_agent = fd >= 0;
    if (has_agent) close(fd);
    json_t *answer =
        has_agent ? ask(options, json_pack("{s:s}", "ask", "doctor")) : own_look(options->config);
    return show(options, answer, print_doctor);
}

static void print_images(const json_t *a)
{
    size_t i;
    json_t *one;
    if (json_object_get(a, "files")) {
        printf("%lld images forgotten, %lld files deleted\n", number_of(a, "forgotten"),
               number_of(a, "files"));
        return;
    }
    json_array_foreach(json_object_get(a, "images"), i, one) printf(
        "%-32s sha256:%.12s %9.1f MiB  %s%s\n", text_of(one, "name"), text_of(one, "digest"),
        (double)number_of(one, "size") / 1048576, json_is_true(json_object_get(one, "is_used")) ? "used" : "",
        json_is_true(json_object_get(one, "is_released")) ? " released" : "");
    if (i == 0) puts("no images: zos-agent image import NAME PATH");
    json_array_foreach(json_object_get(a, "rules"), i, one)
        printf("%-48s -> %s%s\n", text_of(one, "pattern"), text_of(one, "image"),
               json_is_true(json_object_get(one, "is_there")) ? "" : "  (not in the store)");
}

static int image(const options_t *options)
{
    const char *verb = options->count > 1 ? options->words[1] : "",
               *name = options->count > 2 ? options->words[2] : "";
    bool is_plain = strcmp(verb, "unmap") == 0 || strcmp(verb, "release") == 0 || strcmp(verb, "keep") == 0;
    if (strcmp(verb, "map") == 0 && options->count == 4)
        return show(
            options,
            ask(options, json_pack("{s:s,s:s,s:s}", "ask", "images", "map", name, "to", options->words[3])),
            print_images);
    if (is_plain && options->count == 3)
        return show(options, ask(options, json_pack("{s:s,s:s}", "ask", "images", verb, name)), print_images);
    if (strcmp(verb, "collect") == 0 && options->count == 2)
        return show(options, ask(options, json_pack("{s:s,s:b}", "ask", "images", "collect", 1)),
                    print_images);
    return complain("image map PATTERN NAME, unmap PATTERN, release NAME, keep NAME or collect") + 1;
}

/* The row of a disk in an answer; NULL when it is not in the trash any more. */
static const json_t *trash_row(const json_t *answer, const char *id)
{
    size_t i;
    json_t *disk;
    json_array_foreach(json_object_get(answer, "trash"), i,
                       disk) if (strcmp(text_of(disk, "id"), id) == 0) return disk;
    return NULL;
}

/* Waits until the agent did it, or says why it cannot. */
static int restore(const options_t *options)
{
    char *slash  = options->count == 4 ? strchr(options->words[3], '/') : NULL;
    long long to = slash ? strtoll(options->words[3], NULL, 10) : 0;
    if (to <= 0) return complain("trash restore ID CONTRACT/NAME") + 1;
    const char *id = options->words[2];
    json_t *answer = ask(options, json_pack("{s:s,s:s,s:I,s:s}", "ask", "trash", "restore", id, "contract_id",
                                            (json_int_t)to, "name", slash + 1));
    while (answer) {
        const json_t *row = trash_row(answer, id);
        if (!row) return show(options, answer, print_trash);
        if (strncmp(text_of(row, "why"), "not restored", 12) == 0) {
            complain(text_of(row, "why"));
            json_decref(answer);
            return 1;
        }
        json_decref(answer);
        poll(NULL, 0, FOLLOW_MS);
        answer = ask(options, json_pack("{s:s}", "ask", "trash"));
    }
    return 1;
}

static int trash(const options_t *options)
{
    const char *verb = options->count > 1 ? options->words[1] : "list";
    if (strcmp(verb, "restore") == 0) return restore(options);
    if (strcmp(verb, "empty") == 0) {
        json_t *what = options->count > 2 ? json_string(options->words[2]) : json_true();
        return show(options, ask(options, json_pack("{s:s,s:o}", "ask", "trash", "empty", what)),
                    print_trash);
    }
    if (strcmp(verb, "list") != 0)
        return complain("trash, trash restore ID CONTRACT/NAME, trash empty [ID]") + 1;
    return show(options, ask(options, json_pack("{s:s}", "ask", "trash")), print_trash);
}

static void print_log(const json_t *answer)
{
    fputs(text_of(answer, "text"), stdout);
    fflush(stdout);
}

static int logs(const options_t *options)
{
    json_int_t offset = -TAIL;
    if (options->count < 2) return complain("logs ID: see zosctl workloads") + 1;
    for (;;) {
        json_t *answer = ask(
            options, json_pack("{s:s,s:s,s:I}", "ask", "logs", "id", options->words[1], "offset", offset));
        bool has_more = text_of(answer, "text")[0] != 0;
        offset        = json_integer_value(json_object_get(answer, "next"));
        if (show(options, answer, print_log) != 0) return 1;
        if (!options->is_following && !has_more) return 0;
        if (options->is_json && !options->is_following) return 0;
        if (!has_more) poll(NULL, 0, FOLLOW_MS);
    }
}

static bool is_count(const char *text)
{
    return text[0] >= '1' && text[0] <= '9' && strspn(text, "0123456789") == strlen(text) &&
           strlen(text) < 19;
}

/* A word that nobody reads may be a mistake about what is deleted. */
static bool has_too_much(const options_t *options, const char *verb)
{
    int most = 1;
    if (strcmp(verb, "image") == 0) return false;
    if (strcmp(verb, "logs") == 0 || strcmp(verb, "events") == 0) most = 2;
    if (strcmp(verb, "trash") == 0 && options->count > 1)
        most = strcmp(options->words[1], "restore") == 0 ? 4
               : strcmp(options->words[1], "empty") == 0 ? 3
                                                         : 2;
    return options->count > most;
}

static int run(const options_t *options)
{
    static const struct {
        const char *name;
        void (*print)(const json_t *answer);
    } commands[] = {
        {"status",    print_status   },
        {"workloads", print_workloads},
        {"images",    print_images   },
        {"capacity",  print_capacity },
        {"cordon",    print_status   },
        {"drain",     print_status   },
        {"uncordon",  print_status   },
    };
    const char *verb = options->count > 0 ? options->words[0] : "help";
    if (has_too_much(options, verb)) return complain("too many words; try zosctl help") + 1;
    if (strcmp(verb, "help") == 0) return fputs(help, stdout) < 0;
    if (strcmp(verb, "completion") == 0) return fputs(completion, stdout) < 0;
    if (strcmp(verb, "doctor") == 0) return doctor(options);
    if (strcmp(verb, "logs") == 0) return logs(options);
    if (strcmp(verb, "trash") == 0) return trash(options);
    if (strcmp(verb, "image") == 0) return image(options);
    if (strcmp(verb, "events") == 0) {
        if (options->count > 1 && !is_count(options->words[1]))
            return complain("events CONTRACT: its number") + 1;
        long long contract = options->count > 1 ? strtoll(options->words[1], NULL, 10) : 0;
        return show(options,
                    ask(options, json_pack("{s:s,s:I,s:I}", "ask", "events", "contract_id",
                                           (json_int_t)contract, "most", (json_int_t)options->most)),
                    print_events);
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(verb, commands[i].name) == 0)
            return show(options, ask(options, json_pack("{s:s}", "ask", verb)), commands[i].print);
    return complain("not a command; try zosctl help") + 1;
}

int main(int argc, char **argv)
{
    options_t options = {.socket = "/run/zos/ctl.sock", .most = 50};
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--help") == 0) return fputs(help, stdout) < 0;
        if (strcmp(argv[i], "--version") == 0) return puts("zosctl " AGENT_VERSION) < 0;
        if (strcmp(argv[i], "--json") == 0)
            options.is_json = true;
        else if (strcmp(argv[i], "--follow") == 0)
            options.is_following = true;
        else if (strcmp(argv[i], "--socket") == 0 && has_value)
            options.socket = argv[++i];
        else if (strcmp(argv[i], "--config") == 0 && has_value)
            options.config = argv[++i];
        else if (strcmp(argv[i], "--most") == 0 && has_value && is_count(argv[i + 1]))
            options.most = strtol(argv[++i], NULL, 10);
        else if (argv[i][0] == '-' || options.count == 4)
            return complain("not an option, or no value for it; try zosctl help") + 1;
        else
            options.words[options.count++] = argv[i];
    }
    return run(&options);
}
