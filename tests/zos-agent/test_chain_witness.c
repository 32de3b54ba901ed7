/* Two nodes of the chain, of which one lies, is behind, away, on a fork or on another chain: what runs is
 * taken away when both say so.
 *
 * The second node is a copy of the first one's folder, as it was at some moment: from then on each goes its
 * own way.  The agent follows the first.  One story: each test goes on where the one before ended. */
#include "control.h"
#define PORTS_FROM 42700
#include "lies.h"

#define SOON_MS 40000 /* a node comes back, a round begins anew */

/* ---- the second node ---- */

static void end_second(void)
{
    if (second_node > 0) (void)kill(second_node, SIGKILL);
    if (second_node > 0) (void)waitpid(second_node, NULL, 0);
    second_node = 0;
}

static bool start_second(void)
{
    second_node = grid_spawn(NODE_PROGRAM, second_folder, (uint16_t)(FIRST_PORT + 1));
    return second_node > 0;
}

/* All that the first node knows, as after a power cut: it stands still meanwhile. */
static bool copy_first(void)
{
    char command[256];
    end_second();
    folder_remove(second_folder);
    snprintf(command, sizeof command, "mkdir %s && cp -a %s/chain %s/", second_folder, first_folder,
             second_folder);
    (void)kill(grid_node, SIGSTOP);
    bool is_copied = system(command) == 0;
    (void)kill(grid_node, SIGCONT);
    return is_copied && start_second();
}

static client_t *second(void)
{
    return client_new(&(client_config_t){.io = grid_io, .urls = {grid_other_url}, .url_count = 1});
}

static bool second_makes(int count)
{
    client_t *client = second();
    bool is_ok       = true;
    for (int i = 0; i < count && is_ok; i++) {
        json_t *result = NULL;
        is_ok = client_rpc_wait(client, "engine_createBlock", "[true,true]", &result).status == CLIENT_OK;
        json_decref(result);
    }
    client_free(client);
    return is_ok;
}

static bool second_says(const char *value)
{
    char made[67];
    client_t *client = second();
    bool is_ok       = say_at(client, value, made) && finalize_at(client, made);
    client_free(client);
    return is_ok;
}

/* ---- what is to be seen ---- */

static char warned[4096];           /* the log's newest line of level warn or worse */
static unsigned second_connections; /* since it was set to 0 */

static void on_line(void *self, const char *line)
{
    (void)self;
    if (getenv("DEBUG")) fprintf(stderr, "%s\n", line);
    second_connections += strstr(line, "client: connected") && strstr(line, grid_other_url);
    if (strstr(line, " info ") || strstr(line, " debug ")) return;
    snprintf(warned, sizeof warned, "%s", line);
}

static chain_witness_t told(void)
{
    chain_figures_t figures;
    chain_side_figures(side, &figures);
    return figures.witness;
}

static uint64_t disagreements;
static const char *why;

static bool is_contradicted(void) { return told().disagreements > disagreements; }

static bool is_held_up(void) { return strstr(told().why, why) != NULL; }

static bool is_over(void) { return !lives(); }

static bool until(bool (*is_so)(void))
{
    uint64_t end_ms = io_ticks_ms(grid_io) + SOON_MS;
    while (!is_so() && io_ticks_ms(grid_io) < end_ms)
        grid_step(20);
    return is_so();
}

/* Is there a row that holds both, for this contract? */
static bool audit_has(const char *what, const char *text)
{
    bool has = false;
    for (db_rows_t *rows =
             db_ask(db, "SELECT what, evidence FROM audit WHERE contract = ?1", "i", (int64_t)contract);
         db_next(&rows);)
        has |= strstr(db_text(rows, 0), what) && strstr(db_text(rows, 1), text);
    return has;
}

/* What zosctl gets, as text; the caller's to free(). */
static char *asked(const char *question)
{
    agent_t agent  = {.io = grid_io, .db = db, .engine = engine, .chain = side, .started_ms = 1};
    json_t *json   = json_loads(question, 0, NULL);
    json_t *answer = control_answer(&agent, json);
    char *text     = json_dumps(answer, JSON_COMPACT);
    json_decref(answer);
    json_decref(json);
    return text;
}

