/* control.c - the operator's questions, answered. */
#include "control.h"
#include "doctor.h"
#include "gpu.h"
#include "hardware.h"
#include "log.h"
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define GUESTS_MAX   16 /* connections at a time */
#define GROUPS_MAX   256
#define EVENTS_MAX   1000
#define EVENTS_GIVEN 50
#define ANSWER_MS    10000 /* for a guest to ask, and to take the answer */

typedef struct guest {
    struct guest *next;
    control_t *control;
    int fd;
    io_watch_t *watch;
    io_timer_t *timer;
    char line[CONTROL_LINE_MAX];
    size_t used;
    char *answer;
    size_t len, sent;
} guest_t;

struct control {
    agent_t *agent;
    char path[PATH_CAP];
    int fd;
    gid_t group; /* 0: only root */
    io_watch_t *watch;
    guest_t *guests;
    uint32_t guest_count;
};

/* ---- answers ---- */

static json_t *capacity_json(capacity_t c)
{
    return json_pack("{s:I,s:I,s:I,s:I,s:I}", "cru", (json_int_t)c.cru, "mru", (json_int_t)c.mru, "sru",
                     (json_int_t)c.sru, "hru", (json_int_t)c.hru, "ipv4u", (json_int_t)c.ipv4u);
}

static json_int_t left(uint64_t total, uint64_t used)
{
    return used < total ? (json_int_t)(total - used) : 0;
}

static json_t *ratio_json(uint32_t percent, bool is_shared)
{
    static const char shared[] = "shared: each workload has at most its own, their sum is not limited";
    return percent == 0 && is_shared ? json_string(shared)
                                     : json_sprintf("%.2f", percent ? (double)percent / 100 : 1.0);
}

static json_t *disks_json(const hardware_t *hardware)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < hardware->disk_count; i++) {
        const hardware_disk_t *disk = &hardware->disks[i];
        json_array_append_new(list,
                              json_pack("{s:s,s:s,s:I,s:s}", "name", disk->name, "model", disk->model, "size",
                                        (json_int_t)disk->size, "kind", disk->is_rotational ? "hdd" : "ssd"));
    }
    return list;
}

static json_t *answer_capacity(agent_t *agent)
{
    engine_figures_t f;
    hardware_t hardware;
    engine_figures(agent->engine, &f);
    hardware_look(&hardware, "/sys", "/proc");
    json_t *room = json_pack("{s:I,s:I,s:I,s:I}", "cru", left(f.total.cru, f.used.cru), "mru",
                             left(f.total.mru, f.used.mru), "sru", left(f.total.sru, f.used.sru), "hru",
                             left(f.total.hru, f.used.hru));
    return json_pack("{s:o,s:o,s:o,s:o,s:I,s:{s:o,s:o,s:o,s:o},s:o,s:{s:i,s:I},s:o}", "offered",
                     capacity_json(f.total), "used", capacity_json(f.used), "system", capacity_json(f.system),
                     "free", room, "trash", (json_int_t)f.trash, "overcommit", "cru",
                     ratio_json(f.overcommit.cru, true), "mru", ratio_json(f.overcommit.mru, false), "sru",
                     ratio_json(f.overcommit.sru, false), "hru", ratio_json(f.overcommit.hru, false), "gpus",
                     gpu_list("/sys", NULL), "machine", "cru", (int)hardware.cores, "mru",
                     (json_int_t)hardware.memory, "disks", disks_json(&hardware));
}

/* What the chain says of the node; null while nothing is known. */
static json_t *node_json(const agent_t *agent)
{
    const chain_node_t *n = agent->chain ? chain_side_node(agent->chain) : NULL;
    if (!n || !n->is_known) return json_null();
    return json_pack("{s:s,s:I,s:s,s:s,s:b,s:s,s:s,s:I,s:I,s:I,s:s,s:s}", "farm", n->farm_name, "farmer_twin",
                     (json_int_t)n->farmer_twin, "certification", n->is_certified ? "Certified" : "Diy",
                     "farm_certification", n->is_farm_gold ? "Gold" : "NotCertified", "dedicated_farm",
                     (int)n->is_farm_dedicated, "power", n->is_state_down ? "down" : "up", "power_target",
                     n->is_target_down ? "down" : "up", "extra_fee", (json_int_t)n->extra_fee,
                     "rent_contract", (json_int_t)n->rent_contract, "farm_ips", (json_int_t)n->farm_ip_count,
                     "public_ip4", n->ip4, "domain", n->domain);
}

