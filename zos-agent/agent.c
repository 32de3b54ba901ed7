/* agent.c - the parts of the agent, made, wired and stopped; and the workers that carry out the engine's
 * jobs. */
#include "agent.h"
#include "control.h"
#include "log.h"
#include "logs.h"
#include "runner.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TWINS_CAP     4096
#define LOOK_MS       1000
#define SWEEP_MS      60000
#define SWEEP_SOON_MS 5000
#define STOP_STEPS    50
#define POWER_OFF_MS  30000
#define STOP_STEP_MS  2
#define OTHER_THREADS 3 /* names are resolved, files deleted, the node measured */

int64_t agent_now_s(const agent_t *agent) { return (int64_t)(io_now_ms(agent->io) / 1000); }

/* ---- the workers ---- */

static void work(void *self)
{
    lane_worker_t *lane = self;
    spawn_fresh_until(lane->unwanted_fd);
    job_run(&lane->agent->host, &lane->job);
    spawn_fresh_until(-1);
}

static void worked(void *self);

/* What makes something that nobody wants any more is ended, as far as that is safe. */
static void end_unwanted(agent_t *agent)
{
    for (uint32_t i = 0; i < agent->lane_count; i++) {
        lane_worker_t *lane = &agent->lanes[i];
        if (lane->is_working && engine_is_unwanted(agent->engine, &lane->job))
            eventfd_write(lane->unwanted_fd, 1);
    }
}

static lane_worker_t *free_lane(agent_t *agent)
{
    for (uint32_t i = 0; i < agent->lane_count; i++)
        if (!agent->lanes[i].is_working) return &agent->lanes[i];
    return NULL;
}

/* Takes what the engine has for free lanes; what the jobs do before they begin is on the disk first. */
static void give(agent_t *agent, lane_worker_t *ended, uint64_t now_ms, uint64_t *wake_ms)
{
    lane_worker_t *given[2 * ENGINE_LANES_MAX + 1], *lane;
    uint32_t count = 0;
    eventfd_t counted;
    db_begin(agent->db);
    if (ended) engine_done(agent->engine, &ended->job, now_ms);
    while (!agent->is_stopping && (lane = free_lane(agent)) &&
           engine_next(agent->engine, now_ms, &lane->job, wake_ms)) {
        (void)eventfd_read(lane->unwanted_fd, &counted);
        lane->is_working = true;
        given[count++]   = lane;
    }
    db_end(agent->db);
    for (uint32_t i = 0; i < count; i++)
        io_work(agent->io, work, worked, given[i]);
    end_unwanted(agent);
}

static void wake(void *self)
{
    agent_t *agent    = self;
    agent->wake_timer = NULL;
    agent_pump(agent);
}

static void pump(agent_t *agent, lane_worker_t *ended)
{
    uint64_t now_ms = io_now_ms(agent->io), wake_ms = now_ms;
    if (agent->wake_timer) io_timer_stop(agent->wake_timer);
    agent->wake_timer = NULL;
    give(agent, ended, now_ms, &wake_ms);
    if (agent->is_stopping) return;
    uint64_t wait_ms  = wake_ms > now_ms ? wake_ms - now_ms : 0;
    agent->wake_timer = free_lane(agent) ? io_timer_start(agent->io, wait_ms + 1, 0, wake, agent) : NULL;
}

static void worked(void *self)
{
    lane_worker_t *lane = self;
    agent_t *agent      = lane->agent;
    agent->jobs_done++;
    agent->jobs_failed += lane->job.result.status != HOST_OK;
    lane->is_working = false;
    pump(agent, lane);
    if (!engine_is_busy(agent->engine))
        malloc_trim(0); /* for a while nothing is to be done: what large networks took is given back */
}

void agent_pump(agent_t *agent)
{
    if (!agent->is_stopping) pump(agent, NULL);
}

static bool lanes_start(agent_t *agent)
{
    agent->lane_count = engine_jobs_max(agent->engine);
    for (uint32_t i = 0; i < agent->lane_count; i++) {
        lane_worker_t *lane = &agent->lanes[i];
        lane->agent         = agent;
        lane->unwanted_fd   = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (lane->unwanted_fd < 0) return false;
    }
    return true;
}

