/* test_relay_inbox.c - what other relays post, and what goes to them. */

#include "relay_world.h"

static int in_result;
static void on_in(void *context, relay_in_t in)
{
    (void)context;
    in_result = (int)in;
}

static int post(const envelope_t *envelope, int signer)
{
    envelope_t copy = *envelope;
    uint8_t wire[2048], signature[65];
    if (signer >= 0 && !envelope_sign(&copy, &keys[signer], signature)) exit(1);
    envelope_encode(&copy, wire);
    in_result = -1;
    relay_federation_input(w.relay, (bytes_t){wire, envelope_encoded_len(&copy)}, on_in, NULL);
    if (in_result == -1) relay_commit(w.relay);
    return in_result;
}

static void add_tracked(void *context, uint32_t twin, uint64_t count)
{
    ((uint64_t *)context)[twin] += count;
}

TEST(what_each_twin_sends_is_counted_when_asked_for)
{
    for (int i = 0; i < 2; i++) {
        uint64_t counts[5] = {0};
        fresh();
        stop();
        w.is_tracking = i == 1;
        start(0);
        link_t *a = session(0, 1, NULL), *b = session(1, 2, NULL);
        envelope_t e = request(1, NULL, 2, "u1");
        send(a, &e);
        e.uid = "u2";
        send(a, &e);
        e = request(2, NULL, 1, "u3");
        send(b, &e);
        relay_tracked(w.relay, add_tracked, counts);
        EQ(counts[1], i ? 2 : 0);
        EQ(counts[2], i ? 1 : 0);
        done();
    }
}

TEST(another_relay_may_post_what_is_signed)
{
    fresh();
    envelope_t e = request(3, NULL, 1, "u");
    EQ(post(&e, -1), RELAY_IN_FORGED);
    EQ(post(&e, 0), RELAY_IN_FORGED);
    EQ(post(&e, 2), RELAY_IN_ACCEPTED);
    EQ(stored(), 1);
    e.tags = "fail-fast";
    EQ(post(&e, 2), RELAY_IN_OFFLINE);
    link_t *b = session(0, 1, NULL);
    EQ(post(&e, 2), RELAY_IN_ACCEPTED);
    TEXT(pull(b)->uid, "u");
    e.destination.twin = 3;
    EQ(post(&e, 2), RELAY_IN_OFFLINE); /* not ours */
    e.destination.twin = 0;
    EQ(post(&e, 2), RELAY_IN_MALFORMED);
    e = request(9, NULL, 1, "u");
    EQ(post(&e, 2), RELAY_IN_FORGED);
    e = request(3, NULL, 1, "u");
    e.timestamp_s -= 100;
    EQ(post(&e, 2), RELAY_IN_MALFORMED);
    relay_federation_input(w.relay, BYTES("not an envelope"), on_in, NULL);
    EQ(in_result, RELAY_IN_MALFORMED);
    w.is_chain_down = true;
    e               = request(2, NULL, 1, "u");
    EQ(post(&e, 1), RELAY_IN_BUSY);
    done();
}

TEST(another_relay_hears_when_its_message_is_safe)
{
    fresh();
    w.is_slow_disk = true;
    envelope_t e   = request(3, NULL, 1, "u");
    EQ(post(&e, 2), -1);
    disk_is_done();
    EQ(in_result, RELAY_IN_ACCEPTED);
    link_t *b = session(0, 1, NULL);
    TEXT(pull(b)->uid, "u");
    take_all(b);
    EQ(post(&e, 2), -1);
    TEXT(pull(b)->uid, "u");
    take_all(b);
    EQ(in_result, RELAY_IN_ACCEPTED);
    EQ(post(&e, 2), -1);
    done(); /* the other relay is told to try again */
    EQ(in_result, RELAY_IN_BUSY);
}

static relay_gate_t *gate;

static int by_link(const envelope_t *envelope)
{
    uint8_t wire[4096];
    in_result = -1;
    envelope_encode(envelope, wire);
    relay_link_input(w.relay, gate, (bytes_t){wire, envelope_encoded_len(envelope)}, on_in, NULL);
    return in_result;
}

/* Two relays that point at each other: what came from one never goes to a third, nor back. */
TEST(what_a_link_brings_is_not_signed_again_and_goes_no_further)
{
    fresh();
    envelope_t e = request(3, NULL, 1, "u");
    link_t *b    = session(0, 1, NULL);
    gate         = relay_gate_new();
    EQ(by_link(&e), -1);
    TEXT(pull(b)->uid, "u");
    take_all(b);
    EQ(in_result, RELAY_IN_ACCEPTED);
    e.destination.twin = 3;
    EQ(by_link(&e), RELAY_IN_OFFLINE);
    EQ(w.outward_count, 0);
    e.destination.twin = 9;
    EQ(by_link(&e), RELAY_IN_OFFLINE);
    e.destination.twin = 1;
    e.timestamp_s -= 100;
    EQ(by_link(&e), RELAY_IN_MALFORMED);
    relay_gate_free(w.relay, gate);
    done();
}

