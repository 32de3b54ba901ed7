/* Random deployments, updates, pauses, resumptions and cancellations on the real machine and a real chain,
 * with faults between them; every few of them machine, reports and bills must be as models say, and in the
 * end there is nothing left.
 *
 *     test_agent_soak [OPERATIONS [SEED]]     60 and 1 unless told otherwise; needs root
 *
 * What is wanted comes from the chain alone: contracts are made, changed and cancelled there, who has no
 * money is paused and who has some again goes on.  Faults: the agent is killed at a random step, a machine's
 * first process or its shim is killed, a network's namespace or the host's rules are deleted, the clock
 * jumps, blocks are unmade and others made in their place.
 *
 * Traffic is measured on the wire (capture.h), what contracts use is summed from what was asked for, and
 * bills are computed from the spec (tests/tools/bill_audit.py), each without the code that is tested. */
#include "capture.h"
#include "core.h"
#include "ghent.h"
#include "ledger.h"
#include "log.h"
#include "netlink.h"
#include "nft.h"

#include <signal.h>
#include <sys/wait.h>

#define SLOTS         4
#define SETTLE_EVERY  8
#define SETTLE_MS_MAX 90000
#define AUDIT_EVERY   200
#define CRASH_STEPS   160
#define CRASH_MS      3000
#define MIB           (1 << 20)
#define RPC_PORT      (42600 + (uint32_t)(getpid() % 30))

/* What was asked of one contract. */
typedef struct {
    uint64_t contract; /* 0: none */
    uint32_t index, version, data_version;
    json_int_t size;
    bool has_more; /* a second disk, added by an update */
    desired_t desired;
    int pid;        /* of its machine's first process when it was last looked at; 0: it may be another */
    bool is_killed; /* its first process, by us: it may be dead for as long as it is paused */
    uint64_t moved, reported; /* bytes: on the wire, and in reports that are final */
    capacity_t told;          /* what the chain was told that it uses */
} slot_t;

static slot_t slots[SLOTS];
static keypair_t users[SLOTS], bank, farmer, node_key;
static uint32_t twins[SLOTS], farm_id;
static chain_side_t *side;
static uint16_t first_port; /* of those that are published, one a slot */
static int64_t skipped_ms;
static uint32_t counts[8], kills;
static uint64_t moved_all, reported_all;
static random_t dice;
static uint32_t operations = 60;
static uint64_t first_seed = 1;

/* What each user has at first: nearly all levels of discount are met. */
static const uint64_t funds[SLOTS] = {20000 * GRID_TFT, 700 * GRID_TFT, 240 * GRID_TFT, 90 * GRID_TFT};

static uint64_t virtual_ms(void) { return now_ms() + (uint64_t)skipped_ms; }

static int64_t virtual_s(void) { return (int64_t)(virtual_ms() / 1000); }

/* ---- the agent: core and chain side ---- */

static void on_change(void *context, uint64_t contract_id)
{
    (void)context;
    if (side) chain_side_changed(side, contract_id);
}

static bool agent_open(void)
{
    core_on_change = on_change;
    core_open();
    if (!grid_connect()) return false;
    chain_side_config_t config = ghent_config(&node_key, farm_id);
    config.io                  = grid_io;
    config.client              = grid_client;
    config.db                  = db;
    config.engine              = engine;
    config.reconcile_ms        = 2000;
    side                       = chain_side_new(&config);
    for (uint64_t end_ms = now_ms() + GRID_WAIT_MS; side && !chain_side_node_id(side) && now_ms() < end_ms;) {
        grid_goes_on();
        grid_step(5);
    }
    return side && chain_side_node_id(side) != 0;
}

/* Jobs end first: libwebsockets closes a descriptor once more when its loop goes, and by then it may be
 * another thread's. */
static void agent_close(void)
{
    lanes_finish(engine, virtual_ms);
    chain_side_free(side);
    side = NULL;
    grid_disconnect();
    core_close();
}

