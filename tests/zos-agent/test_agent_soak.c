/* Random deployments, updates, pauses, resumptions and cancellations on the real machine, with faults between
 * them; every few of them the machine must be as a model says, and in the end there is nothing left.
 *
 *     test_agent_soak [OPERATIONS [SEED]]     60 and 1 unless told otherwise; needs root
 *
 * Faults: the core is killed at a random step, a machine's first process or its shim is killed, a network's
 * namespace or the host's rules are deleted, the clock jumps.  Time is virtual. */
#include "core.h"
#include "shim.h"

#include <signal.h>
#include <sys/wait.h>

#define SLOTS         4
#define SETTLE_EVERY  8
#define SETTLE_MS_MAX 60000
#define CRASH_STEPS   80
#define MIB           (1 << 20)

/* What was asked of one contract. */
typedef struct {
    uint64_t contract; /* 0: none */
    uint32_t version, data_version;
    json_int_t size;
    bool has_more; /* a second disk, added by an update */
    desired_t desired;
    int pid; /* of its machine's first process when it was last looked at; 0: it may be another */
} slot_t;

static slot_t slots[SLOTS];
static uint64_t last_contract = 1000;
static int64_t skipped_ms;
static uint32_t counts[8];
static random_t dice;
static uint32_t operations = 60;
static uint64_t first_seed = 1;

static uint64_t virtual_ms(void) { return now_ms() + (uint64_t)skipped_ms; }

static int64_t virtual_s(void) { return (int64_t)(virtual_ms() / 1000); }

/* ---- operations ---- */

static deployment_t *wanted(const slot_t *slot)
{
    char net[32];
    json_t *workloads = web("oci:web-demo", "", slot->size), *data = json_array_get(workloads, 0),
           *machine = json_object_get(json_array_get(workloads, 2), "data");
    snprintf(net, sizeof net, "n%llu", (unsigned long long)slot->contract);
    json_object_set_new(data, "version", json_integer(slot->data_version));
    json_object_set_new(json_array_get(workloads, 1), "name", json_string(net));
    json_object_set_new(json_array_get(json_object_get(json_object_get(machine, "network"), "interfaces"), 0),
                        "network", json_string(net));
    json_object_set_new(machine, "entrypoint", json_string("sh -c 'trap exit TERM; httpd -f -p 80 & wait'"));
    if (slot->has_more)
        json_array_append_new(workloads,
                              json_pack("{s:i,s:s,s:s,s:{s:I}}", "version", (int)slot->version, "name",
                                        "more", "type", "zmount", "data", "size", (json_int_t)(8 * MIB)));
    char error[DEPLOYMENT_ERROR_MAX + 1];
    json_t *json = json_pack("{s:i,s:i,s:I,s:o}", "version", (int)slot->version, "twin_id", 7, "contract_id",
                             (json_int_t)slot->contract, "workloads", workloads);
    deployment_t *d = deployment_from_json(json, error);
    json_decref(json);
    if (!d || !deployment_valid(d, error)) {
        printf("%s\n", error);
        exit(1);
    }
    return d;
}

static bool ask_deploy(slot_t *slot)
{
    char error[ENGINE_ERROR_MAX + 1];
    *slot      = (slot_t){.contract = ++last_contract, .size = 16 * MIB};
    bool is_ok = engine_deploy(engine, wanted(slot), virtual_s(), error);
    if (!is_ok) printf("deploy: %s\n", error);
    return is_ok && !engine_deploy(engine, wanted(slot), virtual_s(), error); /* once only */
}

static bool ask_update(slot_t *slot)
{
    char error[ENGINE_ERROR_MAX + 1];
    slot_t next = *slot;
    next.version++;
    if (slot->has_more || random_below(&dice, 2) == 0) {
        next.has_more = !slot->has_more;
    } else {
        next.size += 4 * MIB;
        next.data_version = next.version;
    }
    bool is_ok = engine_update(engine, wanted(&next), virtual_s(), error);
    if (is_ok) *slot = next;
    if (!is_ok && strstr(error, "is still being removed")) return true; /* his client asks again */
    if (!is_ok) printf("update: %s\n", error);
    return is_ok;
}