static bool zosctl_shows(const char *question, const char *text)
{
    char *answer  = asked(question);
    bool is_shown = answer && strstr(answer, text);
    if (!is_shown) printf("%s: %s\n", question, answer);
    free(answer);
    return is_shown;
}

static bool metrics_have(const char *line)
{
    agent_t agent = {.io = grid_io, .db = db, .engine = engine, .chain = side};
    size_t len;
    char *text  = agent_metrics(&agent, &len);
    bool has_it = text && strstr(text, line);
    if (!has_it) printf("%s\n", text);
    free(text);
    return has_it;
}

/* The first node says at two finalized blocks that the contract is not there. */
static bool claim(void)
{
    char gone[67];
    if (!say("", gone) || !finalize(gone)) return false;
    compare();
    bool is_one = one_more_block() && missed_at() != 0;
    compare();
    return is_one && told().waiting > 0;
}

static bool claim_no_more(void)
{
    char back[67];
    if (!say(contract_value, back) || !finalize(back)) return false;
    compare();
    return told().waiting == 0 && missed_at() == 0;
}

/* ---- the story ---- */

TEST(contracts_are_taken_while_there_is_one_node)
{
    grid_timeout_ms = 5000;
    snprintf(grid_other_url, sizeof grid_other_url, "ws://127.0.0.1:%u/", FIRST_PORT + 1);
    OK(take_contracts(8));
    EQ(told().needed, 1);
    EQ(told().others, 1);
    EQ(told().waiting, 0);
    OK(zosctl_shows("{\"ask\":\"doctor\"}", "1 of 1 other nodes; 0 contracts wait"));
}

TEST(a_contract_that_one_node_denies_and_the_other_knows_lives_on)
{
    OK(copy_first());
    OK(second_makes(8)); /* it is not behind */
    OK(claim());
    OK(until(is_contradicted));
    OK(lives() && strcmp(wanted_text(), "run") == 0);
    EQ(told().waiting, 1);
    EQ(told().contradicted, 1);
    why = "it is active";
    OK(is_held_up());
    OK(strstr(told().why, "ws://127.0.0.1:") && strstr(told().why, "finalized #"));
    OK(strstr(warned, "nodes of the chain disagree") && strstr(warned, grid_url) &&
       strstr(warned, "absent at finalized #") && strstr(warned, "it is active"));
    OK(audit_has("witness awaited", grid_url));
    OK(audit_has("witness disagrees", "it is active"));
    OK(zosctl_shows("{\"ask\":\"status\"}", "\"waiting\":1,\"contradicted\":1"));
    OK(zosctl_shows("{\"ask\":\"events\",\"contract_id\":1}", "witness disagrees"));
    OK(zosctl_shows("{\"ask\":\"doctor\"}", "1 contracts wait, ws://127.0.0.1:"));
    OK(zosctl_shows("{\"ask\":\"doctor\"}", "contradict each other"));
    OK(metrics_have("zos_chain_witnesses 1\n") && metrics_have("zos_chain_claims_waiting 1\n"));
    OK(metrics_have("zos_chain_disagreements_total 1\n"));
    disagreements = told().disagreements;
    OK(until(is_contradicted)); /* it is asked again, and says the same */
    OK(metrics_have("zos_chain_disagreements_total 2\n"));
    OK(lives());
    OK(claim_no_more());
    OK(audit_has("witness not awaited any more", "it is not over at finalized #"));
    OK(lives() && strcmp(wanted_text(), "run") == 0);
}

TEST(so_does_one_that_is_missing_on_two_forks)
{
    OK(copy_first());
    OK(claim());
    OK(second_says("") && second_says("") && second_makes(6));
    disagreements = told().disagreements;
    OK(until(is_contradicted));
    OK(lives());
    why = "another fork, of #";
    OK(is_held_up());
    OK(claim_no_more());
}

TEST(a_node_of_another_chain_is_no_witness)
{
    OK(claim());
    end_second();
    folder_remove(second_folder);
    grid_chain = "local";
    OK(start_second());
    grid_chain = "dev";
    why        = "it is a node of another chain: this one begins with #0 0x";
    OK(until(is_held_up));
    OK(strstr(warned, "no witness") && strstr(warned, why));
    OK(lives());
    OK(claim_no_more());
}

