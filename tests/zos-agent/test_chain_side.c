/* test_chain_side.c - the chain side against a real node: from an account without money to a cancelled
 * contract.
 *
 * One story, told in order: each test goes on where the one before ended.  The engine is the real one; jobs
 * are said to be done, as nothing here is about the machine.  Waits end when what they wait for is there;
 * their limits are only reached by what is broken. */
#include "side.h"

/* ---- the story ---- */

TEST(a_farm_is_there)
{
    OK(open_parts());
    OK(make_twin(&farmer_key) && make_twin(&user_key));
    user_twin        = twin_of(&user_key);
    scale_writer_t w = blank();
    tfgrid_create_farm_call_encode(&w, &(tfgrid_create_farm_args_t){.name = BYTES("test-farm")});
    OK(sent(&farmer_key, &w));
    w = blank();
    tfgrid_farm_id_key(&w);
    farm_id = (uint32_t)number_at(&w);
    OK(user_twin != 0 && farm_id != 0);
}

TEST(a_node_without_money_waits_and_registers_when_it_has_some)
{
    OK(open_side());
    OK(!turn(registered, 1500));
    OK(twin_of(&node_key) == 0);
    scale_writer_t w             = blank();
    support_multi_address_t dest = {.kind = SUPPORT_MULTI_ADDRESS_ID, .id = node_key.account};
    balances_transfer_allow_death_call_encode(
        &w, &(balances_transfer_allow_death_args_t){.dest = dest, .value = 10000000000});
    OK(sent(&bank_key, &w));
    OK(turn(registered, LONG_MS));
    EQ(chain_side_twin_id(side), twin_of(&node_key));
    OK(chain_side_node_id(side) != 0);
    OK(strcmp(chain_side_relay(side), "a.local_b.local") == 0);
}

TEST(a_second_start_makes_no_second_node)
{
    uint32_t node_id = chain_side_node_id(side), twin_id = chain_side_twin_id(side);
    close_all();
    OK(open_parts() && open_side());
    OK(turn(registered, LONG_MS));
    EQ(chain_side_node_id(side), node_id);
    EQ(chain_side_twin_id(side), twin_id);
    scale_writer_t key = blank();
    tfgrid_node_id_key(&key);
    EQ(number_at(&key), node_id);
}

static uint64_t cores_on_chain(void)
{
    arena_t arena;
    support_node_t told = {0};
    scale_writer_t key  = blank();
    tfgrid_nodes_key(&key, side->node_id);
    scale_reader_t r = scale_reader(value_at(&key, &arena), &arena);
    support_node_decode(&r, &told);
    return scale_done(&r) ? told.resources.cru : 0;
}

TEST(a_node_that_changed_is_updated_on_the_chain)
{
    uint32_t node_id = chain_side_node_id(side);
    EQ(cores_on_chain(), 4);
    for (cores = 8;; cores = 4) { /* and back again */
        close_all();
        OK(open_parts() && open_side());
        OK(turn(registered, LONG_MS));
        EQ(chain_side_node_id(side), node_id);
        EQ(cores_on_chain(), cores);
        if (cores == 4) break;
    }
}

/* ---- what the farmer says of the node ---- */

static bool is_known(void) { return chain_side_node(side)->is_known; }

static bool has_fee(void) { return chain_side_node(side)->extra_fee == 5000; }

static bool has_no_fee(void) { return chain_side_node(side)->extra_fee == 0; }

static bool has_no_ips(void) { return chain_side_node(side)->farm_ip_count == 0; }

static bool has_ips(void) { return chain_side_node(side)->farm_ip_count == 2; }

static bool has_domain(void) { return strcmp(chain_side_node(side)->domain, "gw.example.org") == 0; }

static bool is_rented(void) { return chain_side_node(side)->rent_contract != 0; }

static bool is_not_rented(void) { return chain_side_node(side)->rent_contract == 0; }

static bool is_off(void) { return chain_side_node(side)->is_state_down && went_off == 1; }

static bool is_on(void)
{
    const chain_node_t *n = chain_side_node(side);
    return n->is_known && !n->is_state_down && !n->is_target_down;
}

