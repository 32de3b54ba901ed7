/* Jobs that are out at the same time: the engine without a machine, whose part a model plays.  The model
 * keeps what runs, what is frozen and what the rules of each network were last; it carries a job out when it
 * is done, in any order. */
#include "chance.h"
#include "deployments.h"
#include "engine.h"
#include "image.h"
#include "test.h"

#include <jansson.h>
#include <unistd.h>

#define CONTRACTS 8
#define FIRST     40
#define ROUNDS    12
#define STEPS     600
#define OUT_CAP   (2 * ENGINE_LANES_MAX + 1)

static char folder[64];
static db_t *db;
static engine_t *engine;
static uint64_t now_ms;
static char said[ENGINE_ERROR_MAX + 1];
static job_t out[OUT_CAP]; /* jobs that are out */
static uint32_t out_count;

static void core_open(uint32_t lanes)
{
    char error[256];
    db                     = db_open(folder, false, error);
    engine_config_t config = {
        .db              = db,
        .state_dir       = folder,
        .pool_dir        = "/pool",
        .has_user_spaces = true,
        .lanes           = lanes,
        .total           = {.cru = 4, .mru = UINT64_C(4) << 30, .sru = UINT64_C(100) << 30}
    };
    engine = engine_new(&config);
    if (!db || !engine) exit(1);
}

static void core_close(void)
{
    while (out_count > 0)
        job_fini(&out[--out_count]);
    engine_free(engine);
    db_close(db);
    engine = NULL;
    db     = NULL;
}

static void fresh(uint32_t lanes)
{
    char path[96];
    core_close();
    snprintf(folder, sizeof folder, "/tmp/zt-lanes-%d", getpid());
    snprintf(path, sizeof path, "%s/img", folder);
    folder_remove(folder);
    if (!folder_make(path, 0700)) exit(1);
    now_ms = 1000000000;
    core_open(lanes);
    snprintf(path, sizeof path, "%s/img/d0.sqfs", folder);
    if (!file_replace(path, "x", 1, 0644)) exit(1);
    image_checked(db, "d0", path);
    db_do(db,
          "INSERT INTO image VALUES('web', 'd0', 1, '{\"args\":[\"/bin/web\"],\"env\":[],\"cwd\":\"/\","
          "\"uid\":0,\"gid\":0}', 0)",
          "");
}

/* ---- deployments: a disk, a network and a machine, of a twin of its own or of one for all ---- */

static json_t *machine(const char *net, unsigned host, json_int_t memory, int version)
{
    char ip[32];
    snprintf(ip, sizeof ip, "10.20.2.%u", host);
    return json_pack("{s:i,s:s,s:s,s:{s:s,s:{s:[{s:s,s:s}]},s:{s:i,s:I},s:[{s:s,s:s}],s:s}}", "version",
                     version, "name", "vm", "type", "zmachine-light", "data", "flist", "oci:web", "network",
                     "interfaces", "network", net, "ip", ip, "compute_capacity", "cpu", 1, "memory", memory,
                     "mounts", "name", "disk", "mountpoint", "/data", "entrypoint", "");
}

static json_t *disk(json_int_t size, int version) { return zmount_of("disk", size, version); }

static deployment_t *deployment(uint32_t twin, uint64_t contract, uint32_t version, json_t *workloads)
{
    return deployment_of(twin, version, contract, workloads);
}

static bool deploy(uint32_t twin, uint64_t contract, json_t *workloads)
{
    return engine_deploy(engine, deployment(twin, contract, 0, workloads), (int64_t)(now_ms / 1000), said);
}

static bool deploy_web(uint32_t twin, uint64_t contract)
{
    return deploy(twin, contract,
                  json_pack("[o,o,o]", machine("net", 2, 268435456, 0), disk(1 << 20, 0), network_of("net")));
}

static void cancel(uint64_t contract)
{
    engine_desire(engine, contract, DESIRED_DELETED, "canceled", "block 9", (int64_t)(now_ms / 1000));
}

static const char *state_of(uint32_t twin, uint64_t contract, const char *name)
{
    static char text[64];
    json_t *json = engine_get(engine, twin, contract), *w;
    size_t i;
    snprintf(text, sizeof text, "none");
    json_array_foreach(json_object_get(json, "workloads"), i,
                       w) if (strcmp(json_string_value(json_object_get(w, "name")), name) == 0)
        snprintf(text, sizeof text, "%s",
                 json_string_value(json_object_get(json_object_get(w, "result"), "state")));
    json_decref(json);
    return text;
}
#define IS(twin, contract, name, state) OK(strcmp(state_of(twin, contract, name), state) == 0)