/* A link brings one envelope after the other without waiting: when one is sent back for want of room, a
 * smaller one behind it must not take the room that is left. */
TEST(what_a_link_brings_does_not_pass_what_was_sent_back)
{
    static uint8_t much[2000];
    fresh();
    stop();
    w.store_max = 4 * RELAY_ROW_COST;
    start(0);
    gate               = relay_gate_new();
    const envelope_t e = request(3, NULL, 1, "small"), other = request(3, "other", 1, "other");
    envelope_t large   = request(3, NULL, 1, "large");
    large.payload_kind = PAYLOAD_PLAIN;
    large.payload      = (bytes_t){much, sizeof much};
    EQ(by_link(&large), RELAY_IN_BUSY);
    EQ(by_link(&e), RELAY_IN_BUSY);
    EQ(by_link(&other), -1); /* of another session: nobody's order */
    relay_commit(w.relay);
    EQ(in_result, RELAY_IN_ACCEPTED);
    relay_gate_heard(gate); /* an earlier answer */
    EQ(by_link(&e), RELAY_IN_BUSY);
    relay_gate_said(gate);
    EQ(by_link(&e), RELAY_IN_BUSY); /* was under way */
    relay_gate_heard(gate);
    EQ(by_link(&e), -1);
    relay_commit(w.relay);
    EQ(in_result, RELAY_IN_ACCEPTED);
    EQ(stored(), 2);
    relay_gate_free(w.relay, gate);
    done();
}

typedef struct {
    relay_in_t in[4];
    uint32_t count;
} fates_t;

static void on_fate(void *context, relay_in_t in)
{
    fates_t *fates = context;
    if (fates->count < 4) fates->in[fates->count++] = in;
}

/* The same when room is found wanting later: at the end of the session that had both. */
TEST(what_a_session_left_does_not_pass_what_was_sent_back)
{
    static uint8_t much[2000];
    uint8_t wire[4096];
    fates_t fates = {.count = 0};
    fresh();
    stop();
    w.store_max = 2 * RELAY_ROW_COST;
    start(0);
    gate                   = relay_gate_new();
    link_t *b              = session(0, 1, NULL);
    envelope_t large       = request(3, NULL, 1, "large");
    large.payload_kind     = PAYLOAD_PLAIN;
    large.payload          = (bytes_t){much, sizeof much};
    const envelope_t small = request(3, NULL, 1, "small"), *both[] = {&large, &small};
    for (int i = 0; i < 2; i++) {
        envelope_encode(both[i], wire);
        relay_link_input(w.relay, gate, (bytes_t){wire, envelope_encoded_len(both[i])}, on_fate, &fates);
    }
    EQ(fates.count, 0);
    relay_session_close(w.relay, b->session);
    b->session = NULL;
    relay_commit(w.relay);
    EQ(fates.count, 2);
    EQ(fates.in[0], RELAY_IN_BUSY);
    EQ(fates.in[1], RELAY_IN_BUSY);
    EQ(stored(), 0);
    relay_gate_free(w.relay, gate);
    done();
}

TEST(what_waited_for_the_chain_goes_to_another_relay_in_its_order)
{
    fresh();
    link_t *a          = session(0, 1, NULL);
    const envelope_t e = request(1, NULL, 3, "1"), f = request(1, NULL, 3, "2"), g = request(1, NULL, 3, "3");
    send(a, &e);
    send(a, &f);
    EQ(w.outward_count, 2);
    stop();
    w.is_chain_down = true;
    start(0);
    EQ(w.outward_count, 0);
    w.is_chain_down = false;
    a               = session(0, 1, NULL);
    send(a, &g); /* before the tick asks again */
    EQ(w.outward_count, 3);
    TEXT(relay_message_uid(w.outward[0]), "1");
    TEXT(relay_message_uid(w.outward[1]), "2");
    TEXT(relay_message_uid(w.outward[2]), "3");
    done();
}

TEST(what_goes_to_another_relay_is_told_of_its_end)
{
    fresh();
    link_t *a    = session(0, 1, NULL);
    envelope_t e = request(1, NULL, 3, "good");
    send(a, &e);
    e.uid = "bad";
    send(a, &e);
    EQ(w.outward_count, 2);
    EQ(stored(), 2);
    relay_federated(w.relay, w.outward[0], RELAY_FED_DONE);
    relay_federated(w.relay, w.outward[1], RELAY_FED_REFUSED);
    w.outward_count = 0;
    EQ(stored(), 1); /* the report, at once */
    TEXT(a->acks[0], "good+");
    TEXT(a->acks[1], "bad-");
    const envelope_t *report = pull(a);
    TEXT(report->uid, "bad");
    TEXT(report->error_message, "destination offline");
    take_all(a);
    EQ(stored(), 0);
    done();
}

TEST_MAIN()
