/* test_federation.c - which relay an envelope is brought to, when, in which order, and what when it fails. */
#include "relay_world.h"

#include "federation.h"
#include "link_frame.h"
#include "relay_internal.h"

#define POSTS 256

typedef struct {
    federation_item_t *item;
    char domain[64], uid[64];
    bool is_linked;
} given_t;

static struct {
    federation_t *core;
    uint64_t ticks, wake_ms;
    given_t given[POSTS];
    uint32_t count, linked, link_room;
    uint8_t chance;
} f;

static uint64_t fed_ticks(void *self)
{
    (void)self;
    return f.ticks;
}
static void fed_random(void *self, void *out, size_t len)
{
    (void)self;
    memset(out, f.chance, len);
}
static void fed_wake(void *self, uint64_t delay_ms)
{
    (void)self;
    if (f.ticks + delay_ms < f.wake_ms) f.wake_ms = f.ticks + delay_ms;
}
static void uid_of(bytes_t wire, char uid[64])
{
    arena_t arena = {.start = room, .size = sizeof room};
    envelope_t envelope;
    if (envelope_decode(wire, &arena, &envelope) != ENVELOPE_OK) exit(1);
    snprintf(uid, 64, "%s", envelope.uid);
}
static void fed_post(void *self, federation_item_t *item, const char *domain, bytes_t wire)
{
    (void)self;
    assert(f.count < POSTS);
    given_t *given = &f.given[f.count++];
    given->item    = item;
    snprintf(given->domain, sizeof given->domain, "%s", domain);
    uid_of(wire, given->uid);
}
static bool fed_link(void *self, void *link, federation_item_t *item, bytes_t wire)
{
    (void)self;
    if (link != &f || f.linked >= f.link_room) return false;
    fed_post(NULL, item, "link", wire);
    f.given[f.count - 1].is_linked = true;
    f.linked++;
    return true;
}

static void run(uint64_t ms)
{
    for (uint64_t end = f.ticks + ms; f.wake_ms <= end;) {
        f.ticks   = f.wake_ms > f.ticks ? f.wake_ms : f.ticks;
        f.wake_ms = UINT64_MAX;
        federation_run(f.core);
        if (f.ticks == end) break;
    }
}

/* The relay's own op stays the world's; what it hands over goes into the core. */
static void federation_up(void)
{
    memset(&f, 0, sizeof f);
    f.ticks              = 1000;
    f.wake_ms            = UINT64_MAX;
    federation_ops_t ops = {NULL, now_ms, fed_ticks, fed_random, fed_wake, fed_post, fed_link};
    fresh();
    f.core = federation_new(&ops, 10);
    federation_set_relay(f.core, w.relay);
}

static void federation_down(void)
{
    federation_free(f.core);
    done();
}

static void bring(uint32_t to, const char *uid, const char *record)
{
    envelope_t e = request(1, NULL, to, uid);
    uint8_t wire[512];
    envelope_encode(&e, wire);
    relay_message_t *message = relay_message_new(&e, (bytes_t){wire, envelope_encoded_len(&e)});
    message->deadline_s      = w.now_ms / 1000 + 60;
    federation_send(f.core, message, record);
}

static void answer(const char *uid, federation_result_t result)
{
    for (uint32_t i = 0; i < f.count; i++) {
        if (!f.given[i].item || strcmp(f.given[i].uid, uid) != 0) continue;
        federation_item_t *item = f.given[i].item;
        f.linked -= f.given[i].is_linked;
        f.given[i].item = NULL;
        federation_posted(f.core, item, result);
        return;
    }
    printf("nobody posts %s\n", uid);
    exit(1);
}

static const char *under_way(void)
{
    static char list[512];
    list[0] = 0;
    for (uint32_t i = 0; i < f.count; i++)
        if (f.given[i].item)
            snprintf(list + strlen(list), sizeof list - strlen(list), "%s@%s ", f.given[i].uid,
                     f.given[i].domain);
    return list;
}

