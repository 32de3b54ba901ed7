/* lies.h - a real chain whose state is set under the agent (dev_setStorage), and the agent's core on it; its
 * jobs are said to be done. */
#ifndef LIES_H
#define LIES_H
#include "engine_internal.h"
#include "ghent.h"
#include "grid.h"
#include "hex.h"
#include "log.h"
#include "test.h"

#include <string.h>

#ifndef PORTS_FROM
#define PORTS_FROM 42640 /* sixty ports, of which one process takes two */
#endif
#define FIRST_PORT (PORTS_FROM + (uint32_t)(getpid() % 30) * 2)
#define GIB        (UINT64_C(1) << 30)

static char folder[] = "/tmp/trellis-test-lies-XXXXXX", state[64], first_folder[64], second_folder[64];
static pid_t second_node;
static keypair_t bank, farmer, user, node_key;
static uint32_t farm_id, user_twin;
static uint64_t contract;  /* that the story is about now */
static bool has_witnesses; /* as configured */
static uint32_t witnesses;
static db_t *db;
static engine_t *engine;
static chain_side_t *side;
static char contract_key[512], contract_value[4096]; /* as hexadecimal digits */

/* ---- the agent ---- */

static inline void on_change(void *context, uint64_t contract_id)
{
    (void)context;
    if (side) chain_side_changed(side, contract_id);
}

static inline void go_on(int rounds)
{
    for (int i = 0; i < rounds; i++)
        grid_step(5);
}

static inline bool open_all(void)
{
    char error[256];
    db     = db_open(state, false, error);
    engine = db ? ghent_engine(db, state, on_change) : NULL;
    if (!engine || !grid_connect()) return false;
    chain_side_config_t wanted = ghent_config(&node_key, farm_id);
    wanted.io                  = grid_io;
    wanted.client              = grid_client;
    wanted.db                  = db;
    wanted.engine              = engine;
    wanted.reconcile_ms        = 300000; /* here a pass is asked for */
    wanted.has_witnesses       = has_witnesses;
    wanted.witnesses           = witnesses;
    side                       = chain_side_new(&wanted);
    for (int i = 0; i < 2000 && side && !chain_side_node_id(side); i++) {
        grid_goes_on();
        grid_step(5);
    }
    return side && chain_side_node_id(side) != 0;
}

static inline void close_all(void)
{
    chain_side_free(side);
    side = NULL;
    grid_disconnect();
    engine_free(engine);
    db_close(db);
}

static inline void settle(void) { ghent_settle(engine); }

static inline bool lives(void) { return watch_has(side, contract); }

static inline const char *wanted_text(void)
{
    static const char *const texts[] = {"run", "paused", "deleted"};
    const entry_t *entry             = entry_find(engine, contract);
    return entry ? texts[entry->desired] : "unknown";
}

/* A pass over all contracts at the last finalized block, to its end. */
static inline void compare(void)
{
    go_on(10);
    watch_reconcile(side);
    for (int i = 0; i < 4000 && (i < 4 || side->watch.contracts); i++)
        grid_step(5);
}

/* At which finalized block the contract was missed; 0: it is there. */
static inline uint32_t missed_at(void)
{
    for (uint32_t i = 0; i < side->watch.track_count; i++)
        if (side->watch.tracks[i].contract_id == contract) return side->watch.tracks[i].absent;
    return 0;
}

static inline deployment_t *disk_of(json_int_t size)
{
    char error[DEPLOYMENT_ERROR_MAX + 1];
    json_t *json    = json_pack("{s:i,s:i,s:I,s:[{s:i,s:s,s:s,s:{s:I}}]}", "version", 0, "twin_id",
                                (int)user_twin, "contract_id", (json_int_t)contract, "workloads", "version", 0,
                                "name", "disk", "type", "zmount", "data", "size", size);
    deployment_t *d = deployment_from_json(json, error);
    json_decref(json);
    return d;
}

/* ---- lies ---- */

/* A block of a node in which the contract is as told, "" for not there; not final. */
static inline bool say_at(client_t *client, const char *value, char made[67])
{
    static char params[8192];
    json_t *result = NULL;
    snprintf(params, sizeof params, value[0] ? "[[[\"0x%s\",\"0x%s\"]]]" : "[[[\"0x%s\",null]]]",
             contract_key, value);
    client_error_t error = client_rpc_wait(client, "dev_setStorage", params, &result);
    const char *hash     = json_string_value(result);
    snprintf(made, 67, "%s", hash ? hash : "");
    json_decref(result);
    if (error.status != CLIENT_OK) printf("%s\n", error.text);
    return error.status == CLIENT_OK && strlen(made) == 66;
}

