/* A chain that lies, for a block, for good, or at one of two nodes: what runs is taken away on proof alone.
 *
 * One story: each test goes on where the one before ended. */
#include "lies.h"

/* ---- the story ---- */

TEST(a_contract_is_taken)
{
    OK(take_contracts(1));
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
    place_t far     = {.number = height + 1000000}; /* heard of a block that there never will be */
    watch_event(side, contract, DESIRED_PAUSED, "contract grace period started", FROM_BEST, &far);
    OK(strcmp(wanted_text(), "paused") == 0);
    grid_end();
    OK(connected_to(grid_other_url));
    for (int i = 0; i < 6; i++) {
        OK(one_more_block());
        compare();
    }
    OK(side->watch.finalized.number > 0);
    OK(lives());
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
    bool has_proof    = false;
    grid_other_url[0] = 0; /* one node only: what it says counts */
    close_all();
    OK(open_all());
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

int main(int argc, char **argv)
{
    (void)argc;
    if (access(NODE_PROGRAM, X_OK) != 0) return test_skip("trellis-node is not built", NULL);
    log_level(LOG_LEVEL_ERROR);
    return start_story() ? test_main_(1, argv) : 1;
}