/* What there is to do goes out, what is done comes in; the chain goes on.  False when there is nothing. */
static bool one_step(void)
{
    uint64_t wake_ms = 0;
    grid_goes_on();
    engine_look(engine, virtual_ms(), look, NULL);
    if (lanes_work(engine, &host, virtual_ms, 2, &wake_ms)) return true;
    if (wake_ms > virtual_ms() + 500) skipped_ms += 500;
    return false;
}

static void meter(void)
{
    engine_meter(engine);
    for (int idle = 0; idle < 2;)
        idle = one_step() ? 0 : idle + 1;
}

/* What was counted becomes rows, to be sent. */
static void close_window(void)
{
    report_close(side, (int64_t)grid_now_s(NULL));
    report_finalized(side);
}

/* ---- operations ---- */

static deployment_t *wanted(const slot_t *slot)
{
    char net[32];
    json_t *workloads = web("oci:web-demo", ports((uint16_t)(first_port + slot->index)), slot->size);
    json_t *data      = json_array_get(workloads, 0),
           *machine   = json_object_get(json_array_get(workloads, 2), "data");
    snprintf(net, sizeof net, "n%llu", (unsigned long long)slot->contract);
    json_object_set_new(data, "version", json_integer(slot->data_version));
    json_object_set_new(json_array_get(workloads, 1), "name", json_string(net));
    json_object_set_new(json_array_get(json_object_get(json_object_get(machine, "network"), "interfaces"), 0),
                        "network", json_string(net));
    json_object_set_new(machine, "entrypoint",
                        json_string("sh -c 'trap exit TERM; httpd -f -p 80 -h / & wait'"));
    if (slot->has_more)
        json_array_append_new(workloads,
                              json_pack("{s:i,s:s,s:s,s:{s:I}}", "version", (int)slot->version, "name",
                                        "more", "type", "zmount", "data", "size", (json_int_t)(8 * MIB)));
    return deployment_of(twins[slot->index], slot->version, slot->contract, workloads);
}

typedef struct {
    bool is_told, is_ok;
} answer_t;

static void on_checked(void *context, chain_check_status_t status, const char *error)
{
    answer_t *answer = context;
    *answer          = (answer_t){true, status == CHAIN_CHECK_OK};
    if (!answer->is_ok) printf("check: %s\n", error);
}

/* As the agent does before it takes a deployment. */
static bool is_on_chain(const deployment_t *deployment)
{
    static answer_t answer;
    chain_expected_t expected;
    answer = (answer_t){0};
    if (!chain_expected_of(deployment, &expected) || !chain_side_check(side, &expected, on_checked, &answer))
        return false;
    while (!answer.is_told)
        grid_step(5);
    return answer.is_ok;
}

static bool ask_deploy(slot_t *slot)
{
    char error[ENGINE_ERROR_MAX + 1];
    chain_expected_t expected;
    uint32_t index     = slot->index;
    scale_writer_t key = grid_blank();
    smart_contract_contract_id_key(&key);
    *slot           = (slot_t){.contract = grid_number(&key, NULL) + 1, .index = index, .size = 16 * MIB};
    deployment_t *d = wanted(slot);
    smart_contract_create_node_contract_args_t args = {.node_id         = chain_side_node_id(side),
                                                       .deployment_data = BYTES("{}")};
    if (!chain_expected_of(d, &expected)) return false;
    memcpy(args.deployment_hash.b, expected.hashes[0], sizeof args.deployment_hash.b);
    scale_writer_t call = grid_blank();
    smart_contract_create_node_contract_call_encode(&call, &args);
    bool is_ok =
        grid_send(&users[index], &call) && is_on_chain(d) && engine_deploy(engine, d, virtual_s(), error);
    if (!is_ok) printf("deploy: %s\n", error);
    return is_ok && !engine_deploy(engine, wanted(slot), virtual_s(), error); /* once only */
}