static inline bool say(const char *value, char made[67])
{
    bool is_made = say_at(grid_client, value, made);
    go_on(10);
    return is_made;
}

/* Until the agent has heard that a block is final. */
static inline bool heard(const char *hash)
{
    hash_t wanted;
    if (!hex_decode_exact(bytes_text(hash + 2), wanted.b, sizeof wanted.b)) return false;
    for (int i = 0; i < 4000 && memcmp(&side->watch.finalized.hash, &wanted, sizeof wanted) != 0; i++)
        grid_step(5);
    return memcmp(&side->watch.finalized.hash, &wanted, sizeof wanted) == 0;
}

static inline bool finalize_at(client_t *client, const char *hash)
{
    char params[80];
    json_t *result = NULL;
    snprintf(params, sizeof params, "[\"%s\"]", hash);
    bool is_ok = client_rpc_wait(client, "engine_finalizeBlock", params, &result).status == CLIENT_OK;
    json_decref(result);
    return is_ok;
}

static inline bool finalize(const char *hash) { return finalize_at(grid_client, hash) && heard(hash); }

static inline bool one_more_block(void)
{
    char made[67];
    return grid_block(true, "", made) && heard(made);
}

static inline bool read_contract(void)
{
    arena_t arena;
    uint8_t room[CHAIN_KEY_CAP];
    scale_writer_t key = scale_writer(room, sizeof room);
    smart_contract_contracts_key(&key, contract);
    hex_encode(contract_key, scale_written(&key));
    contract_key[2 * scale_written(&key).len] = 0;
    bytes_t value                             = grid_value(&key, NULL, &arena);
    if (!value.data || value.len * 2 >= sizeof contract_value) return false;
    hex_encode(contract_value, value);
    contract_value[2 * value.len] = 0;
    return true;
}

/* ---- the beginning of the story ---- */

/* A farm, a node and a user, and so many contracts of a disk each, which run. */
static inline bool take_contracts(uint64_t count)
{
    bool is_ok = grid_connect() && grid_make_twin(&farmer) && grid_make_farm(&farmer, &farm_id) &&
                 grid_pay(&bank, &node_key, 100 * GRID_TFT) && grid_pay(&bank, &user, 1000 * GRID_TFT) &&
                 grid_make_twin(&user);
    if (is_ok) user_twin = grid_twin(&user);
    grid_disconnect();
    is_ok = is_ok && open_all();
    for (contract = 1; is_ok && contract <= count; contract++) {
        char error[ENGINE_ERROR_MAX + 1];
        chain_expected_t expected;
        deployment_t *d                                 = disk_of((json_int_t)(contract * GIB));
        smart_contract_create_node_contract_args_t args = {.node_id         = chain_side_node_id(side),
                                                           .deployment_data = BYTES("{}")};
        if (!d || !chain_expected_of(d, &expected)) return false;
        memcpy(args.deployment_hash.b, expected.hashes[0], sizeof args.deployment_hash.b);
        scale_writer_t call = grid_blank();
        smart_contract_create_node_contract_call_encode(&call, &args);
        is_ok = grid_send(&user, &call);
        watch_accepted(side, contract, side->watch.best.number);
        is_ok = is_ok && engine_deploy(engine, d, 1, error);
    }
    contract = 1;
    settle();
    return is_ok && read_contract();
}

static inline void end_all(void)
{
    grid_end();
    if (second_node > 0) kill(second_node, SIGKILL);
    folder_remove(folder);
}

static inline bool start_story(void)
{
    if (!mkdtemp(folder) || !crypto_init()) return false;
    (void)atexit(end_all);
    snprintf(state, sizeof state, "%s/state", folder);
    snprintf(first_folder, sizeof first_folder, "%s/a", folder);
    snprintf(second_folder, sizeof second_folder, "%s/b", folder);
    return folder_make(state, 0700) && grid_start(NODE_PROGRAM, first_folder, (uint16_t)FIRST_PORT) &&
           key_from_suri("//Alice", KEY_SR25519, &bank) == KEY_OK &&
           key_from_suri("//Bob", KEY_SR25519, &farmer) == KEY_OK &&
           key_from_suri("//LiesUser", KEY_SR25519, &user) == KEY_OK &&
           key_from_suri("//LiesNode", KEY_SR25519, &node_key) == KEY_OK;
}

#endif
