/* A chain that lies, for a block, for good, or at one of two nodes: what runs is taken away on proof alone.
 *
 * The node is real and its state is set under the agent (dev_setStorage); the engine is real, and its jobs
 * are said to be done.  One story: each test goes on where the one before ended. */
#include "engine_internal.h"
#include "grid.h"
#include "hex.h"
#include "log.h"
#include "test.h"

#include <string.h>

#define FIRST_PORT (42640 + (uint32_t)(getpid() % 30) * 2)
#define GIB        (UINT64_C(1) << 30)

static char folder[] = "/tmp/trellis-test-lies-XXXXXX", state[64], first_folder[64], second_folder[64];
static pid_t second_node;
static keypair_t bank, farmer, user, node_key;
static uint32_t farm_id, user_twin;
static uint64_t contract;
static db_t *db;
static engine_t *engine;
static chain_side_t *side;
static char contract_key[512], contract_value[4096]; /* as hexadecimal digits */

/* ---- the agent ---- */

static void on_change(void *context, uint64_t contract_id)
{
    (void)context;
    if (side) chain_side_changed(side, contract_id);
}

static void go_on(int rounds)
{
    for (int i = 0; i < rounds; i++)
        grid_step(5);
}

static bool open_all(void)
{
    char error[256];
    db                     = db_open(state, false, error);
    engine_config_t config = {
        .db              = db,
        .state_dir       = state,
        .pool_dir        = "/pool",
        .has_user_spaces = true,
        .on_change       = on_change,
        .total           = {.cru = 4, .mru = 8 * GIB, .sru = 100 * GIB}
    };
    engine = db ? engine_new(&config) : NULL;
    if (!engine || !grid_connect()) return false;
    chain_side_config_t wanted = {
        .io              = grid_io,
        .client          = grid_client,
        .db              = db,
        .engine          = engine,
        .key             = &node_key,
        .relays          = {"a.local"},
        .relay_count     = 1,
        .terms_link      = "https://example.org",
        .terms_hash      = "abc",
        .farm_id         = farm_id,
        .capacity        = { 4, 8 * GIB, 100 * GIB, 0, 0},
        .city            = "Ghent",
        .country         = "Belgium",
        .latitude        = "51.05",
        .longitude       = "3.71",
        .interface_count = 1,
        .reconcile_ms    = 300000, /* here a pass is asked for */
    };
    chain_interface_find("zos", NULL, &wanted.interfaces[0]);
    side = chain_side_new(&wanted);
    for (int i = 0; i < 2000 && side && !chain_side_node_id(side); i++) {
        grid_goes_on();
        grid_step(5);
    }
    return side && chain_side_node_id(side) != 0;
}

static void close_all(void)
{
    chain_side_free(side);
    side = NULL;
    grid_disconnect();
    engine_free(engine);
    db_close(db);
}

static void settle(void)
{
    job_t job;
    uint64_t wake_ms;
    while (engine_next(engine, 1000000, &job, &wake_ms)) {
        job.result = (host_result_t){.status = HOST_OK};
        engine_done(engine, &job, 1000000);
    }
}

static bool lives(void) { return watch_has(side, contract); }

static const char *wanted_text(void)
{
    static const char *const texts[] = {"run", "paused", "deleted"};
    const entry_t *entry             = entry_find(engine, contract);
    return entry ? texts[entry->desired] : "unknown";
}

/* A pass over all contracts at the last finalized block, to its end. */
static void compare(void)
{
    go_on(10);
    watch_reconcile(side);
    for (int i = 0; i < 4000 && (i < 4 || side->watch.contracts); i++)
        grid_step(5);
}

/* At which finalized block the contract was missed; 0: it is there. */
static uint32_t missed_at(void)
{
    for (uint32_t i = 0; i < side->watch.track_count; i++)
        if (side->watch.tracks[i].contract_id == contract) return side->watch.tracks[i].absent;
    return 0;
}

static deployment_t *disk_of(json_int_t size)
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

/* A block in which the contract is as told, "" for not there; not final. */
static bool say(const char *value, char made[67])
{
    static char params[8192];
    json_t *result = NULL;
    snprintf(params, sizeof params, value[0] ? "[[[\"0x%s\",\"0x%s\"]]]" : "[[[\"0x%s\",null]]]",
             contract_key, value);
    client_error_t error = client_rpc_wait(grid_client, "dev_setStorage", params, &result);
    const char *hash     = json_string_value(result);
    snprintf(made, 67, "%s", hash ? hash : "");
    json_decref(result);
    if (error.status != CLIENT_OK) printf("%s\n", error.text);
    go_on(10);
    return error.status == CLIENT_OK && strlen(made) == 66;
}