static json_t *witness_json(const chain_witness_t *w)
{
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:s}", "needed", (json_int_t)w->needed, "others",
                     (json_int_t)w->others, "waiting", (json_int_t)w->waiting, "contradicted",
                     (json_int_t)w->contradicted, "disagreements", (json_int_t)w->disagreements, "why",
                     w->why);
}

static json_t *answer_status(agent_t *agent)
{
    engine_figures_t f;
    chain_figures_t c = {0};
    engine_figures(agent->engine, &f);
    if (agent->chain) chain_side_figures(agent->chain, &c);
    uint64_t up_ms = io_ticks_ms(agent->io) - agent->started_ms;
    return json_pack("{s:s,s:I,s:I,s:I,s:s,s:b,s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:i,s:o,s:o}", "version",
                     AGENT_VERSION, "node_id", (json_int_t)agent->node_id, "twin_id",
                     (json_int_t)agent->twin_id, "up_s", (json_int_t)(up_ms / 1000), "takes",
                     engine_takes(agent->engine), "chain_connected", (int)c.is_connected, "bus_connected",
                     (int)(agent->peer && peer_is_connected(agent->peer)), "best_block", (json_int_t)c.best,
                     "finalized_block", (json_int_t)c.finalized, "reports_waiting", (json_int_t)c.outbox,
                     "deployments", (json_int_t)f.deployments, "workloads", (json_int_t)f.workloads,
                     "jobs_done", (json_int_t)agent->jobs_done, "jobs_failed", (json_int_t)agent->jobs_failed,
                     "state_dir", agent->host.state_dir, "pid", (int)getpid(), "on_chain", node_json(agent),
                     "witness", witness_json(&c.witness));
}

static json_t *answer_workloads(agent_t *agent)
{
    json_t *status = engine_status(agent->engine), *one;
    size_t i;
    json_array_foreach(json_object_get(status, "workloads"), i, one)
    {
        cgroup_usage_t used;
        if (!machine_usage(&agent->host, json_string_value(json_object_get(one, "wid")), &used)) continue;
        json_object_set_new(one, "memory", json_integer((json_int_t)used.memory));
        json_object_set_new(one, "cpu_ms", json_integer((json_int_t)(used.cpu_ns / 1000000)));
    }
    return status;
}

static json_t *history_event(const char *text, int64_t contract)
{
    json_t *json = json_loads(text, 0, NULL), *result = json_object_get(json, "result");
    json_t *event = json_pack(
        "{s:o,s:I,s:O?,s:O?,s:O?,s:O?}", "at", json_incref(json_object_get(result, "created")), "contract_id",
        (json_int_t)contract, "name", json_object_get(json, "name"), "type", json_object_get(json, "type"),
        "what", json_object_get(result, "state"), "why", json_object_get(result, "message"));
    json_decref(json);
    return event;
}

static int by_time(const void *a, const void *b)
{
    json_t *const *x = a, *const *y = b;
    json_int_t one = json_integer_value(json_object_get(*x, "at")),
               two = json_integer_value(json_object_get(*y, "at"));
    return (one > two) - (one < two);
}

/* Rows come with the newest first; of the same second they are shown as they came to be. */
static void sort_by_time(json_t **events, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        json_t *one           = events[i];
        events[i]             = events[count - 1 - i];
        events[count - 1 - i] = one;
    }
    qsort(events, count, sizeof *events, by_time);
}

/* What happened to workloads, and what the chain was read to want, in one row; the newest of both. */
static json_t *answer_events(agent_t *agent, const json_t *question)
{
    int64_t contract = json_integer_value(json_object_get(question, "contract_id")),
            most     = json_integer_value(json_object_get(question, "most"));
    if (most < 1 || most > EVENTS_MAX) most = EVENTS_GIVEN;
    json_t **events = calloc((size_t)(2 * most), sizeof(json_t *)), *list = json_array();
    size_t count = 0;
    db_rows_t *rows =
        db_ask(agent->db,
               "SELECT contract, json FROM history WHERE ?1 = 0 OR contract = ?1 ORDER BY seq DESC LIMIT ?2",
               "ii", contract, most);
    while (events && db_next(&rows)) {
        json_t *event = history_event(db_text(rows, 1), db_number(rows, 0));
        if (event) events[count++] = event;
    }
    rows = events ? db_ask(agent->db,
                           "SELECT at, contract, what, evidence FROM audit WHERE ?1 = 0 OR contract = ?1 "
                           "ORDER BY seq DESC LIMIT ?2",
                           "ii", contract, most)
                  : NULL;
    while (events && db_next(&rows))
        events[count++] = json_pack("{s:I,s:I,s:s,s:s,s:s,s:s}", "at", (json_int_t)db_number(rows, 0),
                                    "contract_id", (json_int_t)db_number(rows, 1), "name", "", "type",
                                    "contract", "what", db_text(rows, 2), "why", db_text(rows, 3));
    if (events) sort_by_time(events, count);
    for (size_t i = 0; i < count; i++)
        if (i + (size_t)most >= count)
            json_array_append_new(list, events[i]);
        else
            json_decref(events[i]);
    free(events);
    return json_pack("{s:o}", "events", list);
}