TEST(a_node_that_is_away_is_waited_for_over_a_restart)
{
    uint64_t first = contract, both[] = {1, 2};
    char place[67];
    end_second();
    for (size_t i = 0; i < 2; i++) {
        contract = both[i];
        OK(read_contract() && claim());
    }
    EQ(told().waiting, 2);
    why = "no node could be reached";
    OK(until(is_held_up));
    OK(lives() && strcmp(wanted_text(), "run") == 0);
    close_all();
    OK(open_all());
    OK(lives());
    EQ(told().waiting, 0); /* made again by passes */
    OK(one_more_block());
    compare();
    OK(one_more_block());
    compare();
    EQ(told().waiting, 2);
    OK(lives());
    snprintf(place, sizeof place, " and #%u 0x", side->witness.claims[0].place.number);
    second_connections = 0;
    OK(copy_first());
    OK(until(is_over));
    EQ(second_connections, 1); /* for both */
    for (size_t i = 0; i < 2; i++) {
        contract = both[i];
        OK(until(is_over));
        OK(audit_has(CHAIN_REASON_GONE, place) && audit_has(CHAIN_REASON_GONE, grid_url));
        OK(audit_has(CHAIN_REASON_GONE, "; confirmed at finalized #"));
        OK(audit_has(CHAIN_REASON_GONE, grid_other_url));
    }
    EQ(told().waiting, 0);
    OK(told().why[0] == 0);
    contract = first;
}

static bool is_paused(void) { return strcmp(wanted_text(), "paused") == 0; }

TEST(a_cancellation_pauses_at_once_and_destroys_when_the_other_node_has_it_too)
{
    contract = 3;
    OK(read_contract() && copy_first());
    scale_writer_t call = grid_blank();
    smart_contract_cancel_contract_call_encode(&call, &(smart_contract_cancel_contract_args_t){contract});
    OK(grid_send(&user, &call));
    OK(until(is_paused));
    go_on(200); /* the other node is asked, and is behind */
    EQ(told().waiting, 1);
    OK(lives());
    disagreements = told().disagreements;
    OK(second_makes(12));
    OK(until(is_contradicted)); /* it has not seen it */
    OK(is_paused() && lives());
    OK(copy_first());
    OK(until(is_over));
    OK(audit_has("contract canceled event received", "NodeContractCanceled in finalized #"));
    OK(audit_has("contract canceled event received", grid_other_url));
}

/* As the chain has a contract between its cancellation and its removal. */
static bool say_deleted(void)
{
    arena_t arena = {.start = grid_memory, .size = sizeof grid_memory};
    static uint8_t bytes[2048];
    static char text[4096];
    char made[67];
    smart_contract_contract_t value;
    uint32_t len = (uint32_t)strlen(contract_value) / 2;
    if (len > sizeof bytes || !hex_decode_exact(bytes_text(contract_value), bytes, len)) return false;
    scale_reader_t r = scale_reader((bytes_t){bytes, len}, &arena);
    smart_contract_contract_decode(&r, &value);
    value.state      = (smart_contract_contract_state_t){.kind    = SMART_CONTRACT_CONTRACT_STATE_DELETED,
                                                         .deleted = SMART_CONTRACT_CAUSE_OUT_OF_FUNDS};
    scale_writer_t w = grid_blank();
    smart_contract_contract_encode(&w, &value);
    hex_encode(text, scale_written(&w));
    text[2 * scale_written(&w).len] = 0;
    bool is_said                    = scale_done(&r) && say(text, made) && finalize(made);
    compare();
    return is_said;
}