static void lanes_stop(agent_t *agent)
{
    while (agent->engine && engine_is_busy(agent->engine))
        io_step(agent->io, STOP_STEP_MS);
    for (uint32_t i = 0; i < agent->lane_count; i++)
        if (agent->lanes[i].agent && agent->lanes[i].unwanted_fd >= 0) close(agent->lanes[i].unwanted_fd);
}

static machine_state_t look_at(void *context, const char *wid, int *code)
{
    return machine_state(&((const agent_t *)context)->host, wid, code);
}

static void look(void *self)
{
    agent_t *agent = self;
    engine_look(agent->engine, io_now_ms(agent->io), look_at, agent);
    if (engine_has_gateway(agent->engine) && !gateway_is_up(&agent->host)) engine_gateway_lost(agent->engine);
    agent_pump(agent);
}

static void meter(void *self)
{
    agent_t *agent = self;
    engine_meter(agent->engine);
    agent_pump(agent);
}

static void sweep(void *self)
{
    agent_t *agent = self;
    engine_sweep(agent->engine);
    agent_pump(agent);
}

static void on_desire(void *context) { agent_pump(context); }

static void on_change(void *context, uint64_t contract_id)
{
    const agent_t *agent = context;
    if (agent->chain) chain_side_changed(agent->chain, contract_id);
}

/* ---- the bus ---- */

static bool bus_start(agent_t *agent)
{
    const config_t *c = agent->config;
    char urls[CONFIG_DOMAINS_CAP][RMB_URL_MAX];
    peer_config_t config = {.io          = agent->io,
                            .twin        = agent->twin_id,
                            .key         = &agent->key,
                            .twins       = agent->twins,
                            .ca_file     = c->ca_file,
                            .on_request  = api_answer,
                            .context     = agent->api,
                            .relay_count = c->domain_count};
    for (uint32_t i = 0; i < c->domain_count; i++) {
        relay_at_get(&c->relay_at, c->domains[i], urls[i]);
        config.relays[i] = urls[i];
    }
    agent->peer = peer_new(&config);
    return agent->peer != NULL;
}

static void on_registered(void *context, uint32_t twin_id, uint32_t node_id)
{
    agent_t *agent = context;
    agent->twin_id = twin_id;
    agent->node_id = node_id;
    db_set(agent->db, "twin_id", twin_id);
    db_set(agent->db, "node_id", node_id);
    if (bus_start(agent)) return;
    log_error(LOG_MAIN, "the bus cannot be joined: the relay's URL is of no known form");
    io_stop(agent->io);
}

/* What the operator said turns the machine off: a program, without arguments. */
static void on_power_off(void *context)
{
    const agent_t *agent = context;
    spawn_result_t said;
    log_warn(LOG_MAIN, "the machine is turned off", LOG_TEXT("program", agent->config->power_off));
    if (!SPAWN(&said, POWER_OFF_MS, agent->config->power_off))
        log_error(LOG_MAIN, "the machine was not turned off", LOG_TEXT("why", said.text));
}

/* ---- metrics ---- */

static void gauge(metrics_t *metrics, const char *name, const char *what, uint64_t value)
{
    metric_set(metrics_gauge(metrics, name, NULL, what), (int64_t)value);
}

typedef struct {
    const agent_t *agent;
    metrics_t *metrics;
} usage_t;

static void machine_metrics(void *context, uint64_t contract_id, const char *name, const char *wid)
{
    const usage_t *usage = context;
    cgroup_usage_t used;
    char labels[128];
    if (!machine_usage(&usage->agent->host, wid, &used)) return;
    snprintf(labels, sizeof labels, "{contract=\"%llu\",workload=\"%s\"}", (unsigned long long)contract_id,
             name);
    metric_set(metrics_gauge(usage->metrics, "zos_workload_cpu_milliseconds", labels, "time on cores"),
               (int64_t)(used.cpu_ns / 1000000));
    metric_set(metrics_gauge(usage->metrics, "zos_workload_memory_bytes", labels, "memory in use"),
               (int64_t)used.memory);
    metric_set(metrics_gauge(usage->metrics, "zos_workload_oom_kills", labels, "processes killed for memory"),
               (int64_t)used.oom_kills);
}