TEST(what_the_chain_says_of_the_node_and_its_farm_is_known)
{
    OK(turn(is_known, LONG_MS));
    const chain_node_t *n = chain_side_node(side);
    EQ(n->farmer_twin, twin_of(&farmer_key));
    OK(strcmp(n->farm_name, "test-farm") == 0);
    OK(!n->is_certified && !n->is_farm_gold && !n->has_public_config && n->extra_fee == 0 && is_on());
    scale_writer_t w = blank();
    smart_contract_set_dedicated_node_extra_fee_call_encode(
        &w,
        &(smart_contract_set_dedicated_node_extra_fee_args_t){.node_id = side->node_id, .extra_fee = 5000});
    OK(sent(&farmer_key, &w));
    OK(turn(has_fee, LONG_MS));
    for (uint32_t i = 0; i < 2; i++) {
        w = blank();
        tfgrid_add_farm_ip_call_encode(
            &w, &(tfgrid_add_farm_ip_args_t){.farm_id = farm_id,
                                             .ip = i ? BYTES("185.206.122.4/24") : BYTES("185.206.122.3/24"),
                                             .gw = BYTES("185.206.122.1")});
        OK(sent(&farmer_key, &w));
    }
    OK(turn(has_ips, LONG_MS));
    OK(strcmp(n->farm_ips[0].ip, "185.206.122.3/24") == 0 && n->farm_ips[0].contract_id == 0);
    for (uint32_t i = 0; i < 2; i++) {
        w = blank();
        tfgrid_remove_farm_ip_call_encode(
            &w, &(tfgrid_remove_farm_ip_args_t){
                    .farm_id = farm_id, .ip = i ? BYTES("185.206.122.4/24") : BYTES("185.206.122.3/24")});
        OK(sent(&farmer_key, &w));
    }
    OK(turn(has_no_ips, LONG_MS));
    w = blank();
    tfgrid_add_node_public_config_call_encode(
        &w, &(tfgrid_add_node_public_config_args_t){
                .farm_id       = farm_id,
                .node_id       = side->node_id,
                .public_config = {true,
                                  {.ip4    = {BYTES("185.206.122.33/24"), BYTES("185.206.122.1")},
                                   .domain = {true, BYTES("gw.example.org")}}}
    });
    OK(sent(&farmer_key, &w));
    OK(turn(has_domain, LONG_MS));
    OK(n->has_public_config && strcmp(n->gw4, "185.206.122.1") == 0);
}

TEST(a_node_that_is_rented_as_a_whole_is_known_to_be)
{
    scale_writer_t w = blank();
    smart_contract_create_rent_contract_call_encode(
        &w, &(smart_contract_create_rent_contract_args_t){.node_id = side->node_id});
    OK(sent(&user_key, &w));
    OK(turn(is_rented, LONG_MS));
    w = blank();
    smart_contract_cancel_contract_call_encode(
        &w, &(smart_contract_cancel_contract_args_t){chain_side_node(side)->rent_contract});
    OK(sent(&user_key, &w));
    OK(turn(is_not_rented, LONG_MS));
    w = blank(); /* a node with a fee takes no single contracts */
    smart_contract_set_dedicated_node_extra_fee_call_encode(
        &w, &(smart_contract_set_dedicated_node_extra_fee_args_t){.node_id = side->node_id});
    OK(sent(&farmer_key, &w));
    OK(turn(has_no_fee, LONG_MS));
}

static bool set_target(support_power_t target)
{
    scale_writer_t w = blank();
    tfgrid_change_power_target_call_encode(
        &w, &(tfgrid_change_power_target_args_t){.node_id = side->node_id, .power_target = target});
    return sent(&farmer_key, &w);
}

TEST(a_node_goes_off_when_the_farmer_wants_it_and_comes_back)
{
    chain_figures_t before, after;
    chain_side_figures(side, &before);
    OK(set_target(SUPPORT_POWER_DOWN));
    OK(turn(is_off, LONG_MS));
    chain_side_figures(side, &after);
    OK(after.reports_sent > before.reports_sent); /* its time was told first */
    OK(set_target(SUPPORT_POWER_UP));
    OK(turn(is_on, LONG_MS));
    EQ(went_off, 1);
}

TEST(a_contract_that_is_not_there_is_waited_for)
{
    scale_writer_t w = blank();
    smart_contract_contract_id_key(&w);
    contract_id              = number_at(&w) + 1; /* the next one */
    deployment_t *deployment = disk_of(contract_id);
    OK(deployment && chain_expected_of(deployment, &expected));
    deployment_free(deployment);
    expected.wait_ms = 1000;
    EQ(check(&expected), CHAIN_CHECK_UNAVAILABLE);
    OK(strstr(answer_text, "is not on the chain"));
    expected.wait_ms = 0;
}