/* ---- jobs ---- */

/* Lets one more out; NULL when there is none. */
static job_t *take(void)
{
    uint64_t wake;
    return engine_next(engine, now_ms, &out[out_count], &wake) ? &out[out_count++] : NULL;
}

/* The job of a contract that is out; NULL when there is none. */
static job_t *of(uint64_t contract)
{
    for (uint32_t i = 0; i < out_count; i++)
        if (out[i].contract_id == contract) return &out[i];
    return NULL;
}

static void done(job_t *job, host_status_t status)
{
    job->result = status == HOST_OK ? host_ok() : host_fail(status, "as the test wants it");
    engine_done(engine, job, now_ms);
    *job = out[--out_count];
}

static void settle(void)
{
    for (;;) {
        while (take())
            continue;
        if (out_count == 0) return;
        done(&out[0], HOST_OK);
    }
}

TEST(deployments_are_made_at_once_and_each_in_its_order)
{
    fresh(3);
    for (uint32_t i = 0; i < 5; i++)
        OK(deploy_web(7 + i, FIRST + i));
    while (take())
        continue;
    EQ(out_count, 3); /* as many as lanes */
    for (uint32_t i = 0; i < 3; i++) {
        EQ(out[i].kind, JOB_DISK);
        EQ(out[i].contract_id, FIRST + i);
    }
    done(of(FIRST + 1), HOST_OK);
    EQ(take()->kind, JOB_NETWORK); /* its own next step, and nobody's before it is done */
    EQ(of(FIRST + 1)->kind, JOB_NETWORK);
    EQ(take()->contract_id, FIRST + 3);
    OK(!take());
    done(of(FIRST), HOST_OK);
    EQ(take()->contract_id, FIRST + 4); /* the network of the first waits for that of the second */
    OK(!take());
    done(of(FIRST + 1), HOST_OK);
    EQ(take()->contract_id, FIRST);
    EQ(of(FIRST)->kind, JOB_NETWORK);
    settle();
    for (uint32_t i = 0; i < 5; i++)
        IS(7 + i, FIRST + i, "vm", "ok");
    OK(!engine_is_busy(engine));
}

TEST(taking_away_does_not_wait_for_making)
{
    fresh(2);
    OK(deploy_web(7, FIRST));
    settle();
    for (uint32_t i = 1; i < 4; i++)
        OK(deploy_web(7 + i, FIRST + i));
    while (take())
        continue;
    EQ(out_count, 2);
    cancel(FIRST);
    EQ(take()->kind, JOB_METER);
    done(of(0), HOST_OK);
    EQ(take()->kind, JOB_CLOSE);
    done(of(FIRST), HOST_OK);
    EQ(take()->kind, JOB_DROP_MACHINE);
    OK(!take());
    done(of(FIRST + 1), HOST_OK); /* and others are made meanwhile */
    EQ(take()->kind, JOB_NETWORK);
    settle();
    OK(strcmp(state_of(7, FIRST, "vm"), "deleted") == 0);
    IS(10, FIRST + 3, "vm", "ok");
}

TEST(what_is_not_wanted_any_more_is_known_while_it_is_made)
{
    fresh(2);
    OK(deploy_web(7, FIRST));
    job_t *job = take();
    OK(!engine_is_unwanted(engine, job));
    engine_desire(engine, FIRST, DESIRED_PAUSED, "grace", "", 1);
    OK(engine_is_unwanted(engine, job));
    engine_desire(engine, FIRST, DESIRED_RUN, "paid", "", 1);
    OK(!engine_is_unwanted(engine, job));
    cancel(FIRST);
    OK(engine_is_unwanted(engine, job));
    done(job, HOST_LATER);
    EQ(take()->kind, JOB_METER);
    done(of(0), HOST_OK);
    job = take();
    EQ(job->kind, JOB_DROP_DISK);
    OK(!engine_is_unwanted(engine, job));
    settle();
    OK(engine_is_idle(engine));
}

