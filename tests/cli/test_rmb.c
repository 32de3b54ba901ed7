/* test_rmb.c - `trellis rmb` and `trellis relay` against a real chain and a real relay, over both of its
 * edges. */
#include "own_grid.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

__attribute__((constructor)) static void prepare(void) { own_node_start(); }

/* line makes the arguments of a command at one edge of the relay. */
static const char *line(const char *command, const char *relay, const char *key)
{
    static char text[1024];
    snprintf(text, sizeof text, "rmb %s --relay %s --key //%s", command, relay, key);
    return text;
}

static void expect_number(const json_t *json, const char *name, json_int_t value)
{
    EQ(json_integer_value(json_object_get(json, name)), value);
}

TEST(an_echo_comes_back_over_both_edges)
{
    EQ(run("twin create --relay grid.local --key //Alice"), 0);
    EQ(run("twin create --relay grid.local --key //Bob"), 0);
    own_relay_start();
    run_beside("bob", line("echo --json", own_bus_url(), "Bob"));
    const char *const relays[] = {own_bus_url(), own_relay_url()};
    for (int i = 0; i < 2; i++) {
        json_t *json = answer(line("send 2 echo '{\"n\":[1,\"\\u00e9\"]}'", relays[i], "Alice"));
        json_t *sent = json_loads("{\"n\":[1,\"\\u00e9\"]}", 0, NULL);
        OK(json && json_equal(json, sent));
        json_decref(sent);
        json_decref(json);
        EQ(run(line("send 2 reboot", relays[i], "Alice")), 1);
        OK(says("error 0: function is not found"));
    }
}

TEST(a_relay_is_taken_from_the_chain_when_none_is_named)
{
    char text[256];
    snprintf(text, sizeof text, "rmb send 2 echo 7 --key //Alice --relay-at grid.local=%s", own_relay_url());
    json_t *json = answer(text);
    EQ(json_integer_value(json), 7);
    json_decref(json);
}

TEST(who_is_not_there_yet_hears_it_later)
{
    run_beside("sender", line("send 1 remind '{\"at\":5}' --json --seed //Bob", own_relay_url(), "Bob"));
    pid_t listener = run_begin(line("listen --count 1 --answer '\"done\"' --json", own_bus_url(), "Alice"));
    EQ(run_end("sender"), 0);
    OK(says("\"done\""));
    int status;
    while ((status = run_ended(listener)) < 0)
        continue;
    EQ(status, 0);
    json_t *json = json_loads(out, 0, NULL);
    expect_number(json, "twin", 2);
    OK(strcmp(json_string_value(json_object_get(json, "command")), "remind") == 0);
    expect_number(json_object_get(json, "payload"), "at", 5);
    json_decref(json);
}

TEST(ping_times_the_relay_and_the_twin)
{
    const char *const commands[] = {"ping --count 2", "ping 2 --count 2"};
    for (int i = 0; i < 4; i++) {
        json_t *json = answer(line(commands[i % 2], i < 2 ? own_bus_url() : own_relay_url(), "Alice"));
        expect_number(json, "answered", 2);
        OK(json_real_value(json_object_get(json, "min_ms")) > 0);
        OK(json_real_value(json_object_get(json, "max_ms")) >=
           json_real_value(json_object_get(json, "min_ms")));
        json_decref(json);
    }
}

TEST(trace_names_each_hop)
{
    char text[512];
    size_t i;
    json_t *row, *json;
    unsigned hops = 0;
    snprintf(text, sizeof text, "rmb trace 2 --key //Alice --relay %s --relay-at grid.local=%s",
             own_bus_url(), own_relay_url());
    json = answer(text);
    OK(json != NULL);
    json_array_foreach(json, i, row)
    {
        const char *hop = json_string_value(json_object_get(row, "hop"));
        OK(json_real_value(json_object_get(row, "ms")) > 0);
        hops |= strcmp(hop, "chain") == 0 ? 1 : strcmp(hop, "twin 2") == 0 ? 2 : 0;
        hops |= strstr(hop, own_bus_url()) ? 4 : strstr(hop, own_relay_url()) ? 8 : 0;
    }
    EQ(hops, 15); /* ours by nng, and theirs as the chain names it */
    json_decref(json);
}

TEST(a_relay_tells_its_state)
{
    char text[256];
    snprintf(text, sizeof text, "relay status --relay %s", own_relay_url());
    json_t *json = answer(text);
    OK(json_is_true(json_object_get(json, "healthy")));
    OK(json_integer_value(json_object_get(json_object_get(json, "metrics"), "relay_message_rx")) > 8);
    json_decref(json);
    snprintf(text, sizeof text, "relay status --relay %s", own_bus_url());
    EQ(run(text), 1);
    OK(says("over https"));
    EQ(run("relay status"), 2);
    OK(says("which relay?"));
    EQ(run("relay status --relay ws://127.0.0.1:1"), 1);
}

TEST(what_cannot_be_is_said)
{
    EQ(run(line("send 9 echo", own_relay_url(), "Alice")), 1);
    OK(says("no such twin"));
    EQ(run(line("send 0 echo", own_relay_url(), "Alice")), 2);
    EQ(run(line("send 2", own_relay_url(), "Alice")), 2);
    OK(says("which command?"));
    EQ(run(line("send 2 echo '{'", own_relay_url(), "Alice")), 2);
    EQ(run(line("send 2 echo --expire 0", own_relay_url(), "Alice")), 2);
    OK(says("--expire is 1 to"));
    EQ(run(line("send 2 echo", "ftp://x", "Alice")), 1);
    OK(says("a relay is wss://"));
    EQ(run(line("ping --timeout 1", "ws://127.0.0.1:1", "Alice")), 1);
    OK(says("no session with ws://127.0.0.1:1 after 1 s"));
    EQ(run(line("send 1 echo --to-session nobody --expire 1", own_bus_url(), "Bob")), 1);
    OK(says("no answer in time"));
    EQ(run(line("echo", own_relay_url(), "Charlie")), 1);
    OK(says("twin"));
}

TEST_MAIN()