static void desire(slot_t *slot, desired_t desired)
{
    slot->desired = desired;
    engine_desire(engine, slot->contract, desired, "soak", "block", virtual_s());
}

static bool operate(void)
{
    slot_t *slot = &slots[random_below(&dice, SLOTS)];
    uint32_t one = random_below(&dice, 10);
    if (slot->contract == 0 || slot->desired == DESIRED_DELETED) {
        counts[0]++;
        return ask_deploy(slot);
    }
    if (one < 3) {
        counts[1]++;
        return ask_update(slot);
    }
    if (one < 8) {
        counts[slot->desired == DESIRED_RUN ? 2 : 3]++;
        desire(slot, slot->desired == DESIRED_RUN ? DESIRED_PAUSED : DESIRED_RUN);
        return true;
    }
    counts[4]++;
    desire(slot, DESIRED_DELETED);
    return true;
}

/* ---- faults ---- */

static int first_process(const slot_t *slot)
{
    char wid[WID_LEN + 1], folder[PATH_CAP];
    shim_run_t run = {0};
    plan_wid(7, slot->contract, "web", wid);
    return machine_folder(&host, wid, folder) && shim_run_read(folder, &run) && shim_run_is_alive(&run)
               ? run.pid
               : 0;
}

static void one_step(void)
{
    static job_t job;
    uint64_t wake_ms;
    engine_look(engine, virtual_ms(), look, NULL);
    if (!engine_next(engine, virtual_ms(), &job, &wake_ms)) return;
    job_run(&host, &job);
    engine_done(engine, &job, virtual_ms());
}