/* Of 4 GiB a quarter is the system's. */
TEST(who_finds_no_room_waits_for_what_is_being_removed_and_no_longer)
{
    fresh(2);
    OK(deploy(
        7, FIRST,
        json_pack("[o,o,o]", machine("net", 2, (json_int_t)2 << 30, 0), disk(4096, 0), network_of("net"))));
    settle();
    IS(7, FIRST, "vm", "ok");
    cancel(FIRST);
    OK(deploy(
        8, FIRST + 1,
        json_pack("[o,o,o]", machine("net", 2, (json_int_t)2 << 30, 0), disk(4096, 0), network_of("net"))));
    while (!of(FIRST) || of(FIRST)->kind != JOB_DROP_MACHINE) {
        while (take())
            continue;
        if (of(0))
            done(of(0), HOST_OK);
        else if (of(FIRST) && of(FIRST)->kind != JOB_DROP_MACHINE)
            done(of(FIRST), HOST_OK);
        else if (of(FIRST + 1))
            done(of(FIRST + 1), HOST_OK);
    }
    while (of(FIRST + 1) || take())
        if (of(FIRST + 1)) done(of(FIRST + 1), HOST_OK);
    IS(8, FIRST + 1, "net", "ok");
    IS(8, FIRST + 1, "vm", "init"); /* it waits */
    done(of(FIRST), HOST_OK);
    settle(); /* in the same moment */
    IS(8, FIRST + 1, "vm", "ok");
    OK(deploy(
        9, FIRST + 2,
        json_pack("[o,o,o]", machine("net", 2, (json_int_t)2 << 30, 0), disk(4096, 0), network_of("net"))));
    settle();
    IS(9, FIRST + 2, "vm", "error"); /* nothing goes: there is no room */
}

TEST(the_rules_of_one_that_is_being_made_are_in_every_plan)
{
    fresh(4);
    OK(deploy(7, FIRST, json_pack("[o]", network_of("net"))));
    settle();
    for (uint32_t i = 1; i < 3; i++)
        OK(deploy(7, FIRST + i, json_pack("[o,o]", machine("net", 2 + i, 268435456, 0), disk(4096, 0))));
    while (take())
        continue;
    done(of(FIRST + 1), HOST_OK);
    done(of(FIRST + 2), HOST_OK);
    EQ(take()->kind, JOB_OPEN);
    EQ(of(FIRST + 1)->network.guest_count, 1);
    OK(!take()); /* the other one's rules come after these */
    done(of(FIRST + 1), HOST_OK);
    while (take())
        continue;
    EQ(of(FIRST + 1)->kind, JOB_MACHINE);
    EQ(of(FIRST + 2)->kind, JOB_OPEN);
    EQ(of(FIRST + 2)->network.guest_count, 2); /* of which one is not there yet */
    done(of(FIRST + 1), HOST_LATER);
    done(of(FIRST + 2), HOST_OK);
    while (take())
        continue;
    EQ(of(FIRST + 2)->kind, JOB_MACHINE);
    now_ms += 2000;
    EQ(take()->kind, JOB_OPEN); /* the one that failed begins with its rules again */
    EQ(of(FIRST + 1)->network.guest_count, 2);
    settle();
}

TEST(what_belongs_to_nobody_is_removed_when_nobody_is_at_work)
{
    fresh(4);
    OK(deploy_web(7, FIRST) && deploy(8, FIRST + 1, json_pack("[o]", disk(4096, 0))));
    settle();
    cancel(FIRST + 1);
    EQ(take()->kind, JOB_METER);
    done(of(0), HOST_OK);
    EQ(take()->kind, JOB_DROP_DISK);
    OK(engine_update(engine,
                     deployment(7, FIRST, 1,
                                json_pack("[o,o,o]", machine("net", 2, 268435456, 0), disk(2 << 20, 1),
                                          network_of("net"))),
                     2000000, said));
    EQ(take()->kind, JOB_DISK);
    done(of(FIRST + 1), HOST_OK);
    OK(!take());
    done(of(FIRST), HOST_OK);
    EQ(take()->kind, JOB_REST);
    OK(deploy_web(9, FIRST + 2));
    OK(!take()); /* not beside that */
    done(of(0), HOST_OK);
    EQ(take()->kind, JOB_DISK);
    settle();
}

/* ---- any order ---- */

typedef struct {
    uint64_t contract;
    uint32_t twin, version;
    desired_t desired;
    bool has_disk, runs, is_frozen, is_ruled, is_cut; /* on the machine: cut: by a pause */
} model_t;

static model_t models[CONTRACTS];
static chance_t dice;
static uint64_t next_contract;