static json_t *fail(const char *why) { return json_pack("{s:s}", "error", why); }

/* {"ask":"trash"}, with "empty":ID or true, or with "restore":ID, "contract_id" and "name". */
static json_t *answer_trash(agent_t *agent, const json_t *question)
{
    char error[ENGINE_ERROR_MAX + 1];
    const json_t *empty = json_object_get(question, "empty");
    const char *restore = json_string_value(json_object_get(question, "restore")),
               *name    = json_string_value(json_object_get(question, "name"));
    json_int_t contract = json_integer_value(json_object_get(question, "contract_id"));
    if (restore && (!name || contract <= 0)) return fail("trash restore ID CONTRACT/NAME");
    if (restore && !engine_trash_restore(agent->engine, restore, (uint64_t)contract, name, error))
        return fail(error);
    if (empty && !engine_trash_empty(agent->engine, json_string_value(empty), error)) return fail(error);
    if (agent->chain) agent_pump(agent);
    return engine_trash(agent->engine);
}

/* id is a short name, or CONTRACT/NAME. */
static bool find_machine(agent_t *agent, const char *id, char wid[WID_LEN + 1])
{
    json_t *status = engine_status(agent->engine), *one;
    size_t i;
    bool is_found = false;
    json_array_foreach(json_object_get(status, "workloads"), i, one)
    {
        const char *short_name = json_string_value(json_object_get(one, "wid")),
                   *name       = json_string_value(json_object_get(one, "name"));
        char full[DEPLOYMENT_NAME_MAX + 32];
        snprintf(full, sizeof full, "%lld/%s",
                 (long long)json_integer_value(json_object_get(one, "contract_id")), name);
        if (is_found || (strcmp(id, short_name) != 0 && strcmp(id, full) != 0)) continue;
        is_found = strlen(short_name) == WID_LEN;
        if (is_found) memcpy(wid, short_name, WID_LEN + 1);
    }
    json_decref(status);
    return is_found;
}

/* Bytes that are no text are shown as '?'. */
char *control_log(const agent_t *agent, const char *wid, int64_t from, int64_t *next)
{
    char folder[PATH_CAP], path[PATH_CAP];
    struct stat st;
    if (!machine_folder(&agent->host, wid, folder) || !path_join(path, "%s/log", folder)) return NULL;
    int fd     = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char *text = malloc(CONTROL_LOG_MAX + 1);
    if (fd < 0 || !text || fstat(fd, &st) != 0) {
        if (fd >= 0) close(fd);
        free(text);
        return NULL;
    }
    off_t at = from < 0 ? st.st_size + from : from;
    if (at < 0 || at > st.st_size) at = 0; /* it was cut to its newest part */
    ssize_t got = pread(fd, text, CONTROL_LOG_MAX, at);
    close(fd);
    if (got < 0) got = 0;
    for (ssize_t i = 0; i < got; i++)
        if ((unsigned char)text[i] >= 127 ||
            ((unsigned char)text[i] < 32 && text[i] != '\n' && text[i] != '\t'))
            text[i] = '?';
    text[got] = 0;
    *next     = at + got;
    return text;
}

static json_t *answer_logs(agent_t *agent, const json_t *question)
{
    const char *id = json_string_value(json_object_get(question, "id"));
    int64_t next   = 0;
    char wid[WID_LEN + 1];
    if (!id || !find_machine(agent, id, wid))
        return fail("no workload of this name: CONTRACT/NAME, or its short name");
    char *text = control_log(agent, wid, json_integer_value(json_object_get(question, "offset")), &next);
    if (!text) return fail("it has no log: only machines that ran have one");
    json_t *answer = json_pack("{s:s,s:I}", "text", text, "next", (json_int_t)next);
    free(text);
    return answer;
}

/* ---- images ---- */

