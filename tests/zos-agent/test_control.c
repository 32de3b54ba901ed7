/* What the operator asks: an agent without chain and bus that listens, and the program zosctl that asks it.
 */
#include "control.h"
#include "doctor.h"
#include "image.h"
#include "runner.h"
#include "test.h"

#include <jansson.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64], socket_path[PATH_CAP];
static agent_t agent;

static deployment_t *deployment(uint64_t contract)
{
    char error[DEPLOYMENT_ERROR_MAX + 1];
    json_t *json    = json_pack("{s:i,s:i,s:I,s:[{s:i,s:s,s:s,s:{s:I}}]}", "version", 0, "twin_id", 7,
                                "contract_id", (json_int_t)contract, "workloads", "version", 0, "name", "data",
                                "type", "zmount", "data", "size", (json_int_t)1 << 30);
    deployment_t *d = deployment_from_json(json, error);
    json_decref(json);
    return d;
}

static void open_agent(void)
{
    char error[256];
    agent = (agent_t){.io = io_new(), .db = db_open(folder, false, error), .started_ms = 1};
    snprintf(agent.host.run_dir, PATH_CAP, "%s", folder);
    snprintf(agent.host.state_dir, PATH_CAP, "%s", folder);
    snprintf(agent.host.pool_dir, PATH_CAP, "%s", folder);
    snprintf(agent.host.prefix, sizeof agent.host.prefix, "oc");
    engine_config_t config = {
        .db        = agent.db,
        .state_dir = folder,
        .pool_dir  = folder,
        .total     = {.cru = 4, .mru = UINT64_C(8) << 30, .sru = UINT64_C(100) << 30}
    };
    agent.engine = agent.db ? engine_new(&config) : NULL;
    if (!agent.io || !agent.engine) exit(1);
}

static void close_agent(void)
{
    engine_free(agent.engine);
    db_close(agent.db);
    io_free(agent.io);
}

static bool deploy(uint64_t contract, char error[ENGINE_ERROR_MAX + 1])
{
    return engine_deploy(agent.engine, deployment(contract), 1700000000, error);
}

static json_t *answer(const char *question)
{
    json_t *json = json_loads(question, 0, NULL), *said = control_answer(&agent, json);
    json_decref(json);
    return said;
}

static bool takes(const char *question)
{
    json_t *said = answer(question);
    bool is_ok   = said && !json_object_get(said, "error");
    json_decref(said);
    return is_ok;
}

TEST(a_cordoned_node_takes_no_new_deployments_and_says_so_after_a_restart_too)
{
    char error[ENGINE_ERROR_MAX + 1];
    open_agent();
    OK(deploy(1, error));
    OK(takes("{\"ask\":\"cordon\"}"));
    OK(!deploy(2, error) && strstr(error, "cordoned"));
    deployment_t *next = deployment(1);
    next->version      = 1;
    OK(engine_update(agent.engine, next, 1700000001, error));
    OK(takes("{\"ask\":\"drain\"}"));
    next          = deployment(1);
    next->version = 2;
    OK(!engine_update(agent.engine, next, 1700000002, error) && strstr(error, "drains"));
    close_agent();
    open_agent();
    OK(!deploy(2, error) && strstr(error, "drains"));
    OK(takes("{\"ask\":\"uncordon\"}"));
    OK(deploy(2, error));
    close_agent();
}

TEST(events_are_what_happened_in_its_order)
{
    open_agent();
    engine_desire(agent.engine, 2, DESIRED_PAUSED, "grace period", "0xabc", 1700000100);
    engine_desire(agent.engine, 1, DESIRED_DELETED, "contract canceled", "0xdef", 1700000200);
    json_t *said = answer("{\"ask\":\"events\",\"contract_id\":1}"), *list = json_object_get(said, "events");
    EQ(json_array_size(list), 1);
    OK(strcmp(json_string_value(json_object_get(json_array_get(list, 0), "why")), "0xdef") == 0);
    json_decref(said);
    said = answer("{\"ask\":\"events\",\"most\":1}");
    EQ(json_array_size(json_object_get(said, "events")), 1);
    EQ(json_integer_value(json_object_get(json_array_get(json_object_get(said, "events"), 0), "at")),
       1700000200);
    json_decref(said);
    close_agent();
}

TEST(what_is_no_question_has_an_error_as_its_answer)
{
    static const char *const questions[] = {"{}",
                                            "[]",
                                            "{\"ask\":1}",
                                            "{\"ask\":\"reboot\"}",
                                            "{\"ask\":\"logs\"}",
                                            "{\"ask\":\"logs\",\"id\":\"../../etc/passwd\"}",
                                            "{\"ask\":\"logs\",\"id\":\"2/data\",\"offset\":-99999999999}"};
    open_agent();
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
        OK(!takes(questions[i]));
    close_agent();
}

