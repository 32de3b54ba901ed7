/* link_frame.c - see link_frame.h. */
#include "link_frame.h"

#include <assert.h>
#include <string.h>

static uint32_t number_at(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void add_number(bus_writer_t *writer, uint32_t number)
{
    uint8_t b[4] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
                    (uint8_t)number};
    bus_writer_add(writer, b, sizeof b);
}

bool link_read(bytes_t message, link_reader_t *reader)
{
    if (message.len == 0) return false;
    bytes_t rest = {message.data + 1, message.len - 1};
    *reader      = (link_reader_t){.kind = (link_kind_t)message.data[0]};
    switch (reader->kind) {
    case LINK_WELCOME:
    case LINK_REFUSED:
    case LINK_HELLO:
        reader->text = rest;
        return rest.len <= LINK_DOMAINS_CAP && (rest.len == 0 || !memchr(rest.data, 0, rest.len));
    case LINK_ENVELOPE:
    case LINK_ACK: reader->left = rest; return true;
    case LINK_HEARD: return rest.len == 0;
    }
    return false;
}

static bool fail(link_reader_t *reader)
{
    reader->is_failed = true;
    reader->left.len  = 0;
    return false;
}

bool link_next(link_reader_t *reader, link_item_t *item)
{
    bytes_t *left = &reader->left;
    if (left->len == 0) return false;
    bool is_ack   = reader->kind == LINK_ACK;
    uint32_t head = is_ack ? 5 : 8;
    if (left->len < head) return fail(reader);
    *item        = (link_item_t){.seq = number_at(left->data)};
    uint32_t len = is_ack ? 0 : number_at(left->data + 4);
    if (is_ack && left->data[4] > LINK_AGAIN) return fail(reader);
    if (!is_ack && (len == 0 || len > RMB_MESSAGE_MAX || len > left->len - head)) return fail(reader);
    if (is_ack)
        item->status = (link_status_t)left->data[4];
    else
        item->envelope = (bytes_t){left->data + head, len};
    *left = (bytes_t){left->data + head + len, left->len - head - len};
    return true;
}

static void begin(bus_writer_t *writer, link_kind_t kind)
{
    uint8_t byte = (uint8_t)kind;
    if (writer->len == 0) bus_writer_add(writer, &byte, 1);
}

void link_write_text(bus_writer_t *writer, link_kind_t kind, const char *text)
{
    assert(writer->len == 0 && strlen(text) <= LINK_DOMAINS_CAP);
    begin(writer, kind);
    bus_writer_add(writer, text, (uint32_t)strlen(text));
}

void link_write_envelope(bus_writer_t *writer, uint32_t seq, bytes_t envelope)
{
    begin(writer, LINK_ENVELOPE);
    add_number(writer, seq);
    add_number(writer, envelope.len);
    bus_writer_add(writer, envelope.data, envelope.len);
}

void link_write_ack(bus_writer_t *writer, uint32_t seq, link_status_t status)
{
    uint8_t byte = (uint8_t)status;
    begin(writer, LINK_ACK);
    add_number(writer, seq);
    bus_writer_add(writer, &byte, 1);
}
