/* side.h - the chain side of an agent against a node of its own: its parts, the chain's answers, a loop that
 * waits.
 *
 * The engine is the real one; jobs are said to be done, as nothing here is about the machine.  Waits end when
 * what they wait for is there; their limits are only reached by what is broken. */
#ifndef SIDE_H
#define SIDE_H
#include "chain_internal.h"
#include "engine_internal.h"
#include "files.h"
#include "ghent.h"
#include "log.h"
#include "test.h"

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_PORT 42410
#define PORTS      40
#define BLOCK_MS   "250"
#define GIB        (UINT64_C(1) << 30)
#define LONG_MS    60000
#define NRU_MS     2000

extern char **environ;

static char folder[] = "/tmp/trellis-test-chain-XXXXXX", state[64], url[64];
static pid_t node;
static keypair_t node_key, user_key, farmer_key, bank_key;
static uint32_t farm_id, user_twin;
static uint64_t contract_id;
static chain_expected_t expected;

static io_t *io;
static db_t *db;
static engine_t *engine;
static client_t *client;
static chain_side_t *side;
static bool is_registered;
static uint8_t memory[1 << 20];

/* ---- the node ---- */

static void end_node(void)
{
    if (node > 0) {
        (void)kill(node, SIGTERM);
        (void)waitpid(node, NULL, 0);
    }
    node = 0;
    folder_remove(folder);
}