TEST(the_doctor_names_what_workloads_stand_on_and_what_is_offered_that_is_not_there)
{
    static const char *const names[] = {
        "kernel",      "control groups", "user namespaces",   "memory limit", "process limit", "system calls",
        "connections", "clock",          "container runtime", "disks",        "cores",         "memory"};
    capacity_t dream = {.cru = 100000, .mru = UINT64_C(1) << 60, .sru = UINT64_C(1) << 60};
    size_t found = 0, less = 0, i;
    json_t *check;
    open_agent();
    json_t *report = answer("{\"ask\":\"doctor\"}");
    doctor_add_offer(report, &agent.host, &dream);
    json_array_foreach(json_object_get(report, "checks"), i, check)
    {
        const char *name = json_string_value(json_object_get(check, "name"));
        bool is_ok       = strcmp(json_string_value(json_object_get(check, "state")), "ok") == 0;
        for (size_t n = 0; n < sizeof names / sizeof *names; n++)
            found += strcmp(name, names[n]) == 0;
        bool is_offer =
            strcmp(name, "cores") == 0 || strcmp(name, "memory") == 0 || strcmp(name, "disk space") == 0;
        less += is_offer && !is_ok;
        OK(is_ok ||
           json_string_value(json_object_get(check, "follows"))[0]); /* what is less has a consequence */
    }
    EQ(found, sizeof names / sizeof *names);
    EQ(less, 3);
    json_decref(report);
    close_agent();
}

/* ---- over the socket ---- */

static pid_t serve(void)
{
    int ends[2];
    char byte;
    if (pipe(ends) != 0) return -1;
    pid_t child = fork();
    if (child == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) _exit(1); /* a check that fails ends it, too */
        open_agent();
        io_stop_on_signals(agent.io, NULL, NULL);
        agent.config    = &(config_t){0}; /* no image that nobody uses is kept */
        agent.control   = control_new(&agent);
        agent.collector = collector_new(&agent);
        if (!agent.control || write(ends[1], "x", 1) != 1) _exit(1);
        io_run(agent.io);
        control_free(agent.control);
        collector_free(agent.collector);
        close_agent();
        _exit(0);
    }
    close(ends[1]);
    bool is_up = read(ends[0], &byte, 1) == 1;
    close(ends[0]);
    return is_up ? child : -1;
}

static bool stop(pid_t child)
{
    int status = 1;
    return kill(child, SIGTERM) == 0 && waitpid(child, &status, 0) == child && status == 0;
}

#define ZOSCTL(said, ...)                                                                                    \
    SPAWN(said, 20000, TRELLIS_BINARY_DIR "/bin/zosctl", "--socket", socket_path, __VA_ARGS__)

static bool is_json(const char *text)
{
    json_t *json = json_loads(text, 0, NULL);
    json_decref(json);
    return json != NULL;
}

TEST(zosctl_asks_and_prints)
{
    static const struct {
        const char *verb, *says;
    } cases[] = {
        {"status",    "takes       everything"},
        {"workloads", "zmount"                },
        {"capacity",  "offered"               },
        {"events",    "contract canceled"     },
        {"trash",     "the trash is empty"    },
        {"images",    "no images"             },
        {"doctor",    "state directory"       },
        {"cordon",    "cordoned"              },
        {"drain",     "draining"              },
        {"uncordon",  "everything"            },
        {"help",      "zosctl cordon"         },
    };
    spawn_result_t said;
    pid_t child = serve();
    OK(child > 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool is_ok = ZOSCTL(&said, cases[i].verb);
        if (!is_ok || !strstr(said.text, cases[i].says)) printf("%s: %s\n", cases[i].verb, said.text);
        OK(is_ok && strstr(said.text, cases[i].says));
    }
    for (size_t i = 0; i + 1 < sizeof cases / sizeof *cases; i++)
        if (strcmp(cases[i].verb, "doctor") != 0) /* says more than is kept here: below */
            OK(ZOSCTL(&said, "--json", cases[i].verb) && is_json(said.text));
    OK(SPAWN(&said, 20000, "sh", "-c", "$0 --socket $1 --json doctor | python3 -m json.tool > /dev/null",
             TRELLIS_BINARY_DIR "/bin/zosctl", socket_path));
    OK(!ZOSCTL(&said, "image", "map", "https://hub/*", "none") && strstr(said.text, "no image of the store"));
    OK(!ZOSCTL(&said, "image", "unmap", "none") && strstr(said.text, "no such pattern"));
    OK(!ZOSCTL(&said, "image", "release", "none") && strstr(said.text, "no image of this name"));
    OK(!ZOSCTL(&said, "image", "paint") && said.exit_code == 2);
    OK(!ZOSCTL(&said, "trash", "restore", "x@1", "2/data") && strstr(said.text, "there is no disk"));
    OK(!ZOSCTL(&said, "trash", "restore", "x@1") && strstr(said.text, "CONTRACT/NAME"));
    OK(!ZOSCTL(&said, "trash", "empty", "x@1") && strstr(said.text, "there is no disk"));
    OK(ZOSCTL(&said, "trash", "empty") && strstr(said.text, "the trash is empty"));
    OK(!ZOSCTL(&said, "logs", "9/none") && strstr(said.text, "no workload of this name"));
    OK(!ZOSCTL(&said, "dance") && said.exit_code == 2);
    OK(!ZOSCTL(&said, "trash", "empty", "x@1", "y@2") && said.exit_code == 2); /* which of them? */
    OK(!ZOSCTL(&said, "events", "data") && said.exit_code == 2);
    OK(!ZOSCTL(&said, "events", "--most", "-1") && said.exit_code == 2);
    OK(!ZOSCTL(&said, "cordon", "1") && said.exit_code == 2);
    OK(ZOSCTL(&said, "capacity") && strstr(said.text, "machine   ") && strstr(said.text, "GiB memory"));
    OK(ZOSCTL(&said, "--json", "capacity") && strstr(said.text, "\"disks\":["));
    OK(stop(child));
    OK(!file_exists(socket_path));
    OK(!ZOSCTL(&said, "status") && strstr(said.text, "does the agent run"));
}