static bool ask_update(slot_t *slot)
{
    char error[ENGINE_ERROR_MAX + 1] = "";
    slot_t next                      = *slot;
    chain_expected_t expected;
    smart_contract_update_node_contract_args_t args = {.contract_id     = slot->contract,
                                                       .deployment_data = BYTES("{}")};
    next.version++;
    if (slot->has_more || random_below(&dice, 2) == 0) {
        next.has_more = !slot->has_more;
    } else {
        next.size += 4 * MIB;
        next.data_version = next.version;
    }
    deployment_t *d = wanted(&next);
    bool is_ok      = engine_can_take(engine, d, true, error) && chain_expected_of(d, &expected);
    if (!is_ok) {
        deployment_free(d);
        if (strstr(error, "is still being removed")) return true; /* his client asks again */
        printf("update: %s\n", error);
        return false;
    }
    memcpy(args.deployment_hash.b, expected.hashes[0], sizeof args.deployment_hash.b);
    scale_writer_t call = grid_blank();
    smart_contract_update_node_contract_call_encode(&call, &args);
    if (!grid_send(&users[slot->index], &call) || !is_on_chain(d)) {
        deployment_free(d);
        return strstr(grid_why, "CannotUpdateContractInGraceState") != NULL; /* paid, but not billed yet */
    }
    is_ok = engine_update(engine, d, virtual_s(), error);
    if (is_ok) *slot = next;
    if (!is_ok) printf("update: %s\n", error);
    return is_ok;
}

static bool ask_end(slot_t *slot)
{
    scale_writer_t call = grid_blank();
    smart_contract_cancel_contract_call_encode(&call,
                                               &(smart_contract_cancel_contract_args_t){slot->contract});
    slot->desired = DESIRED_DELETED;
    return grid_send(&users[slot->index], &call);
}

static bool ask_pause(slot_t *slot)
{
    slot->desired = DESIRED_PAUSED;
    return grid_drain(&users[slot->index], &bank);
}

static bool ask_resume(slot_t *slot)
{
    slot->desired = DESIRED_RUN;
    return grid_pay(&bank, &users[slot->index], funds[slot->index]);
}

static bool operate(void)
{
    slot_t *slot = &slots[random_below(&dice, SLOTS)];
    uint32_t one = random_below(&dice, 10);
    if (slot->contract == 0 || slot->desired == DESIRED_DELETED) {
        counts[0]++;
        return ask_deploy(slot);
    }
    if (one < 3 && slot->desired == DESIRED_RUN) {
        counts[1]++;
        return ask_update(slot);
    }
    if (one < 8) {
        bool is_pause = slot->desired == DESIRED_RUN;
        counts[is_pause ? 2 : 3]++;
        return is_pause ? ask_pause(slot) : ask_resume(slot);
    }
    counts[4]++;
    return (slot->desired == DESIRED_RUN || ask_resume(slot)) && ask_end(slot);
}

/* ---- faults ---- */

static bool is_live(const slot_t *slot) { return slot->contract && slot->desired != DESIRED_DELETED; }

static int first_process(const slot_t *slot)
{
    return core_process(twins[slot->index], slot->contract, "web");
}

/* The agent works in a child, and is killed there; some of its lives begin with something to tell. */
static void crash(void)
{
    char text[16];
    int status;
    bool is_closing = random_below(&dice, 2) == 0;
    snprintf(text, sizeof text, "%u", 1 + random_below(&dice, CRASH_STEPS));
    agent_close();
    pid_t child = fork();
    if (child == 0) {
        setenv("ZOS_CRASH_AT", text, 1);
        if (!agent_open()) _exit(1);
        engine_meter(engine);
        for (uint64_t end_ms = now_ms() + CRASH_MS; now_ms() < end_ms;) {
            if (!one_step()) grid_step(5);
            if (is_closing) close_window();
        }
        _exit(0);
    }
    waitpid(child, &status, 0);
    kills += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (!agent_open()) exit(1);
}

/* Something is to be in the blocks that are unmade. */
static void unmake_blocks(void)
{
    scale_writer_t w             = grid_blank();
    support_multi_address_t dest = {.kind = SUPPORT_MULTI_ADDRESS_ID, .id = node_key.account};
    balances_transfer_allow_death_call_encode(
        &w, &(balances_transfer_allow_death_args_t){.dest = dest, .value = 1000});
    if (random_below(&dice, 2) == 0) {
        meter();
        close_window();
    }
    (void)client_submit(grid_client, &(client_submit_t){.key = &bank, .call = scale_written(&w)}, grid_forget,
                        NULL);
    for (int i = 0; i < 10; i++)
        grid_step(3);
    (void)grid_fork(1 + random_below(&dice, GRID_FORK_MAX));
}