static void sender_metrics(void *context, uint64_t contract_id, const char *name, const char *wid)
{
    const usage_t *usage = context;
    logs_state_t state;
    char labels[128];
    if (!logs_state(&usage->agent->host, wid, &state)) return;
    snprintf(labels, sizeof labels, "{contract=\"%llu\",workload=\"%s\"}", (unsigned long long)contract_id,
             name);
    metric_set(
        metrics_gauge(usage->metrics, "zos_logs_sent_bytes", labels, "output of a machine that was sent"),
        (int64_t)state.sent);
    metric_set(metrics_gauge(usage->metrics, "zos_logs_skipped_bytes", labels,
                             "output that was not sent, since its target was slow or away"),
               (int64_t)state.skipped);
}

char *agent_metrics(agent_t *agent, size_t *len)
{
    metrics_t *metrics = metrics_new();
    engine_figures_t f;
    chain_figures_t chain = {0};
    engine_figures(agent->engine, &f);
    if (agent->chain) chain_side_figures(agent->chain, &chain);
    gauge(metrics, "zos_registered", "1 once twin and node are on the chain", agent->node_id != 0);
    gauge(metrics, "zos_chain_connected", "1 while a node of the chain is reached", chain.is_connected);
    gauge(metrics, "zos_bus_connected", "1 while a relay is reached",
          agent->peer && peer_is_connected(agent->peer));
    gauge(metrics, "zos_best_block", "the best block that was seen", chain.best);
    gauge(metrics, "zos_finalized_block", "the finalized block that was seen", chain.finalized);
    gauge(metrics, "zos_deployments", "deployments with something active", f.deployments);
    gauge(metrics, "zos_workloads", "active workloads", f.workloads);
    gauge(metrics, "zos_memory_used_bytes", "memory sold or kept for the system", f.used.mru);
    gauge(metrics, "zos_memory_total_bytes", "memory offered", f.total.mru);
    gauge(metrics, "zos_disk_used_bytes", "disk sold", f.used.sru);
    gauge(metrics, "zos_disk_total_bytes", "disk offered", f.total.sru);
    gauge(metrics, "zos_hard_disk_used_bytes", "hard disk sold, and what databases need beside it",
          f.used.hru);
    gauge(metrics, "zos_hard_disk_total_bytes", "hard disk offered", f.total.hru);
    gauge(metrics, "zos_cores_used", "cores of workloads, each counted whole", f.used.cru);
    gauge(metrics, "zos_cores_total", "cores offered", f.total.cru);
    gauge(metrics, "zos_intake", "0: everything is taken, 1: updates alone, 2: nothing",
          (uint64_t)engine_intake(agent->engine));
    gauge(metrics, "zos_trash_bytes", "disk of deleted disks that are kept for a while", f.trash);
    gauge(metrics, "zos_reports_waiting", "reports that no finalized block has yet", chain.outbox);
    gauge(metrics, "zos_chain_witnesses", "other nodes that must confirm before something is destroyed",
          chain.witness.needed);
    gauge(metrics, "zos_chain_claims_waiting", "contracts whose end waits for another node",
          chain.witness.waiting);
    metric_add(metrics_counter(metrics, "zos_chain_disagreements_total", NULL,
                               "answers of another node that contradicted"),
               chain.witness.disagreements);
    metric_add(metrics_counter(metrics, "zos_reports_total", NULL, "reports that the chain took"),
               chain.reports_sent);
    metric_add(
        metrics_counter(metrics, "zos_reports_failed_total", NULL, "tries that the chain did not take"),
        chain.reports_failed);
    gauge(metrics, "zos_jobs_running", "jobs that are being carried out", engine_jobs_out(agent->engine));
    metric_add(metrics_counter(metrics, "zos_jobs_total", NULL, "jobs carried out on the machine"),
               agent->jobs_done);
    metric_add(metrics_counter(metrics, "zos_jobs_failed_total", NULL, "jobs that failed"),
               agent->jobs_failed);
    engine_machines(agent->engine, machine_metrics, &(usage_t){agent, metrics});
    engine_senders(agent->engine, sender_metrics, &(usage_t){agent, metrics});
    char *text = metrics_text(metrics, len);
    metrics_free(metrics);
    return text;
}

static void on_http(void *self, web_request_t *request, const web_head_t *head, bytes_t body)
{
    size_t len = 0;
    (void)body;
    if (strcmp(head->path, "/health") == 0) {
        web_answer(request, 200, "text/plain", NULL, BYTES("ok\n"));
        return;
    }
    char *text = strcmp(head->path, "/metrics") == 0 ? agent_metrics(self, &len) : NULL;
    if (text)
        web_answer(request, 200, "text/plain; version=0.0.4", NULL,
                   (bytes_t){(const uint8_t *)text, (uint32_t)len});
    else
        web_answer(request, 404, "text/plain", NULL, BYTES("/metrics or /health\n"));
    free(text);
}

