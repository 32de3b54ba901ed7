/* bus_frame.c - reading and writing the messages of a session over nng. */
#include "bus_frame.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

bus_reader_t bus_read(bytes_t message)
{
    bus_reader_t reader = {.left = message};
    if (message.len > 0 && message.data[0] == BUS_BATCH) {
        reader.is_batch = true;
        reader.left     = (bytes_t){message.data + 1, message.len - 1};
    }
    return reader;
}

static bool fail(bus_reader_t *reader)
{
    *reader = (bus_reader_t){.is_failed = true};
    return false;
}

static bytes_t skip(bytes_t v, uint32_t len) { return (bytes_t){v.data + len, v.len - len}; }

static bool next_ack(bus_reader_t *reader, bus_item_t *item)
{
    bytes_t acks = reader->acks;
    if (acks.len < 2 || acks.data[0] > BUS_DROPPED || acks.len < 2u + acks.data[1]) return fail(reader);
    *item = (bus_item_t){
        .kind = BUS_ACK, .ack = (bus_ack_t)acks.data[0], .bytes = {acks.data + 2, acks.data[1]}
    };
    reader->acks = skip(acks, 2u + acks.data[1]);
    return true;
}

/* One part: a whole message, or what a length in a batch spans. */
static bool next_part(bus_reader_t *reader, bytes_t part, bus_item_t *item)
{
    assert(part.len > 0);
    if (part.data[0] >= BUS_ENVELOPE) {
        *item = (bus_item_t){.kind = BUS_ENVELOPE, .bytes = part};
        return true;
    }
    if (part.data[0] == BUS_ACK) {
        reader->acks = skip(part, 1);
        if (reader->acks.len > 0) return next_ack(reader, item);
        return reader->is_batch ? fail(reader) : false;
    }
    if (reader->is_batch) return fail(reader);
    if (part.data[0] == BUS_WELCOME && part.len == 1) {
        *item = (bus_item_t){.kind = BUS_WELCOME};
        return true;
    }
    if (part.data[0] != BUS_REFUSED || part.len > 1 + BUS_REASON_MAX) return fail(reader);
    *item = (bus_item_t){.kind = BUS_REFUSED, .bytes = skip(part, 1)};
    return true;
}

bool bus_next(bus_reader_t *reader, bus_item_t *item)
{
    if (reader->acks.len > 0) return next_ack(reader, item);
    bytes_t left = reader->left;
    if (left.len == 0) return false;
    if (!reader->is_batch) {
        reader->left.len = 0;
        return next_part(reader, left, item);
    }
    if (left.len < 4) return fail(reader);
    uint32_t len = (uint32_t)left.data[0] << 24 | (uint32_t)left.data[1] << 16 | (uint32_t)left.data[2] << 8 |
                   left.data[3];
    if (len == 0 || len > left.len - 4) return fail(reader);
    reader->left = skip(left, 4 + len);
    return next_part(reader, (bytes_t){left.data + 4, len}, item);
}

bool bus_is_failed(const bus_reader_t *reader) { return reader->is_failed; }

/* ---- writing ---- */

void bus_writer_fini(bus_writer_t *writer)
{
    free(writer->data);
    *writer = (bus_writer_t){0};
}

void bus_writer_reset(bus_writer_t *writer) { writer->len = 0; }

void bus_writer_add(bus_writer_t *writer, const void *data, uint32_t len)
{
    if (writer->len + len > writer->cap) {
        writer->cap  = (writer->len + len) * 2 + 256;
        writer->data = realloc(writer->data, writer->cap);
        assert(writer->data);
    }
    if (len) memcpy(writer->data + writer->len, data, len);
    writer->len += len;
}

static void add_byte(bus_writer_t *writer, uint8_t byte) { bus_writer_add(writer, &byte, 1); }

void bus_write_welcome(bus_writer_t *writer)
{
    assert(writer->len == 0);
    add_byte(writer, BUS_WELCOME);
}

void bus_write_refused(bus_writer_t *writer, const char *reason)
{
    assert(writer->len == 0);
    size_t len = strlen(reason);
    add_byte(writer, BUS_REFUSED);
    bus_writer_add(writer, reason, len > BUS_REASON_MAX ? BUS_REASON_MAX : (uint32_t)len);
}

void bus_write_acks(bus_writer_t *writer)
{
    assert(writer->len == 0);
    add_byte(writer, BUS_ACK);
}

void bus_write_ack(bus_writer_t *writer, bus_ack_t ack, const char *uid)
{
    assert(strlen(uid) <= RMB_UID_MAX);
    if (writer->len == 0) add_byte(writer, BUS_ACK);
    add_byte(writer, (uint8_t)ack);
    add_byte(writer, (uint8_t)strlen(uid));
    bus_writer_add(writer, uid, (uint32_t)strlen(uid));
}

static void add_part(bus_writer_t *writer, bytes_t part)
{
    assert(part.len > 0);
    bus_writer_add(writer,
                   (uint8_t[]){(uint8_t)(part.len >> 24), (uint8_t)(part.len >> 16), (uint8_t)(part.len >> 8),
                               (uint8_t)part.len},
                   4);
    bus_writer_add(writer, part.data, part.len);
}

void bus_write_batch(bus_writer_t *writer, bytes_t acks)
{
    assert(writer->len == 0);
    add_byte(writer, BUS_BATCH);
    if (acks.len) add_part(writer, acks);
}

void bus_write_envelope(bus_writer_t *writer, bytes_t envelope) { add_part(writer, envelope); }