static model_t *model_of(uint64_t contract)
{
    for (int i = 0; i < CONTRACTS; i++)
        if (models[i].contract == contract && contract != 0) return &models[i];
    return NULL;
}

static bool is_guest(const job_t *job, const model_t *m, bool *is_paused)
{
    char wid[WID_LEN + 1];
    plan_wid(m->twin, m->contract, "vm", wid);
    for (uint32_t i = 0; i < job->network.guest_count; i++)
        if (strcmp(job->network.guests[i].wid, wid) == 0) {
            *is_paused = job->network.guests[i].is_paused;
            return true;
        }
    return false;
}

/* The rules of the one network are now as this job has them.  Whoever runs and is to go on is in them. */
static bool apply_rules(const job_t *job)
{
    if (job->network.prefix == 0) return true;
    for (int i = 0; i < CONTRACTS; i++) {
        model_t *m     = &models[i];
        bool is_paused = false;
        if (m->contract == 0) continue;
        bool was_ruled = m->is_ruled;
        m->is_ruled    = is_guest(job, m, &is_paused);
        m->is_cut      = m->is_ruled && is_paused;
        if (m->runs && was_ruled && !m->is_ruled && m->desired != DESIRED_DELETED) {
            printf("contract %llu runs, and a plan forgot it\n", (unsigned long long)m->contract);
            return false;
        }
    }
    return true;
}

/* Never before its rules; who was cancelled meanwhile may lose them first: he reaches nobody. */
static bool run_machine(model_t *m)
{
    bool is_ok   = m->has_disk && (m->desired == DESIRED_DELETED || (m->is_ruled && !m->is_cut));
    m->runs      = true;
    m->is_frozen = false;
    return is_ok;
}

static bool drop_machine(model_t *m)
{
    m->runs = false;
    return !m->is_ruled;
}

static bool drop_disk(model_t *m)
{
    m->has_disk = false;
    return !m->runs;
}

static bool carry_out(const job_t *job)
{
    model_t *m = model_of(job->contract_id);
    if (job->kind == JOB_PAUSE) m->is_frozen = m->runs;
    bool is_ok = apply_rules(job);
    if (job->kind == JOB_DISK) m->has_disk = true;
    if (job->kind == JOB_OPEN) is_ok = is_ok && m->is_ruled && !m->is_cut;
    if (job->kind == JOB_MACHINE) is_ok = run_machine(m);
    if (job->kind == JOB_CLOSE) is_ok = is_ok && !m->is_ruled;
    if (job->kind == JOB_DROP_MACHINE) is_ok = drop_machine(m);
    if (job->kind == JOB_DROP_DISK) is_ok = drop_disk(m);
    if (!is_ok) printf("job %d of contract %llu\n", (int)job->kind, (unsigned long long)job->contract_id);
    return is_ok;
}

static bool is_shared(job_kind_t kind)
{
    return kind == JOB_NETWORK || kind == JOB_OPEN || kind == JOB_CLOSE || kind == JOB_PAUSE ||
           kind == JOB_METER || kind == JOB_SWEEP || kind == JOB_DROP_NETWORK;
}

/* What is out may be out together. */
static bool is_allowed(void)
{
    uint32_t shared = 0, alone = 0;
    for (uint32_t i = 0; i < out_count; i++) {
        shared += is_shared(out[i].kind);
        alone += out[i].kind == JOB_REST;
        for (uint32_t j = 0; j < i; j++)
            if (out[i].contract_id != 0 && out[i].contract_id == out[j].contract_id) return false;
    }
    return shared <= 1 && (alone == 0 || out_count == 1);
}

/* A job may do its work and its result be lost: then it comes again. */
static bool end_one(bool is_calm)
{
    job_t *job       = &out[chance_below(&dice, out_count)];
    const model_t *m = model_of(job->contract_id);
    job->is_lost     = job->kind == JOB_MACHINE && job->is_known && !m->runs; /* as the machine finds it */
    if (job->is_lost) {
        done(job, HOST_WAITS);
        return true;
    }
    uint32_t way = is_calm ? 0 : chance_below(&dice, 8);
    bool is_ok   = way == 7 || carry_out(job);
    done(job, way < 6 ? HOST_OK : HOST_LATER);
    return is_ok;
}