/* An image whose only file holds its name; writes where it is in the store. */
static bool import(const char *name, char path[PATH_CAP])
{
    char error[IMAGE_ERROR_MAX + 1], tree[PATH_CAP], file[PATH_CAP];
    image_t image = {0};
    bool is_ok =
        path_join(tree, "%s/tree", folder) && path_join(path, "%s/tree/%s", folder, name) &&
        path_join(file, "%s/%s.sqfs", folder, name) && folder_make(tree, 0755) &&
        file_replace(path, name, strlen(name), 0644) &&
        SPAWN(NULL, 30000, "mksquashfs", tree, file, "-quiet", "-no-progress", "-noappend", "-all-root") &&
        image_import(agent.db, folder, name, file, error) && image_find(agent.db, folder, name, &image);
    if (is_ok) snprintf(path, PATH_CAP, "%s", image.path);
    free(image.config);
    folder_remove(tree);
    return is_ok;
}

/* A machine of this image, by the name that clients have for it; its host is not asked for anything yet. */
static bool deploy_machine(const char *flist)
{
    char error[ENGINE_ERROR_MAX + 1];
    json_t *json = json_pack(
        "{s:i,s:i,s:i,s:[{s:i,s:s,s:s,s:{s:s}},{s:i,s:s,s:s,s:{s:s,s:{s:[{s:s,s:s}]},s:{s:i,s:i}}}]}",
        "version", 0, "twin_id", 7, "contract_id", 9, "workloads", "version", 0, "name", "net", "type",
        "network-light", "data", "subnet", "10.20.3.0/24", "version", 0, "name", "web", "type",
        "zmachine-light", "data", "flist", flist, "network", "interfaces", "network", "net", "ip",
        "10.20.3.2", "compute_capacity", "cpu", 1, "memory", 268435456);
    deployment_t *d = deployment_from_json(json, error);
    json_decref(json);
    bool is_taken = d && engine_deploy(agent.engine, d, 1700000000, error);
    if (!is_taken) printf("%s\n", error);
    return is_taken;
}

TEST(what_was_released_is_forgotten_but_no_image_that_a_deployment_waits_for)
{
    char wanted[PATH_CAP], kept[PATH_CAP], idle[PATH_CAP];
    spawn_result_t said;
    open_agent();
    OK(import("wanted", wanted) && import("kept", kept) && import("idle", idle));
    close_agent();
    pid_t child = serve();
    OK(child > 0 && ZOSCTL(&said, "image", "map", "https://hub/*.flist", "wanted"));
    OK(strstr(said.text, "https://hub/*.flist") && strstr(said.text, "-> wanted"));
    OK(stop(child));
    open_agent();
    OK(deploy_machine("https://hub/web.flist"));
    close_agent();
    child = serve();
    OK(child > 0 && ZOSCTL(&said, "image", "collect") && strstr(said.text, "0 images forgotten, 0 files"));
    OK(ZOSCTL(&said, "image", "release", "wanted") && ZOSCTL(&said, "image", "release", "kept"));
    OK(ZOSCTL(&said, "image", "release", "idle") && ZOSCTL(&said, "image", "keep", "kept"));
    OK(ZOSCTL(&said, "image", "collect") && strstr(said.text, "1 images forgotten, 0 files"));
    OK(ZOSCTL(&said, "images") && strstr(said.text, "wanted") && strstr(said.text, "kept"));
    OK(!strstr(said.text, "idle"));
    OK(file_exists(wanted) && file_exists(kept) && file_exists(idle)); /* a file as young as that stays */
    OK(ZOSCTL(&said, "image", "unmap", "https://hub/*.flist") && !strstr(said.text, "https://hub"));
    OK(stop(child));
}