TEST(a_contract_is_taken_only_as_it_is)
{
    scale_writer_t w = blank();
    bytes32_t hash;
    memcpy(hash.b, expected.hashes[0], sizeof hash.b);
    smart_contract_create_node_contract_args_t args = {
        .node_id = chain_side_node_id(side), .deployment_hash = hash, .deployment_data = BYTES("{}")};
    smart_contract_create_node_contract_call_encode(&w, &args);
    OK(sent(&user_key, &w));
    w = blank();
    smart_contract_contract_id_key(&w);
    EQ(number_at(&w), contract_id); /* the deployment says so */

    EQ(check(&expected), CHAIN_CHECK_OK);
    OK(answer_text[0] == 0);
    chain_expected_t other = expected;
    other.twin_id          = user_twin + 1;
    EQ(check(&other), CHAIN_CHECK_REFUSED);
    OK(strstr(answer_text, "another twin"));
    other            = expected;
    other.public_ips = 1;
    EQ(check(&other), CHAIN_CHECK_REFUSED);
    other         = expected;
    other.wait_ms = 1000;
    memset(other.hashes, 'a', sizeof other.hashes);
    EQ(check(&other), CHAIN_CHECK_REFUSED);
    OK(strstr(answer_text, "hash"));
}

/* The farmer has two addresses; a contract reserves one. */
TEST(the_addresses_of_a_contract_are_kept_when_it_is_checked)
{
    scale_writer_t w                = blank();
    tfgrid_add_farm_ip_args_t ips[] = {
        {farm_id, BYTES("185.206.122.33/24"), BYTES("185.206.122.1")},
        {farm_id, BYTES("185.206.122.34/24"), BYTES("185.206.122.1")},
    };
    for (size_t i = 0; i < 2; i++) {
        w = blank();
        tfgrid_add_farm_ip_call_encode(&w, &ips[i]);
        OK(sent(&farmer_key, &w));
    }
    bytes32_t hash;
    memset(hash.b, 'b', sizeof hash.b);
    smart_contract_create_node_contract_args_t args = {.node_id         = chain_side_node_id(side),
                                                       .deployment_hash = hash,
                                                       .deployment_data = BYTES("{}"),
                                                       .public_ips      = 1};
    w                                               = blank();
    smart_contract_create_node_contract_call_encode(&w, &args);
    OK(sent(&user_key, &w));
    w = blank();
    smart_contract_contract_id_key(&w);
    chain_expected_t other = expected;
    other.contract_id      = number_at(&w);
    memcpy(other.hashes[0], hash.b, sizeof hash.b);
    EQ(check(&other), CHAIN_CHECK_REFUSED); /* the deployment asks for none */
    OK(strstr(answer_text, "another number of public addresses"));
    other.public_ips = 1;
    EQ(check(&other), CHAIN_CHECK_OK);
    db_rows_t *rows =
        db_ask(db, "SELECT ip, gateway FROM reserved WHERE contract = ?1", "i", (int64_t)other.contract_id);
    OK(db_next(&rows));
    OK(strncmp(db_text(rows, 0), "185.206.122.", 12) == 0 && strcmp(db_text(rows, 1), "185.206.122.1") == 0);
    OK(!db_next(&rows));
}

TEST(the_name_of_a_gateway_needs_a_name_contract_of_its_twin)
{
    chain_expected_t other                            = expected;
    smart_contract_create_name_contract_args_t mine   = {.name = BYTES("shop")},
                                               theirs = {.name = BYTES("taken")};
    other.wait_ms                                     = 1000;
    other.name_count                                  = 1;
    snprintf(other.names[0], sizeof other.names[0], "shop");
    EQ(check(&other), CHAIN_CHECK_UNAVAILABLE);
    OK(strstr(answer_text, "the name shop has no name contract"));
    scale_writer_t w = blank();
    smart_contract_create_name_contract_call_encode(&w, &mine);
    OK(sent(&user_key, &w));
    EQ(check(&other), CHAIN_CHECK_OK);
    w = blank();
    smart_contract_create_name_contract_call_encode(&w, &theirs);
    OK(sent(&node_key, &w));
    other.name_count = 2;
    snprintf(other.names[1], sizeof other.names[1], "taken");
    EQ(check(&other), CHAIN_CHECK_REFUSED);
    OK(strstr(answer_text, "the name taken is reserved by another twin"));
}

