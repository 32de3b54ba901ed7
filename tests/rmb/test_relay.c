/* test_relay.c - the switch with a table for the chain, a list for the store and a clock of our own. */
#include "relay_world.h"

TEST(an_envelope_reaches_a_session_that_is_here)
{
    fresh();
    link_t *a = session(0, 1, "x"), *b = session(1, 2, NULL);
    envelope_t e = request(1, "x", 2, "u1");
    send(a, &e);
    OK(b->woken > 0);
    TEXT(pull(b)->uid, "u1");
    EQ(a->ack_count, 0);
    take_all(b);
    EQ(a->ack_count, 1);
    TEXT(a->acks[0], "u1+");
    EQ(stored(), 0);
    relay_commit(w.relay);
    EQ(stored(), 0);
    done();
}

TEST(rules_are_refused_with_rmb_rs_texts)
{
    static const struct {
        uint32_t from, to;
        const char *connection, *tags, *want;
    } cases[] = {
        {2, 2, "x",  NULL,          "message wrong source"               },
        {1, 2, NULL, NULL,          "message wrong source"               },
        {1, 0, "x",  NULL,          "message with missing destination"   },
        {1, 9, "x",  NULL,          "unknown twin destination"           },
        {1, 4, "x",  NULL,          "relay info is not set for this twin"},
        {1, 2, "x",  "a fail-fast", "destination offline"                },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fresh();
        link_t *a    = session(0, 1, "x");
        envelope_t e = request(cases[i].from, cases[i].connection, cases[i].to, "u");
        e.tags       = cases[i].tags;
        send(a, &e);
        const envelope_t *report = pull(a);
        TEXT(report->uid, "u");
        EQ(report->kind, ENVELOPE_ERROR);
        TEXT(report->error_message, cases[i].want);
        EQ(report->error_code, 0);
        OK(!report->has_source && !report->signature.data);
        EQ(report->destination.twin, 1);
        TEXT(report->destination.connection, "x");
        EQ(report->expiration_s, 300);
        EQ(report->timestamp_s, w.now_ms / 1000);
        TEXT(a->acks[0], "u-");
        e.kind = ENVELOPE_RESPONSE;
        take_all(a);
        send(a, &e);
        TEXT(pull(a)->uid, "");
        done();
    }
}

TEST(a_ping_is_answered_whatever_its_destination)
{
    fresh();
    link_t *a         = session(0, 1, "x");
    envelope_t ping   = request(1, "x", 0, "p");
    ping.kind         = ENVELOPE_PING;
    ping.payload_kind = PAYLOAD_NONE;
    send(a, &ping);
    const envelope_t *pong = pull(a);
    EQ(pong->kind, ENVELOPE_PONG);
    TEXT(pong->uid, "p");
    EQ(pong->source.twin, 0);
    EQ(pong->destination.twin, 1);
    OK(bytes_equal(pong->payload, BYTES("hello world")));
    done();
}

TEST(what_comes_for_an_absent_one_waits_in_order)
{
    fresh();
    link_t *a = session(0, 1, NULL);
    envelope_t e;
    char uid[3] = "u0";
    for (int i = 0; i < 5; i++) {
        uid[1] = (char)('0' + i);
        e      = request(1, NULL, 2, uid);
        send(a, &e);
    }
    EQ(stored(), 5);
    link_t *b = session(1, 2, NULL);
    for (int i = 0; i < 5; i++) {
        uid[1] = (char)('0' + i);
        TEXT(pull(b)->uid, uid);
    }
    e = request(1, NULL, 2, "u5");
    send(a, &e);
    TEXT(pull(b)->uid, "u5");
    TEXT(pull(b)->uid, "");
    take_all(b);
    EQ(stored(), 0);
    done();
}

TEST(an_acknowledgement_waits_for_the_disk)
{
    fresh();
    w.is_slow_disk = true;
    link_t *a      = session(0, 1, NULL);
    envelope_t e   = request(1, NULL, 2, "one");
    send(a, &e);
    OK(w.commits > 0);
    EQ(a->ack_count, 0);
    relay_commit(w.relay);
    EQ(a->ack_count, 0);
    e = request(1, NULL, 2, "two");
    send(a, &e);
    relay_commit(w.relay);
    disk_is_done();
    EQ(a->ack_count, 1);
    TEXT(a->acks[0], "one+");
    disk_is_done();
    EQ(a->ack_count, 2);
    TEXT(a->acks[1], "two+");
    done();
}