static void harm(void)
{
    slot_t *slot = &slots[random_below(&dice, SLOTS)];
    char netns[32], id[NETWORK_LEN + 1], net[32], wid[WID_LEN + 1], shim[PATH_CAP];
    uint32_t which = random_below(&dice, 9);
    int pid        = slot->contract ? first_process(slot) : 0;
    snprintf(net, sizeof net, "n%llu", (unsigned long long)slot->contract);
    plan_network_id(twins[slot->index], net, id);
    plan_wid(twins[slot->index], slot->contract, "web", wid);
    network_namespace(&host, id, netns);
    snprintf(shim, sizeof shim, "zos-shim %.60s/run/w/%s", real_dir, wid);
    counts[5]++;
    if (which < 2) crash();
    if (which == 2 && pid && slot->desired == DESIRED_RUN) {
        kill(pid, SIGKILL);
        slot->pid       = 0;
        slot->is_killed = true;
    }
    if (which == 3 && pid) SPAWN(NULL, 5000, "pkill", "-9", "-f", shim);
    if (which == 4) {
        meter(); /* what nobody read goes with the namespace, and nobody can know it */
        SPAWN(NULL, 5000, "ip", "netns", "delete", netns);
    }
    if (which == 5) SPAWN(NULL, 5000, "nft", "delete", "table", "inet", real_prefix);
    if (which == 6) skipped_ms += ((int64_t)random_below(&dice, 7200) - 3600) * 1000;
    if (which >= 7) unmake_blocks();
    if (which == 4 || which == 5) engine_sweep(engine);
}

/* ---- traffic ---- */

/* Everything that the web server of a slot gives under a path. */
static uint64_t fetch(const slot_t *slot, const char *path)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port   = htons((uint16_t)(first_port + slot->index)),
                             .sin_addr   = {htonl(INADDR_LOOPBACK)}};
    struct timeval limit  = {3, 0};
    char text[4096];
    uint64_t all = 0;
    int fd       = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    int len = snprintf(text, sizeof text, "GET %s HTTP/1.0\r\n\r\n", path);
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) == 0 && write(fd, text, (size_t)len) == len)
        for (ssize_t got; (got = read(fd, text, sizeof text)) > 0;)
            all += (uint64_t)got;
    close(fd);
    return all;
}

static bool open_capture(void *fd) { return (*(int *)fd = capture_open(NFT_BRIDGE)) >= 0; }

/* What passes between a slot's machine and its network; -1 when there is none. */
static int capture_of(const slot_t *slot)
{
    char net[32], id[NETWORK_LEN + 1], name[32];
    int fd = -1;
    snprintf(net, sizeof net, "n%llu", (unsigned long long)slot->contract);
    plan_network_id(twins[slot->index], net, id);
    network_namespace(&host, id, name);
    int netns = netns_open(name);
    if (netns < 0 || !netns_inside(netns, open_capture, &fd)) fd = -1;
    if (netns >= 0) close(netns);
    return fd;
}

/* Some of those that run are asked for something; what that was is taken from the wire. */
static bool move_bytes(void)
{
    static const char *const paths[] = {"/etc/hosts", "/bin/busybox", "/nothing"};
    static const uint8_t guest[4]    = {10, 20, 3, 2}; /* web of core.h */
    for (int i = 0; i < SLOTS; i++) {
        slot_t *slot   = &slots[i];
        uint64_t bytes = 0, got = 0;
        if (!is_live(slot) || slot->desired != DESIRED_RUN || random_below(&dice, 2)) continue;
        int fd = capture_of(slot);
        if (fd < 0) return false;
        for (uint32_t times = 1 + random_below(&dice, 3); times > 0; times--)
            got += fetch(slot, paths[random_below(&dice, 3)]);
        if (!capture_close(fd, guest, &bytes) || bytes < got || (got > 100000 && bytes > got + got / 4)) {
            printf("capture: %llu on the wire, %llu read\n", (unsigned long long)bytes,
                   (unsigned long long)got);
            return false;
        }
        slot->moved += bytes;
        moved_all += bytes;
    }
    return true;
}