TEST(a_check_may_be_cancelled)
{
    is_checked           = false;
    chain_check_t *wait  = chain_side_check(side, &expected, on_check, NULL);
    chain_check_t *other = chain_side_check(side, &expected, on_check, NULL);
    OK(wait && other);
    chain_check_cancel(wait);
    OK(turn(checked, LONG_MS));
}

TEST(what_a_deployment_uses_is_told_to_the_chain)
{
    char error[ENGINE_ERROR_MAX + 1];
    arena_t arena;
    smart_contract_contract_resources_t told;
    OK(engine_deploy(engine, disk_of(contract_id), 1, error));
    settle();
    OK(report_backlog(side) > 0);
    OK(turn(has_told_all, LONG_MS));
    scale_writer_t key = blank();
    smart_contract_node_contract_resources_key(&key, contract_id);
    scale_reader_t r = scale_reader(value_at(&key, &arena), &arena);
    smart_contract_contract_resources_decode(&r, &told);
    OK(scale_done(&r));
    EQ(told.used.sru, GIB);
}

static bool has_traffic(void)
{
    db_rows_t *rows = db_ask(db, "SELECT 1 FROM nru WHERE bytes > 0", "");
    if (!db_next(&rows)) return true;
    db_stop(rows);
    return false;
}

static uint64_t seen_at;

static bool is_newer(void) { return billing().last_updated > seen_at; }

TEST(traffic_is_told_when_its_window_ends)
{
    seen_at = billing().last_updated;
    db_do(db, "INSERT OR REPLACE INTO nru(contract, bytes, since) VALUES(?1, ?2, ?3)", "iii",
          (int64_t)contract_id, (int64_t)(64 * GIB), (int64_t)(io_now_ms(io) / 1000) - 5);
    OK(turn(has_traffic, LONG_MS)); /* taken into a window */
    OK(turn(is_newer, LONG_MS));
    OK(turn(has_told_all, LONG_MS));
}

TEST(traffic_that_was_counted_before_a_crash_is_not_sent_again)
{
    smart_contract_contract_billing_information_t before = billing(), after;
    chain_figures_t figures;
    chain_side_figures(side, &figures);
    db_do(db,
          "INSERT INTO chain_report(kind, contract, at, window, bytes, dead) VALUES('nru', ?1, ?2, 5, ?3, 1)",
          "iii", (int64_t)contract_id, (int64_t)before.last_updated, (int64_t)(4096 * GIB));
    uint64_t failed = figures.reports_failed;
    report_finalized(side);
    OK(turn(has_told_all, LONG_MS));
    after = billing();
    EQ(after.last_updated, before.last_updated);
    OK(after.amount_unbilled <= before.amount_unbilled); /* a bill may have come between */
    chain_side_figures(side, &figures);
    EQ(figures.reports_failed, failed);
}

TEST(a_report_that_the_chain_refuses_for_ever_holds_up_no_other)
{
    scale_writer_t w = blank();
    smart_contract_create_name_contract_call_encode(
        &w, &(smart_contract_create_name_contract_args_t){.name = BYTES("gate")});
    OK(sent(&user_key, &w));
    seen_at         = billing().last_updated;
    int64_t now_s   = (int64_t)(side->now_ms / 1000);
    uint64_t naming = contract_id + 1; /* a name contract has no traffic: the whole call is refused */
    uint64_t of[2]  = {naming, contract_id};
    for (int i = 0; i < 2; i++)
        db_do(db,
              "INSERT INTO chain_report(kind, contract, at, window, bytes, dead) "
              "VALUES('nru', ?1, ?2, 2, 1000, 0)",
              "ii", (int64_t)of[i], now_s + 1);
    report_finalized(side);
    OK(turn(has_told_all, LONG_MS));
    OK(is_newer());
}

/* ---- the end of a contract ---- */

static bool audit_has(const char *what, const char *evidence)
{
    bool has = false;
    for (db_rows_t *rows = db_ask(db, "SELECT what, evidence FROM audit", ""); db_next(&rows);)
        has |= strstr(db_text(rows, 0), what) && strstr(db_text(rows, 1), evidence);
    return has;
}