TEST(what_a_session_does_not_take_is_stored_at_the_commit)
{
    fresh();
    link_t *a = session(0, 1, NULL), *b = session(1, 2, NULL);
    envelope_t e = request(1, NULL, 2, "u");
    send(a, &e);
    TEXT(pull(b)->uid, "u");
    EQ(stored(), 0);
    relay_commit(w.relay);
    EQ(stored(), 1);
    TEXT(a->acks[0], "u+");
    take_all(b);
    EQ(stored(), 0);
    EQ(a->ack_count, 1);
    done();
}

TEST(what_was_sent_but_not_taken_is_sent_again)
{
    fresh();
    link_t *a = session(0, 1, NULL), *b = session(1, 2, NULL);
    envelope_t e = request(1, NULL, 2, "u");
    send(a, &e);
    TEXT(pull(b)->uid, "u");
    drop_pulled(b);
    relay_session_close(w.relay, b->session);
    b->session = NULL;
    EQ(stored(), 1);
    b = session(1, 2, NULL);
    TEXT(pull(b)->uid, "u");
    take_all(b);
    done();
}

TEST(the_newest_session_replaces_the_older)
{
    fresh();
    link_t *a = session(0, 1, NULL), *old = session(1, 2, NULL);
    envelope_t e = request(1, NULL, 2, "u");
    send(a, &e);
    link_t *young = session(2, 2, NULL);
    EQ(old->closed, RELAY_CLOSE_REPLACED + 1);
    OK(!old->session);
    TEXT(pull(young)->uid, "u");
    link_t *named = session(3, 2, "n");
    OK(!young->closed && named->session);
    e                        = request(1, NULL, 2, "v");
    e.destination.connection = "n";
    send(a, &e);
    TEXT(pull(named)->uid, "v");
    TEXT(pull(young)->uid, "");
    done();
}

TEST(a_relay_that_restarts_still_has_what_it_acknowledged)
{
    fresh();
    link_t *a    = session(0, 1, NULL);
    envelope_t e = request(1, NULL, 2, "u1");
    send(a, &e);
    e = request(1, NULL, 3, "far");
    send(a, &e);
    EQ(w.outward_count, 1);
    TEXT(w.outward_to[0], "far");
    relay_commit(w.relay);
    EQ(a->ack_count, 2);
    stop();
    start(0);
    EQ(w.outward_count, 1);
    EQ(stored(), 2);
    link_t *b = session(1, 2, NULL);
    TEXT(pull(b)->uid, "u1");
    a = session(0, 1, NULL);
    e = request(1, NULL, 2, "u2");
    send(a, &e);
    TEXT(pull(b)->uid, "u2");
    done();
}

TEST(a_chain_that_is_away_at_start_is_asked_again)
{
    fresh();
    link_t *a    = session(0, 1, NULL);
    envelope_t e = request(1, NULL, 3, "far");
    send(a, &e);
    stop();
    w.is_chain_down = true;
    start(0);
    EQ(w.outward_count, 0);
    EQ(stored(), 1);
    w.is_chain_down = false;
    relay_tick(w.relay);
    EQ(w.outward_count, 1);
    done();
}

TEST(a_full_disk_at_start_takes_nothing_that_is_for_a_session_here_by_now)
{
    fresh();
    link_t *a    = session(0, 1, NULL);
    envelope_t e = request(1, NULL, 3, "far");
    send(a, &e);
    relay_commit(w.relay);
    EQ(a->ack_count, 1);
    stop();
    memcpy(table[2].relay, "here", 5);
    w.is_full_disk = true;
    start(0);
    link_t *b = session(1, 3, NULL);
    relay_tick(w.relay);
    EQ(w.outward_count, 0);
    EQ(stored(), 1);
    TEXT(pull(b)->uid, "");
    w.is_full_disk = false;
    relay_tick(w.relay);
    EQ(stored(), 1);
    TEXT(pull(b)->uid, "far");
    take_all(b);
    EQ(stored(), 0);
    memcpy(table[2].relay, "far", 4);
    done();
}

TEST(a_message_leaves_the_store_when_its_refusal_is_there)
{
    fresh();
    link_t *a    = session(0, 1, NULL);
    envelope_t e = request(1, NULL, 3, "far");
    send(a, &e);
    relay_commit(w.relay);
    EQ(w.outward_count, 1);
    w.outward_count = 0;
    w.is_full_disk  = true;
    relay_federated(w.relay, w.outward[0], RELAY_FED_REFUSED);
    EQ(stored(), 1);
    TEXT(pull(a)->uid, "");
    w.is_full_disk = false;
    relay_tick(w.relay); /* tried again */
    EQ(w.outward_count, 1);
    w.outward_count = 0;
    relay_federated(w.relay, w.outward[0], RELAY_FED_REFUSED);
    EQ(stored(), 1); /* the report, without a commit */
    const envelope_t *report = pull(a);
    OK(report && report->kind == ENVELOPE_ERROR);
    TEXT(report->uid, "far");
    TEXT(report->error_message, "destination offline");
    take_all(a);
    EQ(stored(), 0);
    done();
}

