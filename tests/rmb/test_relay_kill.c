/* test_relay_kill.c - rmb-relay is killed at random moments under load: what it acknowledged is not lost.
 *
 *     test_relay_kill [--kills N] [--seed N]
 *
 * Two senders, one over nng and one over WebSocket, write numbered requests to two receivers over nng,
 * against a real chain. A peer does not send again what was acknowledged, so that a loss shows as a gap; what
 * comes again is dropped by its uid, so that each receiver's application sees every number of a sender once,
 * and in order. An answer to the WebSocket may end in the socket of the relay that is killed: that sender
 * looks at what arrived. */
#include "crowd.h"

#include <stdlib.h>
#include <string.h>

#define SENDERS      2
#define RECEIVERS    2
#define FLIGHT       48 /* requests of one pair that are not answered, or did not arrive */
#define WEB_SENDER   1
#define MOMENT_MS    300    /* a kill comes at most so long after all peers are back */
#define FINISH_MS    120000 /* for all that is under way to be answered */
#define RECONNECT_MS 60000

_Static_assert(SENDERS + RECEIVERS == TWINS, "each twin is one of them");
static uint32_t kills = 15;
typedef struct {
    uint32_t sender, receiver; /* twins less one */
    uint64_t sent, safe, answered, failed;
    uint64_t received; /* the last number that came */
    uint64_t out_of_order;
} pair_t;
static pair_t pairs[SENDERS][RECEIVERS];
static bool is_sending;
static peer_status_t last_failure;

static void send_more(pair_t *pair);

/* ---- receivers ---- */

static void on_request(void *context, peer_t *peer, const peer_incoming_t *request)
{
    uint32_t receiver = *(const uint32_t *)context;
    char text[24]     = "";
    if (request->from.twin == 0 || request->from.twin > SENDERS || request->payload.len >= sizeof text)
        abort();
    memcpy(text, request->payload.data, request->payload.len);
    pair_t *pair    = &pairs[request->from.twin - 1][receiver - SENDERS];
    uint64_t number = strtoull(text, NULL, 10);
    if (number != pair->received + 1) {
        pair->out_of_order++;
        printf("from %s to %s: %llu after %llu\n", names[pair->sender], names[pair->receiver],
               (unsigned long long)number, (unsigned long long)pair->received);
    }
    pair->received = number;
    peer_reply(peer, &request->from, request->payload);
    if (pair->sender == WEB_SENDER) send_more(pair);
}

/* ---- senders ---- */

static void on_safe(void *context) { ((pair_t *)context)->safe++; }

static void on_answer(void *context, const peer_answer_t *answer)
{
    pair_t *pair = context;
    pair->answered++;
    if (answer->status != PEER_OK && pair->sender != WEB_SENDER) {
        pair->failed++;
        last_failure = answer->status;
    }
    send_more(pair);
}

static void send_more(pair_t *pair)
{
    char number[24];
    while (is_sending &&
           pair->sent - (pair->sender == WEB_SENDER ? pair->received : pair->answered) < FLIGHT) {
        snprintf(number, sizeof number, "%llu", (unsigned long long)++pair->sent);
        peer_request_t request = {.twin    = pair->receiver + 1,
                                  .command = "count",
                                  .payload = bytes_text(number),
                                  .on_safe = on_safe};
        (void)peer_request(peers[pair->sender], &request, on_answer, pair);
    }
}

/* ---- the grid ---- */

static bool peers_start(void)
{
    if (!crowd_open()) return false;
    for (uint32_t i = 0; i < TWINS; i++)
        if (!crowd_join(i, "grid.local", i == WEB_SENDER ? own_relay_url() : own_bus_url(), NULL,
                        i < SENDERS ? NULL : on_request))
            return false;
    return true;
}

static bool all_answered(void)
{
    for (uint32_t i = 0; i < SENDERS; i++)
        for (uint32_t j = 0; j < RECEIVERS; j++)
            if ((i == WEB_SENDER ? pairs[i][j].received : pairs[i][j].answered) < pairs[i][j].sent)
                return false;
    return true;
}

/* ---- the test ---- */

/* kill_one waits for the peers, or kills while they are still coming back. */
static bool kill_one(random_t *random)
{
    if (random_below(random, 4) != 0 && !wait_for(all_connected, RECONNECT_MS)) return false;
    pass_ms(random_below(random, MOMENT_MS));
    own_relay_kill();
    pass_ms(random_below(random, MOMENT_MS));
    own_relay_start();
    return true;
}

PROPERTY(a_killed_relay_loses_nothing_it_acknowledged, 1)
{
    uint64_t sent = 0, safe = 0, replays = 0;
    printf("seed %llu, %u kills\n", (unsigned long long)random->state, kills);
    own_node_start();
    own_relay_start();
    OK(peers_start());
    is_sending = true;
    for (uint32_t i = 0; i < SENDERS * RECEIVERS; i++) {
        pair_t *pair = &pairs[i / RECEIVERS][i % RECEIVERS];
        *pair        = (pair_t){.sender = i / RECEIVERS, .receiver = SENDERS + i % RECEIVERS};
        send_more(pair);
    }
    for (uint32_t i = 0; i < kills; i++) {
        bool is_back = kill_one(random);
        if (!is_back)
            for (uint32_t j = 0; j < TWINS; j++)
                printf("after %u kills: %s is %s\n", i, names[j],
                       peer_is_connected(peers[j]) ? "back" : "not back");
        OK(is_back);
    }
    OK(wait_for(all_connected, RECONNECT_MS));
    is_sending        = false;
    uint64_t begun_ms = io_ticks_ms(io);
    bool is_whole     = wait_for(all_answered, FINISH_MS);
    for (uint32_t i = 0; i < SENDERS * RECEIVERS; i++) {
        const pair_t *pair = &pairs[i / RECEIVERS][i % RECEIVERS];
        sent += pair->sent;
        safe += pair->safe;
    }
    for (uint32_t i = 0; i < TWINS; i++)
        replays += peer_replays(peers[i]);
    printf("answered after %llu ms; ", (unsigned long long)(io_ticks_ms(io) - begun_ms));
    printf("%llu requests, %llu heard to be safe, %llu came again and were dropped\n",
           (unsigned long long)sent, (unsigned long long)safe, (unsigned long long)replays);
    for (uint32_t i = 0; i < SENDERS * RECEIVERS; i++) {
        const pair_t *pair = &pairs[i / RECEIVERS][i % RECEIVERS];
        EQ(pair->out_of_order, 0);
        EQ(pair->received, pair->sent);
        if (pair->failed) printf("%s\n", peer_status_text(last_failure));
        EQ(pair->failed, 0);
    }
    OK(is_whole);
    OK(safe > 0 && sent >= kills);
    pass_ms(500); /* acknowledgements arrive */
    crowd_close();
}

int main(int argc, char **argv) { return crowd_main(argc, argv, "--kills", &kills); }
