/* web_chunks.c - chunks of a body, one byte of their framing after the other. */

#include "web_chunks.h"

#include <string.h>

enum { LINE_MAX = 256, TRAILERS_MAX = 8192, SIZE_DIGITS_MAX = 8 };

static int digit_of(uint8_t c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void begin(web_chunks_t *c, int state)
{
    c->state    = (typeof(c->state))state;
    c->line_len = 0;
    c->has_cr   = false;
}

static bool take_size(web_chunks_t *c, uint8_t byte)
{
    int digit = digit_of(byte);
    if (digit >= 0 && !c->has_cr) {
        c->left = c->left << 4 | (uint64_t)digit;
        return ++c->line_len <= SIZE_DIGITS_MAX;
    }
    if (c->line_len == 0) return false; /* a chunk without a size */
    if (byte == '\r' && !c->has_cr) return c->has_cr = true;
    if (byte == '\n' && c->has_cr) {
        begin(c, c->left > 0 ? CHUNKS_DATA : CHUNKS_TRAILER);
        return true;
    }
    if (byte != ';' && byte != ' ' && byte != '\t') return false;
    if (c->has_cr) return false;
    begin(c, CHUNKS_EXTENSION);
    return true;
}

static bool take_extension(web_chunks_t *c, uint8_t byte)
{
    if (byte == '\n' && c->has_cr) {
        begin(c, c->left > 0 ? CHUNKS_DATA : CHUNKS_TRAILER);
        return true;
    }
    if (c->has_cr || byte == '\n') return false;
    c->has_cr = byte == '\r';
    return ++c->line_len <= LINE_MAX;
}

static bool take_data_end(web_chunks_t *c, uint8_t byte)
{
    if (byte == '\r' && !c->has_cr) return c->has_cr = true;
    if (byte != '\n' || !c->has_cr) return false;
    begin(c, CHUNKS_SIZE);
    return true;
}

/* Lines until an empty one; nobody reads them. */
static bool take_trailer(web_chunks_t *c, uint8_t byte)
{
    if (++c->trailer_len > TRAILERS_MAX) return false;
    if (byte == '\n') {
        if (!c->has_cr) return false;
        begin(c, c->line_len > 0 ? CHUNKS_TRAILER : CHUNKS_OVER);
        return true;
    }
    if (c->has_cr) return false;
    c->has_cr = byte == '\r';
    c->line_len += byte != '\r';
    return true;
}

static bool take_byte(web_chunks_t *c, uint8_t byte)
{
    switch (c->state) {
    case CHUNKS_SIZE: return take_size(c, byte);
    case CHUNKS_EXTENSION: return take_extension(c, byte);
    case CHUNKS_DATA_END: return take_data_end(c, byte);
    case CHUNKS_TRAILER: return take_trailer(c, byte);
    case CHUNKS_DATA:
    case CHUNKS_OVER: return false;
    }
    return false;
}

web_chunks_status_t web_chunks_take(web_chunks_t *c, bytes_t *in, bytes_t *piece)
{
    while (c->state != CHUNKS_OVER && in->len > 0) {
        if (c->state == CHUNKS_DATA) {
            uint32_t len = c->left < in->len ? (uint32_t)c->left : in->len;
            *piece       = (bytes_t){in->data, len};
            *in          = (bytes_t){in->data + len, in->len - len};
            c->left -= len;
            if (c->left == 0) begin(c, CHUNKS_DATA_END);
            return CHUNKS_PIECE;
        }
        if (!take_byte(c, *in->data)) return CHUNKS_MALFORMED;
        *in = (bytes_t){in->data + 1, in->len - 1};
    }
    return c->state == CHUNKS_OVER ? CHUNKS_END : CHUNKS_MORE;
}