/* Completes as a real bash does; words: zosctl and what follows it, the last one not finished. */
static bool completes(const char *words, const char *with)
{
    spawn_result_t said;
    static const char script[] =
        "zosctl() { \"$program\" --socket \"$socket\" \"$@\"; }; program=$0 socket=$1; eval \"$(zosctl "
        "completion)\";"
        "COMP_WORDS=($2 \"$3\"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _zosctl; echo \"${COMPREPLY[*]}\"";
    const char *last = strrchr(words, ' ');
    char before[128];
    snprintf(before, sizeof before, "%.*s", (int)(last - words), words);
    bool is_ok = SPAWN(&said, 20000, "bash", "-c", script, TRELLIS_BINARY_DIR "/bin/zosctl", socket_path,
                       before, last + 1) &&
                 strcmp(said.text, with) == 0;
    if (!is_ok) printf("%s: %s, not %s\n", words, said.text, with);
    return is_ok;
}

TEST(bash_completes_commands_and_what_is_there)
{
    pid_t child = serve();
    bool is_ok  = child > 0 && completes("zosctl cor", "cordon") && completes("zosctl trash r", "restore") &&
                 completes("zosctl image re", "release") && completes("zosctl logs 1", "1/data") &&
                 completes("zosctl events 2", "2") && completes("zosctl --jso", "--json");
    OK(stop(child));
    OK(is_ok);
}

static int dial(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.100s", socket_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 ? fd : -1;
}

TEST(a_guest_that_says_too_much_or_nothing_is_sent_away_and_others_are_served)
{
    char line[2 * CONTROL_LINE_MAX], byte;
    spawn_result_t said;
    memset(line, 'x', sizeof line);
    pid_t child = serve();
    int silent = dial(), loud = dial();
    OK(child > 0 && silent >= 0 && loud >= 0);
    OK(send(loud, line, sizeof line, MSG_NOSIGNAL) > 0);
    OK(read(loud, &byte, 1) <= 0);
    OK(ZOSCTL(&said, "status"));
    close(loud);
    close(silent);
    OK(stop(child));
}

TEST(another_user_is_not_answered)
{
    int status;
    pid_t child = serve();
    OK(child > 0 && chmod(socket_path, 0666) == 0);
    pid_t other = fork();
    if (other == 0) {
        char byte;
        if (setgid(65534) != 0 || setuid(65534) != 0) _exit(2);
        int fd = dial();
        _exit(fd >= 0 && (write(fd, "{\"ask\":\"status\"}\n", 17) < 0 || read(fd, &byte, 1) <= 0) ? 0 : 1);
    }
    waitpid(other, &status, 0);
    OK(stop(child));
    EQ(status, 0);
}

TEST(the_unit_is_one_that_systemd_takes)
{
    spawn_result_t said;
    static const char script[] =
        "sed \"s|^ExecStart=[^ ]*|ExecStart=$0/bin/zosctl|\" $0/zos-agent.service >"
        " $1/zos-agent.service && systemd-analyze verify --man=no $1/zos-agent.service 2>&1";
    if (!file_exists("/usr/bin/systemd-analyze") || !file_exists(TRELLIS_BINARY_DIR "/zos-agent.service"))
        return;
    bool is_ok = SPAWN(&said, 20000, "sh", "-c", script, TRELLIS_BINARY_DIR, folder) && said.text[0] == 0;
    if (!is_ok) printf("%s\n", said.text);
    OK(is_ok);
}

int main(int argc, char **argv)
{
    if (geteuid() != 0 || access("/usr/bin/mksquashfs", X_OK) != 0)
        return test_skip("the agent answers root, and imports images: not root, or no mksquashfs", NULL);
    snprintf(folder, sizeof folder, "/tmp/zt-control-%d", getpid());
    snprintf(socket_path, sizeof socket_path, "%s/ctl.sock", folder);
    if (!folder_make(folder, 0755)) return 1;
    signal(SIGPIPE, SIG_IGN);
    int code = test_main_(argc, argv);
    folder_remove(folder);
    return code;
}