TEST(as_many_confirm_as_the_operator_wants_and_a_url_that_is_listed_again_is_no_other_node)
{
    char third[64];
    contract      = 7;
    has_witnesses = true;
    witnesses     = 2;
    snprintf(grid_third_url, sizeof grid_third_url, "ws://127.0.0.1:%u", FIRST_PORT + 1);
    close_all();
    OK(open_all());
    EQ(told().others, 1);
    EQ(told().needed, 2);
    snprintf(third, sizeof third, "ws://localhost:%u/?key=secret", FIRST_PORT + 1);
    snprintf(grid_third_url, sizeof grid_third_url, "%s", third);
    close_all();
    OK(open_all());
    EQ(told().others, 2);
    OK(read_contract() && say_deleted());
    EQ(told().waiting, 1);
    OK(copy_first());
    OK(until(is_over));
    OK(audit_has("contract is deleted on chain", grid_url));
    OK(audit_has("contract is deleted on chain", grid_other_url));
    third[strcspn(third, "?")] = 0;
    OK(audit_has("contract is deleted on chain", third) && !audit_has("", "secret"));
    grid_third_url[0] = 0;
    has_witnesses     = false;
    close_all();
    OK(open_all());
}

/* The second node is followed when the first one is gone, and then needs that one as its witness. */
TEST(the_node_that_speaks_is_not_its_own_witness)
{
    contract = 4;
    OK(read_contract() && say_deleted() && copy_first());
    grid_end();
    why = grid_other_url;
    close_all();
    OK(open_all());
    OK(strcmp(client_chain(grid_client)->url, grid_other_url) == 0);
    OK(one_more_block());
    compare();
    EQ(told().waiting, 1);
    go_on(200);
    OK(lives());
    OK(audit_has("witness awaited", grid_other_url));
    end_second();
    close_all();
    OK(grid_start(NODE_PROGRAM, first_folder, (uint16_t)FIRST_PORT) && open_all());
    OK(strcmp(client_chain(grid_client)->url, grid_url) == 0);
}

TEST(a_block_that_never_comes_holds_up_no_claim)
{
    contract    = 8;
    place_t far = {.number = 4000000000};
    OK(read_contract());
    compare();
    uint32_t waiting = told().waiting;
    witness_claim(side, contract, "a lie", "deleted at finalized #4000000000", &far);
    EQ(told().waiting, waiting + 1);
    witness_gap(side, side->watch.finalized.number); /* as after another node was taken */
    EQ(told().waiting, waiting);
    witness_claim(side, contract, "a lie", "deleted at finalized #4000000000", &far);
    OK(say_deleted() && copy_first());
    OK(until(is_over));
    OK(!audit_has("", "; confirmed at finalized #4000000000"));
    OK(audit_has("contract is deleted on chain", "; confirmed at finalized #"));
}

TEST(an_operator_who_wants_no_witness_has_none)
{
    close_all();
    end_second();
    has_witnesses = true;
    witnesses     = 0;
    contract      = 5;
    OK(open_all());
    OK(read_contract());
    EQ(told().needed, 0);
    OK(say_deleted());
    OK(!lives());
    OK(!audit_has("witness", ""));
    OK(!audit_has("contract is deleted on chain", "confirmed"));
    OK(zosctl_shows("{\"ask\":\"doctor\"}", "set witnesses to 1"));
}

TEST(it_stops_at_any_moment_of_a_round)
{
    close_all();
    has_witnesses = false;
    contract      = 6;
    OK(copy_first() && open_all());
    OK(read_contract() && say_deleted());
    for (int rounds = 0; rounds < 40; rounds += 4) {
        close_all();
        OK(open_all());
        compare();
        go_on(rounds);
        OK(lives()); /* the other node is behind */
    }
    close_all();
}

/* A wrong URL in a configuration: every contract is missing there, at every block. */
TEST(a_state_is_of_one_chain)
{
    char error[256];
    hash_t genesis;
    db = db_open(state, false, error);
    OK(chain_side_genesis(db, &genesis));
    db_close(db);
    grid_end();
    end_second();
    folder_remove(second_folder);
    grid_chain = "local";
    OK(start_second());
    grid_genesis = &genesis; /* as the agent starts */
    OK(!grid_connect());
    OK(client_connect_wait(grid_client).status != CLIENT_OK);
    OK(strstr(warned, "node refused") && strstr(warned, "another chain"));
    grid_disconnect();
    grid_genesis = NULL;
}

int main(int argc, char **argv)
{
    (void)argc;
    if (access(NODE_PROGRAM, X_OK) != 0) return test_skip("trellis-node is not built", NULL);
    log_level(getenv("DEBUG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
    log_tap(on_line, NULL);
    return start_story() ? test_main_(1, argv) : 1;
}