static int on_upgrade(void *self, const web_head_t *head, void **session_self)
{
    (void)self;
    (void)head;
    (void)session_self;
    return 404;
}

static bool metrics_start(agent_t *agent)
{
    const char *error;
    web_listen_t listen   = {.address = "127.0.0.1", .port = (uint16_t)agent->config->prometheus_port};
    web_handler_t handler = {.self = agent, .on_request = on_http, .on_upgrade = on_upgrade};
    if (agent->config->prometheus_port == 0) return true;
    agent->metrics_server = web_listen(agent->io, &listen, &handler, &error);
    if (!agent->metrics_server) log_error(LOG_MAIN, "no metrics", LOG_TEXT("why", error));
    return agent->metrics_server != NULL;
}

/* ---- parts ---- */

static bool fail(const char *what)
{
    fprintf(stderr, "zos-agent: %s\n", what);
    return false;
}

static bool machine_start(agent_t *agent)
{
    char error[HOST_ERROR_MAX + 1], path[PATH_CAP];
    host_config_t config = config_host(agent->config);
    if (!host_init(&agent->host, &config, error)) return fail(error);
    for (int i = 0; i < 3 && agent->config->dns[0]; i++)
        agent->host.dns[i] = agent->config->dns[i];
    agent->lock = path_join(path, "%s/lock", agent->host.run_dir) ? lock_take(path) : -1;
    if (agent->lock < 0)
        return fail("another agent runs with this prefix and run directory: end it, or choose others");
    log_info(LOG_MAIN, "machine", LOG_TEXT("runtime", agent->host.runtime),
             LOG_TEXT("user_namespaces", agent->host.has_user_spaces ? "yes" : "no"),
             LOG_TEXT("disks", agent->host.has_btrfs ? "btrfs" : "ext4"),
             LOG_TEXT("cgroups", agent->host.cgroup.kind == CGROUP_V2 ? "v2" : "v1"));
    if (agent->config->vm_kernel && agent->host.vm.kind == VM_NONE)
        log_warn(LOG_MAIN, "no virtual machines here", LOG_TEXT("why", agent->host.vm.why_not));
    if (agent->host.vm.kind == VM_EMULATED)
        log_warn(LOG_MAIN, "virtual machines are emulated: they are slow, and for tests");
    if (!agent->host.has_user_spaces && !agent->config->is_user_space_off)
        log_warn(LOG_MAIN, "the kernel cannot shift owners of images: workloads run without user namespaces");
    return true;
}