/* Until the agent has heard that a block is final. */
static bool heard(const char *hash)
{
    hash_t wanted;
    if (!hex_decode_exact(bytes_text(hash + 2), wanted.b, sizeof wanted.b)) return false;
    for (int i = 0; i < 4000 && memcmp(&side->watch.finalized.hash, &wanted, sizeof wanted) != 0; i++)
        grid_step(5);
    return memcmp(&side->watch.finalized.hash, &wanted, sizeof wanted) == 0;
}

static bool finalize(const char *hash)
{
    char params[80];
    json_t *result = NULL;
    snprintf(params, sizeof params, "[\"%s\"]", hash);
    bool is_ok = client_rpc_wait(grid_client, "engine_finalizeBlock", params, &result).status == CLIENT_OK;
    json_decref(result);
    return is_ok && heard(hash);
}

static bool one_more_block(void)
{
    char made[67];
    return grid_block(true, "", made) && heard(made);
}

static bool read_contract(void)
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

/* ---- the story ---- */

TEST(a_contract_is_taken)
{
    chain_expected_t expected;
    OK(grid_connect());
    OK(grid_make_twin(&farmer) && grid_make_farm(&farmer, &farm_id));
    OK(grid_pay(&bank, &node_key, 100 * GRID_TFT) && grid_pay(&bank, &user, 1000 * GRID_TFT));
    OK(grid_make_twin(&user));
    user_twin = grid_twin(&user);
    grid_disconnect();
    OK(open_all());
    contract                                        = 1;
    deployment_t *d                                 = disk_of((json_int_t)GIB);
    smart_contract_create_node_contract_args_t args = {.node_id         = chain_side_node_id(side),
                                                       .deployment_data = BYTES("{}")};
    OK(chain_expected_of(d, &expected));
    memcpy(args.deployment_hash.b, expected.hashes[0], sizeof args.deployment_hash.b);
    scale_writer_t call = grid_blank();
    smart_contract_create_node_contract_call_encode(&call, &args);
    OK(grid_send(&user, &call));
    char error[ENGINE_ERROR_MAX + 1];
    watch_accepted(side, contract, side->watch.best.number);
    OK(engine_deploy(engine, d, 1, error));
    settle();
    OK(read_contract());
    compare();
    OK(lives());
}

TEST(a_contract_that_is_missing_at_single_finalized_blocks_lives_on)
{
    char gone[67], back[67];
    for (int i = 0; i < 3; i++) {
        OK(say("", gone) && say(contract_value, back));
        OK(finalize(gone));
        compare();
        OK(missed_at() == side->watch.finalized.number);
        compare(); /* the same block again is no second proof */
        OK(lives());
        OK(finalize(back));
        compare();
        OK(lives() && missed_at() == 0);
    }
    OK(strcmp(wanted_text(), "run") == 0);
}

TEST(a_contract_that_is_missing_on_the_best_chain_alone_lives_on)
{
    char gone[67], back[67];
    OK(say("", gone));
    compare();
    OK(grid_block(false, "", NULL));
    compare();
    OK(lives());
    OK(say(contract_value, back) && finalize(back));
    compare();
    OK(lives() && strcmp(wanted_text(), "run") == 0);
}

/* The bytes of a hash are in the middle.  Neither another hash nor another node's number proves anything. */
TEST(a_contract_that_says_something_else_lives_on_as_it_was)
{
    char hash[65], lie[sizeof contract_value], made[67];
    chain_expected_t expected;
    deployment_t *d = disk_of((json_int_t)GIB);
    OK(chain_expected_of(d, &expected));
    deployment_free(d);
    hex_encode(hash, (bytes_t){expected.hashes[0], 32});
    hash[64]       = 0;
    char *at       = strstr(contract_value, hash);
    const size_t i = at ? (size_t)(at - contract_value) : 0;
    OK(at != NULL);
    snprintf(lie, sizeof lie, "%s", contract_value);
    memset(lie + i, 'a', 64); /* another deployment's hash */
    OK(say(lie, made) && finalize(made));
    compare();
    OK(lives() && strcmp(wanted_text(), "run") == 0);
    snprintf(lie, sizeof lie, "%s", contract_value);
    memset(lie + i - 8, '7', 8); /* another node's number */
    OK(say(lie, made) && finalize(made));
    compare();
    compare();
    OK(lives());
    OK(say(contract_value, made) && finalize(made));
    compare();
    OK(lives());
}

static bool connected_to(const char *url)
{
    for (int i = 0; i < 4000; i++) {
        grid_step(5);
        const client_chain_t *chain = client_chain(grid_client);
        if (client_is_connected(grid_client) && chain && strcmp(chain->url, url) == 0) return true;
    }
    return false;
}