/* ---- the models ---- */

static slot_t *slot_of(uint64_t contract)
{
    for (int i = 0; i < SLOTS; i++)
        if (slots[i].contract == contract) return &slots[i];
    return NULL;
}

static void on_chain_event(const smart_contract_event_t *e)
{
    if (e->kind == SMART_CONTRACT_EVENT_NRU_CONSUMPTION_REPORT_RECEIVED) {
        slot_t *slot = slot_of(e->nru_consumption_report_received.contract_id);
        reported_all += e->nru_consumption_report_received.nru;
        if (slot) slot->reported += e->nru_consumption_report_received.nru;
    }
    if (e->kind == SMART_CONTRACT_EVENT_UPDATED_USED_RESOURCES) {
        slot_t *slot                 = slot_of(e->updated_used_resources.contract_id);
        const support_resources_t *u = &e->updated_used_resources.used;
        if (slot) slot->told = (capacity_t){.cru = u->cru, .mru = u->mru, .sru = u->sru, .hru = u->hru};
    }
}

static bool read_ledger(void) { return ledger_read(side->watch.finalized.number); }

static const char *state_of(const slot_t *slot, const char *name)
{
    static char text[16];
    json_t *json = engine_get(engine, twins[slot->index], slot->contract), *w;
    size_t i;
    text[0] = 0;
    json_array_foreach(json_object_get(json, "workloads"), i, w)
    {
        const char *value = json_string_value(json_object_get(json_object_get(w, "result"), "state"));
        if (value && strcmp(json_string_value(json_object_get(w, "name")), name) == 0)
            snprintf(text, sizeof text, "%s", value);
    }
    json_decref(json);
    return text;
}

/* What was not made when its contract was paused is made when that goes on. */
static bool is_so(const slot_t *slot, const char *name)
{
    static const char *const states[] = {"ok", "paused", "deleted"};
    const char *state                 = state_of(slot, name);
    return strcmp(state, states[slot->desired]) == 0 ||
           (slot->desired == DESIRED_PAUSED && strcmp(state, "init") == 0);
}

static bool is_settled(const slot_t *slot)
{
    bool is_dying = slot->contract && slot->desired == DESIRED_RUN && first_process(slot) == 0;
    return slot->contract == 0 || (!is_dying && is_so(slot, "web") && is_so(slot, "data") &&
                                   (!slot->has_more || is_so(slot, "more")));
}

static bool all_settled(void)
{
    for (int i = 0; i < SLOTS; i++)
        if (!is_settled(&slots[i])) return false;
    return true;
}

/* Until all is as wanted, and all is told that there is to tell. */
static bool settle(void)
{
    engine_sweep(engine);
    for (uint64_t end_ms = now_ms() + SETTLE_MS_MAX; now_ms() < end_ms;) {
        if (one_step()) continue;
        if (all_settled() && report_backlog(side) == 0) return true;
        grid_hurry();
    }
    for (int i = 0; i < SLOTS; i++)
        if (!is_settled(&slots[i]))
            printf("contract %llu, wanted %d: web %s, data %s\n", (unsigned long long)slots[i].contract,
                   (int)slots[i].desired, state_of(&slots[i], "web"), state_of(&slots[i], "data"));
    printf("%u reports wait\n", report_backlog(side));
    return false;
}

static void add(capacity_t *sum, capacity_t one)
{
    sum->cru += one.cru;
    sum->mru += one.mru;
    sum->sru += one.sru;
}

static bool complain(const slot_t *slot, const char *what, uint64_t is, uint64_t should)
{
    printf("contract %llu: %s %llu, not %llu\n", (unsigned long long)slot->contract, what,
           (unsigned long long)is, (unsigned long long)should);
    return false;
}