/* The core works in a child, and is killed there. */
static void crash(void)
{
    char text[16];
    snprintf(text, sizeof text, "%u", 1 + random_below(&dice, CRASH_STEPS));
    core_close();
    pid_t child = fork();
    if (child == 0) {
        setenv("ZOS_CRASH_AT", text, 1);
        core_open();
        core_work(3000);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    core_open();
}

static void harm(void)
{
    slot_t *slot = &slots[random_below(&dice, SLOTS)];
    char netns[32], id[NETWORK_LEN + 1], net[32], wid[WID_LEN + 1], shim[PATH_CAP];
    uint32_t which = random_below(&dice, 7);
    int pid        = slot->contract ? first_process(slot) : 0;
    snprintf(net, sizeof net, "n%llu", (unsigned long long)slot->contract);
    plan_network_id(7, net, id);
    plan_wid(7, slot->contract, "web", wid);
    network_namespace(&host, id, netns);
    snprintf(shim, sizeof shim, "zos-shim %.60s/run/w/%s", real_dir, wid);
    counts[5]++;
    if (which < 2) crash();
    if (which == 2 && pid && slot->desired == DESIRED_RUN) {
        kill(pid, SIGKILL);
        slot->pid = 0;
    }
    if (which == 3 && pid) SPAWN(NULL, 5000, "pkill", "-9", "-f", shim);
    if (which == 4) SPAWN(NULL, 5000, "ip", "netns", "delete", netns);
    if (which == 5) SPAWN(NULL, 5000, "nft", "delete", "table", "inet", real_prefix);
    if (which == 6) skipped_ms += ((int64_t)random_below(&dice, 7200) - 3600) * 1000;
    if (which == 4 || which == 5) engine_sweep(engine);
}

/* ---- the model ---- */

static const char *state_of(const slot_t *slot, const char *name)
{
    return result_of(slot->contract, name, "state");
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

static bool settle(void)
{
    static job_t job;
    uint64_t wake_ms, end_ms = now_ms() + SETTLE_MS_MAX;
    engine_sweep(engine);
    while (now_ms() < end_ms) {
        engine_look(engine, virtual_ms(), look, NULL);
        if (engine_next(engine, virtual_ms(), &job, &wake_ms)) {
            job_run(&host, &job);
            engine_done(engine, &job, virtual_ms());
            continue;
        }
        if (all_settled()) return true;
        poll(NULL, 0, 10);
        if (wake_ms > virtual_ms() + 500) skipped_ms += 500;
    }
    for (int i = 0; i < SLOTS; i++)
        if (!is_settled(&slots[i]))
            printf("contract %llu: web %s: %s\n", (unsigned long long)slots[i].contract,
                   state_of(&slots[i], "web"), result_of(slots[i].contract, "web", "message"));
    return false;
}

static void add(capacity_t *sum, capacity_t one)
{
    sum->cru += one.cru;
    sum->mru += one.mru;
    sum->sru += one.sru;
}

/* What is used and billed is what the model says; machines that nobody harmed are those that they were. */
static bool is_as_modelled(void)
{
    engine_figures_t figures;
    engine_figures(engine, &figures);
    capacity_t all = figures.system;
    for (int i = 0; i < SLOTS; i++) {
        slot_t *slot    = &slots[i];
        capacity_t want = {0}, got = engine_resources(engine, slot->contract);
        deployment_t *d = slot->contract && slot->desired != DESIRED_DELETED ? wanted(slot) : NULL;
        for (uint32_t w = 0; d && w < d->workload_count; w++)
            if (strcmp(state_of(slot, d->workloads[w].name), "init") != 0)
                add(&want, workload_capacity(&d->workloads[w]));
        deployment_free(d);
        bool is_up = d && strcmp(state_of(slot, "web"), "init") != 0;
        add(&all, want);
        int pid = slot->contract ? first_process(slot) : 0;
        if (memcmp(&want, &got, sizeof got) != 0 || (slot->pid && d && pid != slot->pid) || (is_up && !pid)) {
            printf("contract %llu: process %d, not %d; sru %llu, not %llu\n",
                   (unsigned long long)slot->contract, pid, slot->pid, (unsigned long long)got.sru,
                   (unsigned long long)want.sru);
            return false;
        }
        slot->pid = slot->desired == DESIRED_DELETED ? 0 : pid;
    }
    return memcmp(&all, &figures.used, sizeof all) == 0;
}

/* A process that was killed ends some time later, one that is frozen when it goes on: then it is started
 * again. */
static bool is_right(void)
{
    for (int tries = 0; tries < 5; tries++) {
        if (settle() && is_as_modelled()) return true;
        poll(NULL, 0, 200);
    }
    return false;
}

TEST(whatever_is_asked_and_whatever_breaks_the_machine_ends_as_asked)
{
    dice.state = first_seed;
    core_open();
    for (uint32_t i = 1; i <= operations; i++) {
        OK(operate());
        for (uint32_t steps = random_below(&dice, 4); steps > 0; steps--)
            one_step();
        if (random_below(&dice, 5) == 0) harm();
        if (i % SETTLE_EVERY != 0) continue;
        bool is_ok = is_right();
        if (!is_ok) printf("at operation %u of seed %llu\n", i, (unsigned long long)first_seed);
        OK(is_ok);
        if (i % 200 == 0) printf("%u operations\n", i);
    }
    for (int i = 0; i < SLOTS; i++)
        if (slots[i].contract && slots[i].desired != DESIRED_DELETED) desire(&slots[i], DESIRED_DELETED);
    OK(is_right());
    for (int i = 0; i < 3; i++) {
        engine_sweep(engine);
        core_work(100);
    }
    OK(engine_is_idle(engine));
    core_close();
    printf("seed %llu: %u deployed, %u updated, %u paused, %u resumed, %u cancelled, %u faults\n",
           (unsigned long long)first_seed, counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]);
    OK(left_nothing());
}

int main(int argc, char **argv)
{
    const char *obstacle = real_obstacle();
    if (obstacle) {
        printf("skipped: containers cannot be run here: %s\n1 passed, 0 failed\n", obstacle);
        return 0;
    }
    if (argc > 1) operations = (uint32_t)strtoul(argv[1], NULL, 10);
    if (argc > 2) first_seed = strtoull(argv[2], NULL, 10);
    if (!core_start(NULL)) return 1;
    int status = test_main_(1, argv);
    folder_remove(real_dir);
    return status;
}