static json_t *answer_images(agent_t *agent)
{
    json_t *list    = json_array();
    db_rows_t *rows = db_ask(agent->db,
                             "SELECT i.name, i.digest, i.size, i.created, r.name IS NOT NULL FROM image i"
                             " LEFT JOIN image_released r ON r.name = i.name ORDER BY i.name",
                             "");
    while (db_next(&rows))
        json_array_append_new(list, json_pack("{s:s,s:s,s:I,s:I,s:b}", "name", db_text(rows, 0), "digest",
                                              db_text(rows, 1), "size", (json_int_t)db_number(rows, 2),
                                              "created", (json_int_t)db_number(rows, 3), "is_released",
                                              (int)db_number(rows, 4)));
    uint32_t count;
    size_t i;
    json_t *one;
    char(*wanted)[IMAGE_DIGEST_LEN + 1];
    if (!engine_images(agent->engine, &wanted, &count)) {
        json_decref(list);
        return fail("the state cannot be read now");
    }
    json_array_foreach(list, i, one)
    {
        bool is_used = false;
        for (uint32_t k = 0; k < count; k++)
            is_used = is_used || strcmp(wanted[k], json_string_value(json_object_get(one, "digest"))) == 0;
        json_object_set_new(one, "is_used", json_boolean(is_used));
    }
    free(wanted);
    return json_pack("{s:o,s:o}", "images", list, "rules", image_rules(agent->db, agent->host.state_dir));
}

static json_t *collect_images(agent_t *agent)
{
    uint32_t forgotten = 0, files = 0;
    if (!agent->collector || !collector_run(agent->collector, &forgotten, &files))
        return fail("images are being collected already, or the state cannot be read: ask again");
    return json_pack("{s:I,s:I}", "forgotten", (json_int_t)forgotten, "files", (json_int_t)files);
}

/* {"ask":"images"}, with "map":PATTERN and "to":IMAGE, "unmap":PATTERN, "release":NAME, "keep":NAME or
 * "collect":true. */
static json_t *answer_image(agent_t *agent, const json_t *question)
{
    char error[IMAGE_ERROR_MAX + 1];
    const char *map     = json_string_value(json_object_get(question, "map")),
               *to      = json_string_value(json_object_get(question, "to")),
               *unmap   = json_string_value(json_object_get(question, "unmap")),
               *release = json_string_value(json_object_get(question, "release")),
               *kept    = json_string_value(json_object_get(question, "keep"));
    if (json_object_get(question, "collect")) return collect_images(agent);
    if (map && !to) return fail("image map PATTERN NAME");
    if (map && !image_map(agent->db, agent->host.state_dir, map, to, error)) return fail(error);
    if (unmap && !image_unmap(agent->db, unmap)) return fail("there is no such pattern");
    if (release && !image_release(agent->db, release, true)) return fail("there is no image of this name");
    if (kept && !image_release(agent->db, kept, false)) return fail("there is no image of this name");
    return answer_images(agent);
}

/* What the machine lacks, and what the nodes of the chain do not agree on. */
static json_t *answer_doctor(agent_t *agent)
{
    chain_figures_t c = {0};
    json_t *report    = doctor_report(&agent->host);
    if (agent->config) doctor_add_offer(report, &agent->host, &agent->config->capacity);
    if (agent->chain) {
        chain_side_figures(agent->chain, &c);
        doctor_add_witness(report, &c.witness);
    }
    return report;
}

static json_t *take_intake(agent_t *agent, engine_intake_t intake)
{
    if (!engine_set_intake(agent->engine, intake)) return fail("the state cannot be written");
    log_info(LOG_MAIN, "operator", LOG_TEXT("takes", engine_intake_text(intake)));
    return answer_status(agent);
}

json_t *control_answer(agent_t *agent, const json_t *question)
{
    const char *ask = json_string_value(json_object_get(question, "ask"));
    if (!ask) return fail("a question is {\"ask\":\"...\"}");
    if (strcmp(ask, "status") == 0) return answer_status(agent);
    if (strcmp(ask, "workloads") == 0) return answer_workloads(agent);
    if (strcmp(ask, "logs") == 0) return answer_logs(agent, question);
    if (strcmp(ask, "events") == 0) return answer_events(agent, question);
    if (strcmp(ask, "doctor") == 0) return answer_doctor(agent);
    if (strcmp(ask, "capacity") == 0) return answer_capacity(agent);
    if (strcmp(ask, "images") == 0) return answer_image(agent, question);
    if (strcmp(ask, "trash") == 0) return answer_trash(agent, question);
    if (strcmp(ask, "cordon") == 0) return take_intake(agent, INTAKE_UPDATES);
    if (strcmp(ask, "drain") == 0) return take_intake(agent, INTAKE_NOTHING);
    if (strcmp(ask, "uncordon") == 0) return take_intake(agent, INTAKE_ALL);
    return fail("not a question; see zosctl help");
}

/* ---- guests ---- */