TEST(a_cancelled_contract_stops_on_the_best_block_and_goes_on_a_finalized_one)
{
    chain_figures_t figures;
    (void)turn(never, 2500); /* a pass or two: it is there, and stays */
    OK(!has_nothing());
    scale_writer_t w = blank();
    smart_contract_cancel_contract_call_encode(&w, &(smart_contract_cancel_contract_args_t){contract_id});
    OK(sent(&user_key, &w));
    OK(turn(has_nothing, LONG_MS));
    OK(audit_has("contract is cancelled, until that is final", "event in best block #"));
    OK(audit_has("contract canceled event received", "finalized #"));
    chain_side_figures(side, &figures);
    EQ(figures.deleted, 1);
    EQ(figures.outbox, 0);
    OK(figures.reports_sent > 0 && figures.finalized > 0 && figures.best >= figures.finalized);
}

static place_t finalized_at(uint32_t number, uint8_t fork)
{
    place_t place   = {.number = number};
    place.hash.b[0] = fork;
    return place;
}

TEST(a_missing_contract_is_deleted_at_the_second_finalized_block_after_it_was_taken)
{
    char error[ENGINE_ERROR_MAX + 1];
    place_t early = finalized_at(999000, 1), first = finalized_at(1000001, 2),
            second = finalized_at(1000002, 3);
    watch_accepted(side, 77, 1000000);
    OK(engine_deploy(engine, disk_of(77), 1, error));
    watch_view(side, 77, VIEW_ABSENT, &early); /* before it was taken: says nothing */
    watch_view(side, 77, VIEW_ABSENT, &second);
    OK(!has_nothing());
    watch_view(side, 77, VIEW_ABSENT, &second); /* the same block is one block */
    OK(!has_nothing());
    watch_view(side, 77, VIEW_CREATED, &second); /* back: it counts anew */
    watch_view(side, 77, VIEW_ABSENT, &first);
    OK(!has_nothing());
    watch_view(side, 77, VIEW_UNKNOWN, &second); /* an answer that is not understood is none */
    OK(!has_nothing());
    watch_view(side, 77, VIEW_ABSENT, &first);
    watch_view(side, 77, VIEW_ABSENT, &second);
    OK(has_nothing());
    OK(audit_has(CHAIN_REASON_GONE, "absent at finalized #1000001"));
}

/* What is wanted of a contract, as the database has it. */
static bool is_wanted_to(uint64_t contract, const char *desired)
{
    bool is_so = false;
    db_rows_t *rows =
        db_ask(db, "SELECT desired FROM deployment WHERE contract = ?1", "i", (int64_t)contract);
    while (db_next(&rows))
        is_so = strcmp(db_text(rows, 0), desired) == 0;
    return is_so;
}

TEST(grace_pauses_payment_resumes_and_what_is_retracted_was_never_said)
{
    char error[ENGINE_ERROR_MAX + 1];
    place_t early = finalized_at(1000001, 1), grace = finalized_at(1000005, 2),
            later = finalized_at(1000006, 3), best = finalized_at(1000010, 4);
    watch_accepted(side, 79, 1000000);
    OK(engine_deploy(engine, disk_of(79), 1, error));
    watch_view(side, 79, VIEW_CREATED, &early);
    OK(is_wanted_to(79, "run"));
    watch_view(side, 79, VIEW_GRACE, &grace);
    OK(is_wanted_to(79, "paused"));
    watch_view(side, 79, VIEW_CREATED, &later);
    OK(is_wanted_to(79, "run"));
    watch_event(side, 79, DESIRED_PAUSED, "contract grace period started", FROM_BEST, &best);
    OK(is_wanted_to(79, "paused"));
    watch_view(side, 79, VIEW_CREATED, &later); /* older than the event */
    OK(is_wanted_to(79, "paused"));
    watch_retracted(side, 1000011); /* a later block than the event's: the event stands */
    watch_view(side, 79, VIEW_CREATED, &later);
    OK(is_wanted_to(79, "paused"));
    watch_retracted(side, 1000010);
    watch_view(side, 79, VIEW_CREATED, &later);
    OK(is_wanted_to(79, "run"));
    watch_event(side, 79, DESIRED_PAUSED, "contract grace period started", FROM_FINALIZED, &best);
    watch_event(side, 79, DESIRED_RUN, "contract grace period ended", FROM_BEST,
                &later); /* an old one comes late */
    OK(is_wanted_to(79, "paused"));
    watch_view(side, 79, VIEW_DELETED, &best);
    OK(is_wanted_to(79, "deleted"));
    watch_event(side, 79, DESIRED_RUN, "contract grace period ended", FROM_FINALIZED, &best);
    OK(is_wanted_to(79, "deleted"));
}