TEST(messages_expire)
{
    fresh();
    link_t *a    = session(0, 1, NULL);
    envelope_t e = request(1, NULL, 2, "u");
    send(a, &e);
    e.uid = "dead";
    e.timestamp_s -= 61;
    send(a, &e);
    TEXT(a->acks[0], "dead-");
    relay_commit(w.relay);
    TEXT(a->acks[1], "u+");
    EQ(stored(), 2); /* with the report of the dead one */
    w.now_ms += 61000;
    relay_tick(w.relay);
    EQ(stored(), 1);
    w.now_ms += 240000;
    relay_tick(w.relay);
    EQ(stored(), 0);
    TEXT(pull(session(1, 2, NULL))->uid, "");
    done();
}

TEST(a_long_life_is_cut_to_an_hour)
{
    fresh();
    link_t *a      = session(0, 1, NULL);
    envelope_t e   = request(1, NULL, 2, "u");
    e.expiration_s = UINT64_MAX;
    send(a, &e);
    EQ(stored(), 1);
    w.now_ms += (uint64_t)HOUR * 1000;
    relay_tick(w.relay);
    EQ(stored(), 0);
    done();
}

TEST(a_session_that_stalls_is_closed_and_its_messages_stay)
{
    fresh();
    link_t *a = session(0, 1, NULL), *b = session(1, 2, NULL);
    envelope_t e   = request(1, NULL, 2, "u");
    e.expiration_s = 600;
    send(a, &e);
    TEXT(pull(b)->uid, "u");
    w.now_ms += RELAY_STALL_MS - 1;
    relay_tick(w.relay);
    EQ(b->closed, 0);
    w.now_ms += 1;
    relay_tick(w.relay);
    EQ(b->closed, RELAY_CLOSE_BACK_PRESSURE + 1);
    drop_pulled(b);
    TEXT(pull(session(1, 2, NULL))->uid, "u");
    done();
}

TEST(more_than_the_window_waits_in_the_store)
{
    fresh();
    link_t *a = session(0, 1, NULL), *b = session(1, 2, NULL);
    char uid[12];
    for (int i = 0; i < RELAY_WINDOW_COUNT + 40; i++) {
        snprintf(uid, sizeof uid, "%d", i);
        envelope_t e = request(1, NULL, 2, uid);
        send(a, &e);
        a->ack_count = 0;
    }
    EQ(stored(), 40);
    for (int i = 0; i < RELAY_WINDOW_COUNT + 40; i++) {
        snprintf(uid, sizeof uid, "%d", i);
        TEXT(pull(b)->uid, uid);
        a->ack_count = 0;
        take_all(b);
    }
    TEXT(pull(b)->uid, "");
    EQ(stored(), 0);
    done();
}

TEST(sessions_that_take_nothing_fill_no_memory)
{
    fresh();
    stop();
    w.memory_max = 500;
    start(0);
    link_t *a = session(0, 1, NULL);
    char uid[12], name[4];
    for (int i = 0; i < 60; i++) {
        snprintf(uid, sizeof uid, "%d", i);
        snprintf(name, sizeof name, "%d", i % 6);
        if (i < 6) session(i + 1, 2, name);
        envelope_t e             = request(1, NULL, 2, uid);
        e.destination.connection = name;
        send(a, &e);
    }
    relay_stats_t stats;
    relay_stats(w.relay, &stats);
    OK(stats.stored_count > 30); /* without being committed: they are nowhere else */
    for (int i = 0; i < 60; i++) {
        snprintf(uid, sizeof uid, "%d", i);
        TEXT(pull(&w.links[i % 6 + 1])->uid, uid);
        take_all(&w.links[i % 6 + 1]);
    }
    EQ(stored(), 0);
    done();
}

TEST(small_messages_to_many_names_count_as_what_they_take)
{
    fresh();
    stop();
    w.store_max = 100 * RELAY_ROW_COST;
    start(0);
    link_t *a = session(0, 1, NULL);
    char name[16];
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "n%d", i);
        envelope_t e             = request(1, NULL, 2, "u");
        e.destination.connection = name;
        send(a, &e);
    }
    OK(stored() > 50 && stored() < 100);
    done();
}