static void guest_free(guest_t *guest)
{
    control_t *control = guest->control;
    for (guest_t **at = &control->guests; *at; at = &(*at)->next)
        if (*at == guest) {
            *at = guest->next;
            control->guest_count--;
            break;
        }
    if (guest->timer) io_timer_stop(guest->timer);
    io_watch_stop(guest->watch);
    close(guest->fd);
    free(guest->answer);
    free(guest);
}

static void too_late(void *self)
{
    guest_t *guest = self;
    guest->timer   = NULL;
    guest_free(guest);
}

static void give(guest_t *guest, json_t *answer)
{
    char *text = json_dumps(answer, JSON_COMPACT);
    json_decref(answer);
    size_t len    = text ? strlen(text) : 0;
    guest->answer = text ? realloc(text, len + 2) : NULL;
    if (!guest->answer) {
        free(text);
        return;
    }
    memcpy(guest->answer + len, "\n", 2);
    guest->len = len + 1;
    io_watch_want(guest->watch, IO_WRITABLE);
}

/* False: the guest is to go. */
static bool guest_reads(guest_t *guest)
{
    ssize_t got = read(guest->fd, guest->line + guest->used, sizeof guest->line - 1 - guest->used);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    guest->used += (size_t)got;
    guest->line[guest->used] = 0;
    char *end                = strchr(guest->line, '\n');
    if (!end) return guest->used < sizeof guest->line - 1;
    json_t *question = json_loadb(guest->line, (size_t)(end - guest->line), 0, NULL);
    give(guest, control_answer(guest->control->agent, question));
    json_decref(question);
    return guest->answer != NULL;
}

static bool guest_writes(guest_t *guest)
{
    ssize_t put = send(guest->fd, guest->answer + guest->sent, guest->len - guest->sent, MSG_NOSIGNAL);
    if (put < 0) return errno == EAGAIN || errno == EINTR;
    guest->sent += (size_t)put;
    return guest->sent < guest->len;
}

static void on_guest(void *self, uint32_t ready)
{
    guest_t *guest = self;
    (void)ready;
    if (!(guest->answer ? guest_writes(guest) : guest_reads(guest))) guest_free(guest);
}

static bool may_ask(const control_t *control, int fd)
{
    struct ucred who;
    gid_t groups[GROUPS_MAX];
    socklen_t len = sizeof who;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0) return false;
    if (who.uid == 0) return true;
    if (control->group == 0) return false;
    if (who.gid == control->group) return true;
    len = sizeof groups;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) != 0) return false;
    for (size_t i = 0; i < len / sizeof *groups; i++)
        if (groups[i] == control->group) return true;
    return false;
}

static void on_connection(void *self, uint32_t ready)
{
    control_t *control = self;
    (void)ready;
    int fd = accept4(control->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    guest_t *guest =
        control->guest_count < GUESTS_MAX && may_ask(control, fd) ? calloc(1, sizeof *guest) : NULL;
    if (!guest) {
        close(fd);
        return;
    }
    guest->control = control;
    guest->fd      = fd;
    guest->watch   = io_watch_start(control->agent->io, fd, IO_READABLE, on_guest, guest);
    if (!guest->watch) {
        close(fd);
        free(guest);
        return;
    }
    guest->timer    = io_timer_start(control->agent->io, ANSWER_MS, 0, too_late, guest);
    guest->next     = control->guests;
    control->guests = guest;
    control->guest_count++;
}

/* ---- the socket ---- */

static bool listen_at(control_t *control)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct group *group  = getgrnam(CONTROL_GROUP);
    if (strlen(control->path) >= sizeof address.sun_path) return false;
    memcpy(address.sun_path, control->path, strlen(control->path) + 1);
    control->group = group ? group->gr_gid : 0;
    control->fd    = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    unlink(control->path);
    return control->fd >= 0 && bind(control->fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
           chown(control->path, 0, control->group) == 0 && chmod(control->path, group ? 0660 : 0600) == 0 &&
           listen(control->fd, GUESTS_MAX) == 0;
}

control_t *control_new(agent_t *agent)
{
    control_t *control = calloc(1, sizeof *control);
    if (!control) return NULL;
    control->agent = agent;
    control->fd    = -1;
    if (path_join(control->path, "%s/ctl.sock", agent->host.run_dir) && listen_at(control))
        control->watch = io_watch_start(agent->io, control->fd, IO_READABLE, on_connection, control);
    if (control->watch) return control;
    control_free(control);
    return NULL;
}

void control_free(control_t *control)
{
    if (!control) return;
    while (control->guests)
        guest_free(control->guests);
    if (control->watch) io_watch_stop(control->watch);
    if (control->fd >= 0) close(control->fd);
    if (control->path[0]) unlink(control->path);
    free(control);
}