TEST(one_address_posts_to_another_in_order)
{
    federation_up();
    bring(3, "a1", "far");
    bring(3, "a2", "far");
    bring(4, "b1", "far");
    run(0);
    TEXT(under_way(), "a1@far b1@far ");
    answer("a1", FEDERATION_TAKEN);
    run(0);
    TEXT(under_way(), "b1@far a2@far ");
    answer("a2", FEDERATION_TAKEN);
    answer("b1", FEDERATION_TAKEN);
    relay_stats_t stats;
    relay_stats(w.relay, &stats);
    EQ(stats.federation_done, 3);
    federation_down();
}

TEST(what_fails_is_tried_elsewhere_and_again_and_is_not_overtaken)
{
    federation_up();
    f.chance = 1; /* equals stay in their order */
    bring(3, "a1", "one_two");
    bring(3, "a2", "one_two");
    run(0);
    char first[64], second[64];
    snprintf(first, sizeof first, "%s", f.given[0].domain);
    answer("a1", FEDERATION_FAILED);
    run(0);
    EQ(f.count, 2);
    snprintf(second, sizeof second, "%s", f.given[1].domain);
    OK(strcmp(first, second) != 0);
    answer("a1", FEDERATION_FAILED);
    run(0);
    EQ(f.count, 2); /* a pause */
    run(200);
    EQ(f.count, 3);
    TEXT(f.given[2].uid, "a1");
    answer("a1", FEDERATION_TAKEN);
    run(0);
    TEXT(f.given[3].uid, "a2");
    federation_down();
}

TEST(a_relay_that_failed_comes_last_until_the_period_is_over)
{
    federation_up();
    bring(3, "a1", "one_two");
    run(0);
    char failed[64];
    snprintf(failed, sizeof failed, "%s", f.given[0].domain);
    answer("a1", FEDERATION_FAILED);
    run(0);
    answer("a1", FEDERATION_TAKEN);
    for (int i = 0; i < 8; i++) {
        f.chance = (uint8_t)i;
        bring(3, "a2", "one_two");
        run(200);
        OK(strcmp(f.given[f.count - 1].domain, failed) != 0);
        answer("a2", FEDERATION_TAKEN);
    }
    f.ticks += 20000;
    bool was_first = false;
    for (int i = 0; i < 8; i++) {
        f.chance = (uint8_t)i;
        bring(3, "a3", "one_two");
        run(0);
        was_first = was_first || strcmp(f.given[f.count - 1].domain, failed) == 0;
        answer("a3", FEDERATION_TAKEN);
    }
    OK(was_first);
    federation_down();
}

TEST(a_refusal_is_for_good_and_told_to_the_sender)
{
    federation_up();
    link_t *one = session(0, 1, NULL);
    bring(3, "a1", "far");
    run(0);
    answer("a1", FEDERATION_REFUSED);
    const envelope_t *report = pull(one);
    TEXT(report->uid, "a1");
    TEXT(report->error_message, "destination offline");
    run(10000);
    TEXT(under_way(), "");
    federation_down();
}

TEST(what_expires_is_dropped_even_behind_another)
{
    federation_up();
    bring(3, "a1", "far");
    bring(3, "a2", "far");
    run(0);
    w.now_ms += 61000;
    run(2000);
    relay_stats_t stats;
    relay_stats(w.relay, &stats);
    EQ(stats.federation_error, 1); /* a1 is still being posted */
    answer("a1", FEDERATION_FAILED);
    run(2000);
    relay_stats(w.relay, &stats);
    EQ(stats.federation_error, 2);
    TEXT(under_way(), "");
    federation_down();
}

TEST(a_dead_relay_takes_no_posts_from_others)
{
    federation_up();
    char uid[16];
    for (uint32_t i = 0; i < 100; i++) {
        snprintf(uid, sizeof uid, "d%u", i);
        bring(100 + i, uid, "dead");
    }
    run(0);
    EQ(f.count, FEDERATION_POSTS_MAX / 4);
    bring(3, "a1", "far");
    run(0);
    TEXT(f.given[f.count - 1].uid, "a1");
    for (uint32_t i = 0; i < FEDERATION_POSTS_MAX / 4; i++)
        answer(f.given[i].uid, FEDERATION_FAILED);
    uint32_t before = f.count;
    run(10000);
    EQ(f.count, before + 1); /* one at a time asks whether it lives */
    answer(f.given[f.count - 1].uid, FEDERATION_TAKEN);
    run(5000);
    EQ(f.count, before + 1 + FEDERATION_POSTS_MAX / 4);
    federation_down();
}