TEST(a_node_that_is_behind_and_knows_no_contract_proves_nothing)
{
    snprintf(grid_other_url, sizeof grid_other_url, "ws://127.0.0.1:%u", FIRST_PORT + 1);
    second_node = grid_spawn(NODE_PROGRAM, second_folder, (uint16_t)(FIRST_PORT + 1));
    close_all();
    OK(second_node > 0 && open_all());
    OK(connected_to(grid_url));
    uint32_t height = side->watch.finalized.number;
    grid_end();
    OK(connected_to(grid_other_url));
    for (int i = 0; i < 6; i++) {
        OK(one_more_block());
        compare();
    }
    OK(side->watch.finalized.number > 0);
    OK(lives() && strcmp(wanted_text(), "run") == 0);
    kill(second_node, SIGTERM);
    waitpid(second_node, NULL, 0);
    second_node = 0;
    OK(grid_start(NODE_PROGRAM, first_folder, (uint16_t)FIRST_PORT));
    OK(connected_to(grid_url));
    OK(one_more_block());
    OK(side->watch.finalized.number > height);
    compare();
    OK(lives() && strcmp(wanted_text(), "run") == 0);
}

/* ---- time ---- */

static int64_t window_of(int64_t since_ago_s, int64_t now_s)
{
    int64_t window = -1, ours_s = (int64_t)(io_now_ms(grid_io) / 1000);
    db_do(db, "DELETE FROM chain_report WHERE kind = 'nru'", "");
    db_do(db, "DELETE FROM chain_window", "");
    db_do(db, "INSERT OR REPLACE INTO nru(contract, bytes, since) VALUES(?1, 1000, ?2)", "ii",
          (int64_t)contract, ours_s - since_ago_s);
    report_close(side, now_s);
    db_rows_t *rows = db_ask(db, "SELECT window FROM chain_report WHERE kind = 'nru'", "");
    if (!db_next(&rows)) return window;
    window = db_number(rows, 0);
    db_stop(rows);
    db_do(db, "DELETE FROM chain_report WHERE kind = 'nru'", "");
    return window;
}

TEST(a_clock_that_was_wrong_makes_no_window_longer_than_the_time_that_went_by_on_the_chain)
{
    int64_t now_s = 2000000000;
    db_set(db, "chain_nru_closed", now_s - 3600);
    EQ(window_of(1000, now_s), 1000);
    EQ(window_of(365 * 86400, now_s + 600), 600); /* a year behind, when the first byte was counted */
    EQ(window_of(-7200, now_s + 700), 100);       /* two hours ahead */
}

TEST(a_contract_that_is_missing_for_good_is_deleted_with_the_proof)
{
    char gone[67];
    bool has_proof = false;
    OK(say("", gone) && finalize(gone));
    compare();
    OK(lives() && missed_at() == side->watch.finalized.number);
    OK(one_more_block());
    compare();
    OK(!lives());
    for (db_rows_t *rows = db_ask(db, "SELECT what, evidence FROM audit", ""); db_next(&rows);)
        has_proof |= strcmp(db_text(rows, 0), CHAIN_REASON_GONE) == 0 &&
                     strncmp(db_text(rows, 1), "absent at finalized #", 21) == 0 &&
                     strstr(db_text(rows, 1), gone + 2);
    OK(has_proof);
    close_all();
}

static void end_all(void)
{
    grid_end();
    if (second_node > 0) kill(second_node, SIGKILL);
    folder_remove(folder);
}

int main(int argc, char **argv)
{
    (void)argc;
    if (access(NODE_PROGRAM, X_OK) != 0) return test_skip("trellis-node is not built", NULL);
    log_level(LOG_LEVEL_ERROR);
    if (!mkdtemp(folder) || !crypto_init()) return 1;
    (void)atexit(end_all);
    snprintf(state, sizeof state, "%s/state", folder);
    snprintf(first_folder, sizeof first_folder, "%s/a", folder);
    snprintf(second_folder, sizeof second_folder, "%s/b", folder);
    if (!folder_make(state, 0700) || !grid_start(NODE_PROGRAM, first_folder, (uint16_t)FIRST_PORT)) return 1;
    if (key_from_suri("//Alice", KEY_SR25519, &bank) != KEY_OK ||
        key_from_suri("//Bob", KEY_SR25519, &farmer) != KEY_OK ||
        key_from_suri("//LiesUser", KEY_SR25519, &user) != KEY_OK ||
        key_from_suri("//LiesNode", KEY_SR25519, &node_key) != KEY_OK)
        return 1;
    return test_main_(1, argv);
}