/* What a contract uses, by what was asked for; the chain was told the same. */
static bool uses_what_it_should(const slot_t *slot, capacity_t *want)
{
    capacity_t got  = engine_resources(engine, slot->contract);
    deployment_t *d = is_live(slot) ? wanted(slot) : NULL;
    *want           = (capacity_t){0};
    for (uint32_t w = 0; d && w < d->workload_count; w++)
        if (strcmp(state_of(slot, d->workloads[w].name), "init") != 0)
            add(want, workload_capacity(&d->workloads[w]));
    deployment_free(d);
    if (memcmp(want, &got, sizeof got) != 0) return complain(slot, "sru", got.sru, want->sru);
    if (!is_live(slot)) return true;
    if (memcmp(want, &slot->told, sizeof got) != 0)
        return complain(slot, "sru told", slot->told.sru, want->sru);
    return true;
}

/* Each byte is counted once: it waits to be told, or was told. */
static bool moved_what_it_should(const slot_t *slot)
{
    uint32_t count;
    uint64_t waits     = 0;
    engine_nru_t *list = engine_nru(engine, &count);
    for (uint32_t i = 0; i < count; i++)
        if (list[i].contract_id == slot->contract) waits = list[i].bytes;
    free(list);
    if (slot->reported > slot->moved) return complain(slot, "bytes told", slot->reported, slot->moved);
    if (!is_live(slot)) return true; /* the chain forgot it, and what was not told of it */
    return slot->reported + waits == slot->moved ||
           complain(slot, "bytes told and waiting", slot->reported + waits, slot->moved);
}

static bool is_as_modelled(void)
{
    engine_figures_t figures;
    engine_figures(engine, &figures);
    capacity_t all = figures.system, want;
    for (int i = 0; i < SLOTS; i++) {
        slot_t *slot = &slots[i];
        if (!uses_what_it_should(slot, &want) || !moved_what_it_should(slot)) return false;
        add(&all, want);
        bool may_be_dead = slot->is_killed && slot->desired == DESIRED_PAUSED;
        bool is_up       = is_live(slot) && strcmp(state_of(slot, "web"), "init") != 0;
        int pid          = slot->contract ? first_process(slot) : 0;
        if (slot->pid && is_live(slot) && pid != slot->pid)
            return complain(slot, "process", (uint64_t)pid, (uint64_t)slot->pid);
        if (is_up && !pid && !may_be_dead) return complain(slot, "process", 0, 1);
        slot->pid = is_live(slot) ? pid : 0;
        if (pid && slot->desired == DESIRED_RUN) slot->is_killed = false;
    }
    return memcmp(&all, &figures.used, sizeof all) == 0;
}

/* A process that was killed ends some time later, one that is frozen when it goes on: then it is started
 * again. */
static bool is_right(void)
{
    for (int tries = 0; tries < 5; tries++) {
        meter();
        if (settle() && read_ledger() && is_as_modelled()) return true;
        grid_step(200);
    }
    return false;
}

/* What the chain took for it all is what the rules say. */
static bool is_billed_right(void)
{
    spawn_result_t said;
    bool is_ok =
        SPAWN(&said, 120000, "python3", TRELLIS_SOURCE_DIR "/tests/tools/bill_audit.py", real_path("ledger"));
    printf("%s\n", said.text);
    fflush(stdout);
    return is_ok;
}

/* ---- the run ---- */

static bool make_world(void)
{
    ledger_file = fopen(real_path("ledger"), "w");
    ledger_seen = on_chain_event;
    if (!ledger_file || !grid_connect()) return false;
    bool is_ok = grid_make_twin(&farmer) && grid_make_farm(&farmer, &farm_id) &&
                 grid_pay(&bank, &node_key, 100 * GRID_TFT);
    for (int i = 0; i < SLOTS && is_ok; i++) {
        slots[i].index  = (uint32_t)i;
        ledger_users[i] = &users[i];
        is_ok           = grid_pay(&bank, &users[i], funds[i]) && grid_make_twin(&users[i]);
        twins[i]        = grid_twin(&users[i]);
    }
    ledger_line("{\"twins\":[%u,%u,%u,%u]}", twins[0], twins[1], twins[2], twins[3]);
    grid_disconnect();
    return is_ok;
}