static void operate(void)
{
    model_t *m   = &models[chance_below(&dice, CONTRACTS)];
    unsigned ip  = 2 + (unsigned)(m - models);
    uint32_t way = chance_below(&dice, 8);
    int64_t at   = (int64_t)(now_ms / 1000);
    if (m->contract == 0) {
        *m = (model_t){.contract = next_contract++, .twin = 7};
        if (!deploy(7, m->contract, json_pack("[o,o]", machine("net", ip, 268435456, 0), disk(4096, 0))))
            exit(1);
        return;
    }
    if (m->desired == DESIRED_DELETED) return;
    if (way == 0) m->desired = DESIRED_DELETED;
    if (way == 1 || way == 2) m->desired = DESIRED_PAUSED;
    if (way == 3 || way == 4) m->desired = DESIRED_RUN;
    if (way < 5) engine_desire(engine, m->contract, m->desired, "as the test wants it", "block", at);
    if (way == 5) {
        m->version++;
        if (!engine_update(engine,
                           deployment(7, m->contract, m->version,
                                      json_pack("[o,o]", machine("net", ip, 268435456, 0),
                                                disk(4096 + (json_int_t)m->version, (int)m->version))),
                           at, said))
            m->version--;
    }
    if (way == 6) engine_meter(engine);
    if (way == 7) engine_sweep(engine);
}

/* All that was wanted is so. */
static bool is_as_wanted(void)
{
    for (int i = 0; i < CONTRACTS; i++) {
        model_t *m = &models[i];
        if (m->contract == 0) continue;
        const char *state = state_of(7, m->contract, "vm");
        bool is_gone = m->desired == DESIRED_DELETED, is_paused = m->desired == DESIRED_PAUSED;
        bool is_ok = is_gone ? !m->runs && !m->is_ruled && !m->has_disk
                     : !is_paused
                         ? m->runs && !m->is_frozen && m->is_ruled && !m->is_cut && strcmp(state, "ok") == 0
                         : !m->runs || (m->is_frozen && (!m->is_ruled || m->is_cut));
        if (!is_ok) {
            printf("contract %llu is %s and wanted %d: disk %d runs %d frozen %d ruled %d cut %d\n",
                   (unsigned long long)m->contract, state, (int)m->desired, m->has_disk, m->runs,
                   m->is_frozen, m->is_ruled, m->is_cut);
            return false;
        }
        if (is_gone) *m = (model_t){0};
    }
    return true;
}

/* Without faults, as long as it takes. */
static bool come_to_rest(void)
{
    bool is_ok = true;
    for (int idle = 0; idle < 4 && is_ok;) {
        while (take())
            is_ok = is_ok && is_allowed();
        if (out_count > 0) {
            is_ok = is_ok && end_one(true);
            idle  = 0;
        } else {
            now_ms += 2 * ENGINE_BACKOFF_MAX_MS;
            idle++;
        }
    }
    return is_ok && is_as_wanted();
}

/* The agent is killed: what is out did its work, or not. */
static void restart(uint32_t lanes)
{
    while (out_count > 0) {
        if (chance_below(&dice, 2)) (void)carry_out(&out[out_count - 1]);
        job_fini(&out[--out_count]);
    }
    core_close();
    core_open(lanes);
}

TEST(in_whatever_order_jobs_end_all_comes_to_be_as_it_is_wanted)
{
    uint64_t seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 10) : (uint64_t)getpid() * 1000;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t lanes = 1 + round % 5;
        bool is_ok     = true;
        dice           = chance_of_seed(seed + round);
        next_contract  = FIRST + 1;
        memset(models, 0, sizeof models);
        fresh(lanes);
        OK(deploy(7, FIRST, json_pack("[o]", network_of("net"))));
        settle();
        for (uint32_t step = 0; step < STEPS && is_ok; step++) {
            uint32_t way = chance_below(&dice, 16);
            if (way < 3) operate();
            if (way == 3) now_ms += chance_below(&dice, 3000);
            if (way == 4 && chance_below(&dice, 20) == 0) restart(lanes);
            if (way >= 5 && way < 10 && out_count > 0) is_ok = end_one(false);
            if (way >= 10 && take()) is_ok = is_allowed();
            if (step % 100 == 99) is_ok = is_ok && come_to_rest();
        }
        if (!is_ok) printf("SEED=%llu\n", (unsigned long long)(seed + round));
        OK(is_ok);
    }
    core_close();
    folder_remove(folder);
}

TEST_MAIN()