static bool start_node(const char *program)
{
    char path[PATH_CAP], log[PATH_CAP], port[16], chain[PATH_CAP];
    posix_spawn_file_actions_t actions;
    if (!mkdtemp(folder)) return false;
    (void)atexit(end_node);
    snprintf(port, sizeof port, "%d", FIRST_PORT + (int)(getpid() % PORTS));
    snprintf(url, sizeof url, "ws://127.0.0.1:%s", port);
    snprintf(state, sizeof state, "%s/state", folder);
    if (!path_join(path, "%s", program) || !path_join(log, "%s/node.log", folder) ||
        !path_join(chain, "%s/chain", folder) || !folder_make(state, 0700))
        return false;
    char *const words[] = {path,
                           (char[]){"--dev"},
                           (char[]){"--base-path"},
                           chain,
                           (char[]){"--sealing"},
                           (char[]){BLOCK_MS},
                           (char[]){"--rpc-port"},
                           port,
                           (char[]){"--no-prometheus"},
                           NULL};
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    bool is_ok = posix_spawn(&node, path, &actions, NULL, words, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    return is_ok;
}

/* ---- the agent's parts ---- */

static void on_registered(void *context, uint32_t twin_id, uint32_t node_id)
{
    (void)context;
    is_registered = twin_id != 0 && node_id != 0;
}

static uint64_t cores = 4;
static uint32_t went_off;
static void on_power_off(void *context)
{
    (void)context;
    went_off++;
}

static void on_change(void *context, uint64_t changed)
{
    (void)context;
    if (side) chain_side_changed(side, changed);
}

static bool open_parts(void)
{
    char error[256];
    io     = io_new();
    db     = db_open(state, false, error);
    engine = db ? ghent_engine(db, state, on_change) : NULL;
    client = client_new(&(client_config_t){.io = io, .urls = {url}, .url_count = 1});
    return db && engine && client && client_connect_wait(client).status == CLIENT_OK;
}

static bool open_side(void)
{
    chain_side_config_t config = ghent_config(&node_key, farm_id);
    config.io                  = io;
    config.client              = client;
    config.db                  = db;
    config.engine              = engine;
    config.relays[0]           = "b.local"; /* the chain has them sorted */
    config.relays[1]           = "a.local";
    config.relay_count         = 2;
    config.capacity.cru        = cores;
    config.nru_ms              = NRU_MS;
    config.reconcile_ms        = 1500;
    config.on_registered       = on_registered;
    config.on_power_off        = on_power_off;
    is_registered              = false;
    side                       = chain_side_new(&config);
    return side != NULL;
}

static void close_all(void)
{
    chain_side_free(side);
    side = NULL;
    client_free(client);
    engine_free(engine);
    db_close(db);
    io_free(io);
}

/* turn lets the loop run until it is so, or the time is over. */
static bool turn(bool (*is_so)(void), uint64_t limit_ms)
{
    uint64_t end_ms = io_ticks_ms(io) + limit_ms;
    while (!is_so() && io_ticks_ms(io) < end_ms)
        io_step(io, 50);
    return is_so();
}

static bool never(void) { return false; }

static bool registered(void) { return is_registered; }

static bool has_told_all(void) { return report_backlog(side) == 0; }

static bool has_nothing(void)
{
    uint32_t count;
    free(engine_contracts(engine, &count));
    return count == 0;
}

static void settle(void) { ghent_settle(engine); }

/* ---- the chain ---- */

static scale_writer_t blank(void)
{
    static uint8_t room[4096];
    return scale_writer(room, sizeof room);
}

static bool sent(const keypair_t *key, const scale_writer_t *call)
{
    char text[CLIENT_ERROR_MAX + 1];
    arena_t arena          = {.start = memory, .size = sizeof memory};
    client_submit_t submit = {.key = key, .call = scale_written(call)};
    client_outcome_t told  = client_submit_wait(client, &submit, &arena);
    if (client_outcome_text(&told, text, sizeof text) == CLIENT_OK) return true;
    printf("refused: %s\n", text);
    return false;
}

static bytes_t value_at(const scale_writer_t *key, arena_t *arena)
{
    bytes_t value = {0};
    *arena        = (arena_t){.start = memory, .size = sizeof memory};
    (void)client_storage_wait(client, scale_written(key), NULL, arena, &value);
    return value;
}

static uint64_t number_at(const scale_writer_t *key)
{
    arena_t arena;
    bytes_t value    = value_at(key, &arena);
    scale_reader_t r = scale_reader(value, NULL);
    return value.len == 8 ? scale_get_u64(&r) : value.len == 4 ? scale_get_u32(&r) : 0;
}

static uint32_t twin_of(const keypair_t *key)
{
    scale_writer_t w = blank();
    tfgrid_twin_id_by_account_id_key(&w, &key->account);
    return (uint32_t)number_at(&w);
}

static smart_contract_contract_billing_information_t billing(void)
{
    arena_t arena;
    smart_contract_contract_billing_information_t info = {0};
    scale_writer_t key                                 = blank();
    smart_contract_contract_billing_information_by_id_key(&key, contract_id);
    scale_reader_t r = scale_reader(value_at(&key, &arena), &arena);
    smart_contract_contract_billing_information_decode(&r, &info);
    return scale_done(&r) ? info : (smart_contract_contract_billing_information_t){0};
}

static bool make_twin(const keypair_t *key)
{
    scale_writer_t terms = blank();
    tfgrid_user_accept_tc_call_encode(&terms, &(tfgrid_user_accept_tc_args_t){BYTES("http://a"), BYTES("x")});
    if (!sent(key, &terms)) return false;
    scale_writer_t twin = blank();
    tfgrid_create_twin_call_encode(&twin, &(tfgrid_create_twin_args_t){
                                              {true,  BYTES("grid.local")},
                                              {false, {0}                }
    });
    return sent(key, &twin);
}

static deployment_t *disk_of(uint64_t contract)
{
    char error[DEPLOYMENT_ERROR_MAX + 1];
    json_t *json             = json_pack("{s:i,s:i,s:I,s:[{s:i,s:s,s:s,s:{s:I}}]}", "version", 0, "twin_id",
                                         (int)user_twin, "contract_id", (json_int_t)contract, "workloads", "version", 0,
                                         "name", "disk", "type", "zmount", "data", "size", (json_int_t)GIB);
    deployment_t *deployment = deployment_from_json(json, error);
    json_decref(json);
    return deployment;
}

/* ---- a check and its answer ---- */

static bool is_checked;
static chain_check_status_t answer;
static char answer_text[CHAIN_ERROR_MAX + 1];

static void on_check(void *context, chain_check_status_t status, const char *error)
{
    (void)context;
    answer     = status;
    is_checked = true;
    snprintf(answer_text, sizeof answer_text, "%s", error);
}

static bool checked(void) { return is_checked; }

static chain_check_status_t check(const chain_expected_t *wanted)
{
    is_checked = false;
    return chain_side_check(side, wanted, on_check, NULL) && turn(checked, LONG_MS) ? answer
                                                                                    : CHAIN_CHECK_UNAVAILABLE;
}

#endif