TEST(a_link_takes_many_in_order_and_goes_on_where_it_broke)
{
    federation_up();
    f.link_room = 3;
    federation_link(f.core, "far", &f);
    bring(3, "a1", "far");
    bring(3, "a2", "far");
    bring(3, "a3", "far");
    bring(3, "a4", "far");
    run(0);
    TEXT(under_way(), "a1@link a2@link a3@link ");
    answer("a1", FEDERATION_TAKEN);
    run(0);
    TEXT(under_way(), "a2@link a3@link a4@link ");
    answer("a3", FEDERATION_TAKEN);
    federation_link(f.core, "far", NULL);
    for (uint32_t i = 0; i < f.count; i++)
        f.given[i].item = NULL;
    run(0);
    TEXT(under_way(), "a2@far "); /* by post, one at a time */
    f.linked = 0;
    federation_link(f.core, "far", &f);
    run(0);
    TEXT(under_way(), "a2@far ");
    answer("a2", FEDERATION_TAKEN);
    run(0);
    TEXT(under_way(), "a4@link ");
    answer("a4", FEDERATION_TAKEN);
    federation_down();
}

TEST(what_finds_no_room_behind_a_link_goes_before_what_came_later)
{
    federation_up();
    f.link_room = 10;
    federation_link(f.core, "far", &f);
    bring(3, "a1", "far");
    bring(3, "a2", "far");
    run(0);
    answer("a1", FEDERATION_FAILED);
    bring(3, "a3", "far");
    run(500);
    TEXT(under_way(), "a2@link ");
    answer("a2", FEDERATION_TAKEN);
    run(500);
    TEXT(under_way(), "a1@link a3@link ");
    federation_down();
}

TEST(one_relay_that_is_away_fills_only_half_of_the_room)
{
    federation_up();
    link_t *one = session(0, 1, NULL);
    char uid[16];
    for (uint32_t i = 0; i <= FEDERATION_COUNT_MAX / 2; i++) {
        snprintf(uid, sizeof uid, "d%u", i);
        bring(3, uid, "dead");
    }
    TEXT(pull(one)->error_message, "no room for more messages to other relays");
    bring(3, "a1", "far");
    TEXT(pull(one)->uid, "");
    federation_down();
}

/* ---- frames ---- */

TEST(link_frames_are_read_as_they_were_written)
{
    bus_writer_t out = {0};
    link_reader_t reader;
    link_item_t item;
    link_write_envelope(&out, 7, BYTES("first"));
    link_write_envelope(&out, UINT32_MAX, BYTES("second"));
    OK(link_read((bytes_t){out.data, out.len}, &reader));
    EQ(reader.kind, LINK_ENVELOPE);
    OK(link_next(&reader, &item));
    EQ(item.seq, 7);
    OK(bytes_equal(item.envelope, BYTES("first")));
    OK(link_next(&reader, &item));
    EQ(item.seq, UINT32_MAX);
    OK(!link_next(&reader, &item) && !reader.is_failed);
    for (uint32_t len = 2; len < out.len; len++) {
        OK(link_read((bytes_t){out.data, len}, &reader));
        while (link_next(&reader, &item)) {
        }
        OK(reader.is_failed == (len != 1 + 8 + 5));
    }
    bus_writer_reset(&out);
    link_write_ack(&out, 9, LINK_AGAIN);
    OK(link_read((bytes_t){out.data, out.len}, &reader) && link_next(&reader, &item));
    OK(item.seq == 9 && item.status == LINK_AGAIN);
    out.data[5] = 3;
    OK(link_read((bytes_t){out.data, out.len}, &reader) && !link_next(&reader, &item) && reader.is_failed);
    OK(link_read(BYTES("\x08"), &reader) && !link_read(BYTES("\x08x"), &reader));
    OK(!link_read(BYTES("\x09"), &reader) && !link_read((bytes_t){0}, &reader));
    OK(!link_read((bytes_t){(const uint8_t *)"\x05\0", 2}, &reader));
    bus_writer_fini(&out);
}

TEST_MAIN()
