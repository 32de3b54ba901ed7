/* test_bus_frame.c - messages of a session over nng, written and read. */
#include "test.h"

#include "bus_frame.h"

static bool is(bytes_t v, const char *text) { return bytes_equal(v, bytes_text(text)); }

static bytes_t written(const bus_writer_t *w) { return (bytes_t){w->data, w->len}; }

TEST(an_envelope_is_itself)
{
    bus_item_t item;
    bus_reader_t r = bus_read(BYTES("\x0a\x01u"));
    OK(bus_next(&r, &item));
    EQ(item.kind, BUS_ENVELOPE);
    EQ(item.bytes.len, 3);
    OK(!bus_next(&r, &item) && !bus_is_failed(&r));
    r = bus_read((bytes_t){0});
    OK(!bus_next(&r, &item) && !bus_is_failed(&r));
}

TEST(welcome_and_refusal_are_read)
{
    bus_item_t item;
    bus_writer_t w = {0};
    bus_write_welcome(&w);
    bus_reader_t r = bus_read(written(&w));
    OK(bus_next(&r, &item) && item.kind == BUS_WELCOME && !bus_next(&r, &item) && !bus_is_failed(&r));
    bus_writer_reset(&w);
    bus_write_refused(&w, "why");
    r = bus_read(written(&w));
    OK(bus_next(&r, &item) && item.kind == BUS_REFUSED && is(item.bytes, "why"));
    bus_writer_fini(&w);
}

TEST(a_batch_holds_acknowledgements_and_envelopes_in_order)
{
    bus_writer_t acks = {0}, w = {0};
    bus_item_t item;
    bus_write_ack(&acks, BUS_STORED, "one");
    bus_write_ack(&acks, BUS_DROPPED, "");
    bus_write_batch(&w, written(&acks));
    bus_write_envelope(&w, BYTES("\x0a"
                                 "e1"));
    bus_write_envelope(&w, BYTES("\x0a"
                                 "e2"));
    bus_reader_t r = bus_read(written(&w));
    OK(bus_next(&r, &item) && item.kind == BUS_ACK && item.ack == BUS_STORED && is(item.bytes, "one"));
    OK(bus_next(&r, &item) && item.kind == BUS_ACK && item.ack == BUS_DROPPED && is(item.bytes, ""));
    OK(bus_next(&r, &item) && item.kind == BUS_ENVELOPE &&
       is(item.bytes, "\x0a"
                      "e1"));
    OK(bus_next(&r, &item) && item.kind == BUS_ENVELOPE &&
       is(item.bytes, "\x0a"
                      "e2"));
    OK(!bus_next(&r, &item) && !bus_is_failed(&r));
    r = bus_read(written(&acks));
    OK(bus_next(&r, &item) && bus_next(&r, &item) && !bus_next(&r, &item) && !bus_is_failed(&r));
    bus_writer_fini(&acks);
    bus_writer_fini(&w);
}

TEST(an_empty_acknowledgement_is_a_message)
{
    bus_writer_t w = {0};
    bus_item_t item;
    bus_write_acks(&w);
    EQ(w.len, 1);
    bus_reader_t r = bus_read(written(&w));
    OK(!bus_next(&r, &item) && !bus_is_failed(&r));
    bus_writer_fini(&w);
}

TEST(malformed_messages_are_refused)
{
    static const struct {
        const char *data;
        uint32_t len;
    } cases[] = {
        {"\x00",                     1}, /* no kind */
        {"\x05",                     1}, /* no kind */
        {"\x01\x00",                 2}, /* welcome and more */
        {"\x03\x00",                 2}, /* half an acknowledgement */
        {"\x03\x02\x00",             3}, /* no such status */
        {"\x03\x00\x05uid",          6}, /* shorter than it says */
        {"\x04\x00\x00\x00",         4}, /* half a length */
        {"\x04\x00\x00\x00\x00",     5}, /* an empty part */
        {"\x04\x00\x00\x00\x02\x0a", 6},
        {"\x04\xff\xff\xff\xff\x0a", 6},
        {"\x04\x00\x00\x00\x01\x04", 6}, /* a batch in a batch */
        {"\x04\x00\x00\x00\x01\x03", 6}, /* no acknowledgements in their part */
        {"\x04\x00\x00\x00\x01\x01", 6}, /* a welcome in a batch */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bus_item_t item;
        bus_reader_t r = bus_read((bytes_t){(const uint8_t *)cases[i].data, cases[i].len});
        while (bus_next(&r, &item))
            continue;
        if (!bus_is_failed(&r)) printf("case %zu\n", i);
        OK(bus_is_failed(&r));
    }
}

TEST_MAIN()