static bool settle_and_look(uint32_t i)
{
    bool is_ok = is_right() && move_bytes() && is_right();
    if (is_ok && random_below(&dice, 2) == 0) {
        close_window();
        is_ok = is_right();
    }
    if (is_ok && i % AUDIT_EVERY == 0) {
        printf("%u operations\n", i);
        is_ok = is_billed_right();
    }
    if (!is_ok) printf("at operation %u of seed %llu\n", i, (unsigned long long)first_seed);
    return is_ok;
}

TEST(whatever_is_asked_and_whatever_breaks_machine_and_bills_end_as_asked)
{
    dice.state = first_seed;
    OK(make_world());
    OK(agent_open());
    for (uint32_t i = 1; i <= operations; i++) {
        OK(operate());
        for (uint32_t steps = random_below(&dice, 4); steps > 0; steps--)
            one_step();
        if (random_below(&dice, 5) == 0) harm();
        if (i % SETTLE_EVERY == 0) OK(settle_and_look(i));
    }
    for (int i = 0; i < SLOTS; i++) {
        if (!is_live(&slots[i])) continue;
        OK(slots[i].desired == DESIRED_RUN || ask_resume(&slots[i]));
        OK(ask_end(&slots[i]));
    }
    OK(is_right());
    for (int i = 0; i < 3; i++) {
        engine_sweep(engine);
        meter();
    }
    OK(engine_is_idle(engine));
    OK(read_ledger());
    agent_close();
    OK(is_billed_right());
    printf("seed %llu: %u deployed, %u updated, %u paused, %u resumed, %u cancelled; %u faults, of which the "
           "agent "
           "was killed %u times and %u times blocks were unmade; %llu bytes moved, %llu reported\n",
           (unsigned long long)first_seed, counts[0], counts[1], counts[2], counts[3], counts[4], counts[5],
           kills, grid_forks, (unsigned long long)moved_all, (unsigned long long)reported_all);
    OK(left_nothing());
}

/* Below the ports from which this machine calls out. */
static void choose_ports(void)
{
    for (uint32_t i = 0; i < SLOTS; i++) {
        if (real_port_is_free((uint16_t)(real_port + i))) continue;
        real_port++;
        i = UINT32_MAX; /* from the first again */
    }
    first_port = real_port;
}

static bool make_keys(void)
{
    static const char *const names[SLOTS] = {"//SoakA", "//SoakB", "//SoakC", "//SoakD"};
    bool is_ok                            = key_from_suri("//Alice", KEY_SR25519, &bank) == KEY_OK &&
                 key_from_suri("//Bob", KEY_SR25519, &farmer) == KEY_OK &&
                 key_from_suri("//SoakNode", KEY_SR25519, &node_key) == KEY_OK;
    for (int i = 0; i < SLOTS; i++)
        is_ok = is_ok && key_from_suri(names[i], KEY_SR25519, &users[i]) == KEY_OK;
    return is_ok;
}

int main(int argc, char **argv)
{
    const char *obstacle = real_obstacle();
    if (!obstacle && access(NODE_PROGRAM, X_OK) != 0) obstacle = "trellis-node is not built";
    if (obstacle) return test_skip("containers cannot be run here", obstacle);
    if (argc > 1) operations = (uint32_t)strtoul(argv[1], NULL, 10);
    if (argc > 2) first_seed = strtoull(argv[2], NULL, 10);
    if (!crypto_init() || !make_keys() || !core_start(NULL)) return 1;
    if (!grid_start(NODE_PROGRAM, real_path("grid"), (uint16_t)RPC_PORT)) return 1;
    choose_ports();
    setlinebuf(stdout);
    int status = test_main_(1, argv);
    grid_end();
    if (status == 0) folder_remove(real_dir);
    if (status != 0) printf("left: %s, prefix %s\n", real_dir, real_prefix);
    return status;
}