TEST(what_waits_for_the_chain_is_not_overtaken)
{
    fresh();
    w.is_chain_slow = true;
    link_t *a       = session(0, 1, NULL);
    envelope_t e    = request(1, NULL, 2, "first");
    send(a, &e);
    link_t *b = session(1, 2, NULL); /* it comes while the relay still asks */
    e.uid     = "second";
    send(a, &e);
    TEXT(pull(b)->uid, "");
    w.slow_done(w.slow_context, TWIN_UNAVAILABLE, NULL); /* it is here, whatever the chain says */
    TEXT(pull(b)->uid, "first");
    TEXT(pull(b)->uid, "second");
    e.uid = "third";
    send(a, &e);
    TEXT(pull(b)->uid, "third");
    done();
}

TEST(what_waits_for_the_chain_has_a_limit)
{
    fresh();
    w.is_chain_slow = true;
    link_t *a       = session(0, 1, NULL);
    uint32_t len    = RMB_MESSAGE_MAX - 100;
    uint8_t *data = calloc(1, len), *wire = malloc(RMB_MESSAGE_MAX);
    envelope_t e   = request(1, NULL, 2, "u");
    e.payload_kind = PAYLOAD_PLAIN;
    e.payload      = (bytes_t){data, len};
    envelope_encode(&e, wire);
    for (int i = 0; i < 6; i++)
        relay_session_input(w.relay, a->session, (bytes_t){wire, envelope_encoded_len(&e)});
    EQ(a->ack_count, 2);
    TEXT(a->acks[0], "u-");
    TEXT(pull(a)->error_message, "too many messages wait for the chain");
    w.is_chain_slow = false;
    w.slow_done(w.slow_context, TWIN_UNKNOWN, NULL);
    EQ(a->ack_count, 6);
    free(data);
    free(wire);
    done();
}

TEST(a_queue_has_an_end)
{
    fresh();
    link_t *a    = session(0, 1, NULL);
    envelope_t e = request(1, NULL, 2, "u");
    for (int i = 0; i < RELAY_QUEUE_COUNT_MAX; i++)
        send(a, &e);
    EQ(stored(), RELAY_QUEUE_COUNT_MAX);
    EQ(a->ack_count, 0);
    send(a, &e);
    EQ(stored(), RELAY_QUEUE_COUNT_MAX);
    TEXT(a->acks[0], "u-");
    TEXT(pull(a)->error_message, "no room for more messages to this destination");
    done();
}

TEST(a_limit_counts_by_minute_and_twin)
{
    fresh();
    stop();
    start(3);
    link_t *a = session(0, 1, NULL), *b = session(1, 2, NULL), *c = session(2, 1, "other");
    envelope_t e = request(1, NULL, 2, "u");
    for (int i = 0; i < 3; i++)
        send(a, &e);
    for (int i = 0; i < 3; i++)
        TEXT(pull(b)->uid, "u");
    send(a, &e);
    TEXT(pull(b)->uid, "");
    TEXT(pull(a)->error_message, "exceeded rate limits, dropping message");
    e = request(1, "other", 2, "v");
    send(c, &e);
    TEXT(pull(b)->uid, "");
    w.now_ms += 60000;
    send(c, &e);
    TEXT(pull(b)->uid, "v");
    done();
}

/* ---- federation ---- */

/* Each message is delivered or waits, in order, whatever sessions come and go. */
PROPERTY(nothing_is_lost_and_nothing_comes_out_of_order, 60)
{
    fresh();
    link_t *a = session(0, 1, NULL), *b = NULL;
    uint32_t sent = 0, taken = 0, seen = 0;
    for (int step = 0; step < 400; step++) {
        a->ack_count = 0;
        switch (random_below(random, 6)) {
        case 0:
        case 1: {
            char uid[12];
            snprintf(uid, sizeof uid, "%u", sent++);
            envelope_t e = request(1, NULL, 2, uid);
            send(a, &e);
            break;
        }
        case 2:
            if (b && b->session && b->pulled_count < 60) {
                const envelope_t *e = pull(b);
                if (e->uid[0]) EQ(strtoul(e->uid, NULL, 10), seen++);
            }
            break;
        case 3:
            if (b && b->session) {
                taken += b->pulled_count;
                take_all(b);
            }
            break;
        case 4: relay_commit(w.relay); break;
        default:
            if (random_below(random, 4)) break;
            if (b) drop_pulled(b);
            if (b && b->session && random_below(random, 2)) {
                relay_session_close(w.relay, b->session);
                b->session = NULL;
            }
            b    = session(1, 2, NULL);
            seen = taken;
        }
    }
    if (b) drop_pulled(b);
    b    = session(1, 2, NULL);
    seen = taken;
    while (seen < sent) {
        a->ack_count = 0;
        EQ(strtoul(pull(b)->uid, NULL, 10), seen++);
        take_all(b);
    }
    TEXT(pull(b)->uid, "");
    EQ(stored(), 0);
    done();
}

TEST_MAIN()