/* What the kernel says that programs could have without swapping. */
static uint64_t memory_free(void *context)
{
    char line[128];
    unsigned long long kib = 0;
    FILE *file             = fopen("/proc/meminfo", "re");
    (void)context;
    while (file && kib == 0 && fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %llu", &kib) != 1) kib = 0;
    if (file) fclose(file);
    return kib ? kib * 1024 : UINT64_MAX;
}

/* Where databases are reached: as the operator says, else at the node's own address. */
static void find_zdb_addresses(agent_t *agent)
{
    char uplink[16];
    uint32_t count = 0;
    for (; count < AGENT_ZDB_ADDRESSES && agent->config->zdb_address[count]; count++)
        agent->zdb_addresses[count] = agent->config->zdb_address[count];
    if (count > 0) return;
    snprintf(uplink, sizeof uplink, "%su", agent->host.prefix);
    chain_interface_find("zos", uplink, &agent->zdb_interface);
    for (; count < AGENT_ZDB_ADDRESSES && count < agent->zdb_interface.ip_count; count++)
        agent->zdb_addresses[count] = agent->zdb_interface.ips[count];
    if (count == 0) agent->zdb_addresses[0] = "127.0.0.1";
}

static bool engine_start(agent_t *agent)
{
    char error[256], nic[16];
    agent->db = db_open(agent->host.state_dir, false, error);
    if (!agent->db) return fail(error);
    find_zdb_addresses(agent);
    db_noted(agent->db, AGENT_NOTE_NIC, nic, sizeof nic);
    if (nic[0]) snprintf(agent->host.public_link, sizeof agent->host.public_link, "%s", nic);
    engine_config_t config = {.db              = agent->db,
                              .state_dir       = agent->host.state_dir,
                              .pool_dir        = agent->host.pool_dir,
                              .total           = agent->config->capacity,
                              .overcommit      = agent->config->overcommit,
                              .reserved        = agent->config->reserved,
                              .trash_s         = agent->config->trash_hours * UINT64_C(3600),
                              .memory_free     = memory_free,
                              .lanes           = agent->config->lanes,
                              .has_user_spaces = agent->host.has_user_spaces,
                              .has_wireguard   = agent->host.wireguard != HOST_WIREGUARD_NONE,
                              .has_vm          = agent->host.vm.kind != VM_NONE,
                              .is_vm_default   = agent->config->is_vm_default,
                              .has_public      = agent->host.public_link[0] || agent->host.is_public_routed,
                              .has_public6     = agent->host.has_public6,
                              .zdb_port = agent->host.zdb_program[0] ? (uint16_t)agent->config->zdb_port : 0,
                              .zdb_addresses  = agent->zdb_addresses,
                              .has_logs       = agent->host.logs_program[0] != 0,
                              .gateway_domain = agent->host.gateway.is_on ? agent->host.gateway.domain : NULL,
                              .on_change      = on_change,
                              .context        = agent};
    memcpy(config.public_net6, agent->host.public_net6, sizeof config.public_net6);
    agent->engine = engine_new(&config);
    return (agent->engine && lanes_start(agent)) || fail("no memory");
}

static bool side_start(agent_t *agent)
{
    const config_t *c = agent->config;
    char uplink[16];
    chain_side_config_t config = {
        .io              = agent->io,
        .client          = agent->client,
        .db              = agent->db,
        .engine          = agent->engine,
        .key             = &agent->key,
        .relay_count     = c->domain_count,
        .terms_link      = c->terms_link,
        .terms_hash      = c->terms_hash,
        .farm_id         = c->farm_id,
        .capacity        = c->capacity,
        .city            = c->city,
        .country         = c->country,
        .latitude        = c->latitude,
        .longitude       = c->longitude,
        .interface_count = 1,
        .has_witnesses   = c->witnesses != CONFIG_WITNESSES_AUTO,
        .witnesses       = c->witnesses,
        .uptime_ms       = c->uptime_s * UINT64_C(1000),
        .nru_ms          = c->nru_s * UINT64_C(1000),
        .reconcile_ms    = c->sync_s * UINT64_C(1000),
        .on_registered   = on_registered,
        .on_desire       = on_desire,
        .on_power_off    = c->power_off ? on_power_off : NULL,
        .context         = agent,
    };
    for (uint32_t i = 0; i < c->domain_count; i++)
        config.relays[i] = c->domains[i];
    snprintf(uplink, sizeof uplink, "%su", agent->host.prefix);
    chain_interface_find("zos", uplink, &config.interfaces[0]);
    agent->chain = chain_side_new(&config);
    return agent->chain != NULL;
}

/* ---- what the node measures of itself ---- */

static uint32_t perf_workloads(void *context)
{
    engine_figures_t figures;
    engine_figures(((const agent_t *)context)->engine, &figures);
    return figures.workloads;
}

static const chain_node_t *perf_node(void *context)
{
    const agent_t *agent = context;
    return agent->chain ? chain_side_node(agent->chain) : NULL;
}

static void perf_start(agent_t *agent)
{
    const config_t *c    = agent->config;
    perf_config_t config = {.io        = agent->io,
                            .db        = agent->db,
                            .state_dir = agent->host.state_dir,
                            .workloads = perf_workloads,
                            .node      = perf_node,
                            .context   = agent,

                            .iperf_servers = c->iperf_servers};
    char texts[PERF_URLS_CAP][RMB_URL_MAX + 16], url[RMB_URL_MAX];
    for (uint32_t i = 0; i < c->substrate_count && config.url_count < PERF_URLS_CAP / 2; i++)
        snprintf(texts[config.url_count++], sizeof *texts, "substrate=%.*s", RMB_URL_MAX - 1,
                 c->substrate[i]);
    for (uint32_t i = 0; i < c->domain_count && config.url_count < PERF_URLS_CAP; i++) {
        relay_at_get(&c->relay_at, c->domains[i], url);
        snprintf(texts[config.url_count++], sizeof *texts, "relay=%s", url);
    }
    for (uint32_t i = 0; i < config.url_count; i++)
        config.urls[i] = texts[i];
    agent->perf = perf_new(&config);
}

static bool chain_start(agent_t *agent)
{
    hash_t genesis;
    client_config_t config = {
        .io = agent->io, .url_count = agent->config->substrate_count, .ca_file = agent->config->ca_file};
    for (uint32_t i = 0; i < config.url_count; i++)
        config.urls[i] = agent->config->substrate[i];
    if (chain_side_genesis(agent->db, &genesis)) config.genesis = &genesis;
    agent->client = client_new(&config);
    if (!agent->client) return fail("substrate: not a ws:// or wss:// URL");
    agent->twin_chain = twin_chain_new(agent->client);
    agent->twins      = twin_cache_new(twin_chain_source(agent->twin_chain), TWINS_CAP);
    twin_chain_follow(agent->twin_chain, agent->twins, false);
    agent->api = api_new(agent);
    return (agent->api && side_start(agent)) || fail("the configuration is too long for the chain");
}

static void timers_start(agent_t *agent)
{
    uint64_t meter_ms  = agent->config->meter_s * UINT64_C(1000);
    agent->look_timer  = io_timer_start(agent->io, LOOK_MS, LOOK_MS, look, agent);
    agent->meter_timer = io_timer_start(agent->io, meter_ms, meter_ms, meter, agent);
    agent->sweep_timer = io_timer_start(agent->io, SWEEP_SOON_MS, SWEEP_MS, sweep, agent);
}

static void timers_stop(agent_t *agent)
{
    io_timer_t *timers[] = {agent->wake_timer, agent->look_timer, agent->meter_timer, agent->sweep_timer};
    for (size_t i = 0; i < sizeof timers / sizeof *timers; i++)
        if (timers[i]) io_timer_stop(timers[i]);
}

/* The jobs that are out end; then every part goes, the last made first. */
static void stop(agent_t *agent)
{
    agent->is_stopping = true;
    lanes_stop(agent);
    timers_stop(agent);
    perf_free(agent->perf);
    collector_free(agent->collector);
    control_free(agent->control);
    web_server_free(agent->metrics_server);
    api_free(agent->api);
    if (agent->peer) peer_free(agent->peer);
    chain_side_free(agent->chain);
    agent->chain = NULL;
    if (agent->twin_chain) twin_chain_free(agent->twin_chain);
    if (agent->twins) twin_cache_free(agent->twins);
    if (agent->client) client_free(agent->client);
    for (int i = 0; agent->io && i < STOP_STEPS; i++)
        io_step(agent->io, STOP_STEP_MS / 2);
    if (agent->engine && engine_is_idle(agent->engine)) host_rest(&agent->host);
    engine_free(agent->engine);
    db_close(agent->db);
    if (agent->io) io_free(agent->io);
    if (agent->lock >= 0) close(agent->lock);
    key_wipe(&agent->key);
}

int agent_run(const config_t *config)
{
    agent_t *agent = calloc(1, sizeof *agent);
    char error[CONFIG_ERROR_MAX + 1];
    if (!agent) return 1;
    agent->config = config;
    agent->lock   = -1;
    mallopt(M_ARENA_MAX, 2); /* many threads, of which few work */
    io_workers(2 * config->lanes + 1 + OTHER_THREADS);
    if (!crypto_init() || !(agent->io = io_new())) return 1;
    io_stop_on_signals(agent->io, NULL, NULL);
    agent->started_ms = io_ticks_ms(agent->io);
    bool is_ok        = config_key(config, &agent->key, error) || fail(error);
    is_ok =
        is_ok && machine_start(agent) && engine_start(agent) && metrics_start(agent) && chain_start(agent);
    if (is_ok) {
        agent->control = control_new(agent);
        if (!agent->control) log_warn(LOG_MAIN, "no control socket: zosctl cannot ask");
        timers_start(agent);
        if (!agent->config->is_perf_off) perf_start(agent);
        agent->collector = collector_new(agent);
        log_info(LOG_MAIN, "agent started", LOG_TEXT("state", agent->host.state_dir));
        agent_pump(agent);
        io_run(agent->io);
        log_info(LOG_MAIN, "agent stops");
    }
    stop(agent);
    free(agent);
    return !is_ok;
}