static uint32_t windows(report_row_t rows[REPORT_ROWS_CAP])
{
    return report_rows(side, "nru", UINT32_MAX, REPORT_ROWS_CAP, rows);
}

/* Each second is in one window, whatever happens between: a restart, a clock that goes back, nothing moved.
 */
TEST(windows_of_traffic_touch_and_never_overlap)
{
    report_row_t rows[REPORT_ROWS_CAP];
    char error[ENGINE_ERROR_MAX + 1];
    static const char moved[] =
        "INSERT INTO nru(contract, bytes, since) VALUES(80, 100, ?1) ON CONFLICT(contract) DO "
        "UPDATE SET bytes = bytes + 100";
    int64_t now_s = (int64_t)(io_now_ms(io) / 1000), start = now_s - 1000;
    watch_accepted(side, 80, 1000000);
    OK(engine_deploy(engine, disk_of(80), 1, error));
    db_do(db, "DELETE FROM nru", "");
    db_do(db, "DELETE FROM chain_report WHERE kind = 'nru'", "");
    db_do(db, "INSERT OR REPLACE INTO chain_window(contract, until) VALUES(80, ?1)", "i", start);
    db_set(db, "chain_nru_closed", start);
    db_do(db, moved, "i", start);
    report_close(side, start + 100);
    report_close(side, start + 100); /* the same time is no window */
    EQ(windows(rows), 1);
    EQ(rows[0].at_s, start + 100);
    EQ(rows[0].window_s, 100);
    EQ(rows[0].bytes, 100);
    report_close(side, start + 200); /* nothing moved: nothing is told */
    EQ(windows(rows), 1);
    db_do(db, moved, "i", start);
    report_close(side, start + 150); /* the clock went back: the bytes wait */
    EQ(windows(rows), 1);
    close_all();
    OK(open_parts() && open_side()); /* another agent */
    report_close(side, start + 300);
    EQ(windows(rows), 2);
    EQ(rows[1].at_s, start + 300);
    EQ(rows[1].window_s, 100);
    EQ(rows[1].bytes, 100);
    engine_desire(engine, 80, DESIRED_DELETED, "over", "", 1);
    db_do(db, "DELETE FROM chain_report WHERE contract = 80", "");
    db_set(db, "chain_nru_closed", now_s);
}

TEST(when_a_contract_was_taken_is_not_forgotten)
{
    char error[ENGINE_ERROR_MAX + 1];
    place_t early = finalized_at(999000, 1), later = finalized_at(999001, 2);
    watch_accepted(side, 78, 1000000);
    OK(engine_deploy(engine, disk_of(78), 1, error));
    close_all();
    OK(open_parts() && open_side());
    OK(turn(registered, LONG_MS));
    watch_view(side, 78, VIEW_ABSENT, &early);
    watch_view(side, 78, VIEW_ABSENT, &later);
    OK(!has_nothing());
}

TEST(it_stops_at_any_moment)
{
    for (uint64_t wait_ms = 0; wait_ms < 200; wait_ms += 20) {
        is_checked = false;
        OK(chain_side_check(side, &expected, on_check, NULL));
        (void)turn(never, wait_ms);
        close_all();
        OK(open_parts() && open_side());
    }
    close_all();
}

/* All or none: each test stands on the one before it. */
int main(int argc, char **argv)
{
    (void)argc;
    if (access(NODE_PROGRAM, X_OK) != 0) return test_skip("trellis-node is not built", NULL);
    log_level(LOG_LEVEL_ERROR);
    if (!crypto_init() || !start_node(NODE_PROGRAM)) return 1;
    if (key_from_suri("//NodeTest", KEY_SR25519, &node_key) != KEY_OK ||
        key_from_suri("//Dave", KEY_SR25519, &user_key) != KEY_OK ||
        key_from_suri("//Bob", KEY_SR25519, &farmer_key) != KEY_OK ||
        key_from_suri("//Alice", KEY_SR25519, &bank_key) != KEY_OK)
        return 1;
    return test_main_(1, argv);
}
