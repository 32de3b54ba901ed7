/* fuzz_scale.c - any bytes through every reader of SCALE and text: what is accepted has one encoding. */
#include "base58.h"
#include "hex.h"
#include "scale.h"
#include "ss58.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compact_has_one_form(bytes_t in)
{
    uint8_t room[32];
    scale_reader_t r = scale_reader(in, NULL);
    scale_writer_t w = scale_writer(room, sizeof room);
    u128_t v         = scale_get_compact_u128(&r);
    if (r.failed) return;
    scale_put_compact_u128(&w, v);
    assert(w.len == in.len - scale_left(&r) && memcmp(room, in.data, w.len) == 0);
}

static void era_has_one_form(bytes_t in)
{
    uint8_t room[2];
    scale_reader_t r = scale_reader(in, NULL);
    scale_writer_t w = scale_writer(room, sizeof room);
    era_t v          = era_get(&r);
    if (r.failed) return;
    era_put(&w, v);
    assert(w.len == in.len - scale_left(&r) && memcmp(room, in.data, w.len) == 0);
}

/* program reads as the input's own bytes tell: the first of each round chooses the reader. */
static void program(bytes_t in)
{
    static uint8_t memory[4096];
    arena_t arena    = {.start = memory, .size = sizeof memory};
    scale_reader_t r = scale_reader(in, &arena);
    bool flag;
    uint32_t len;
    while (!r.failed && scale_left(&r) > 0) {
        switch (scale_get_u8(&r) % 8) {
        case 0: scale_get_compact(&r); break;
        case 1: scale_get_bytes(&r, 64); break;
        case 2: scale_get_items(&r, 32, 2, 24, &len); break;
        case 3: scale_get_option_bool(&r, &flag); break;
        case 4: scale_get_u128(&r); break;
        case 5: scale_get_bool(&r); break;
        case 6: scale_get_compact_u32(&r); break;
        default: scale_get_slice(&r, scale_get_u8(&r)); break;
        }
    }
}

static void text(bytes_t in)
{
    uint8_t out[BASE58_BYTES_MAX], payload[33];
    uint32_t len;
    uint16_t prefix;
    char back[2 * BASE58_TEXT_MAX];
    if (base58_decode(in, out, sizeof out, &len)) {
        assert(base58_encode(back, sizeof back, (bytes_t){out, len}));
        assert(bytes_equal(bytes_text(back), in));
    }
    if (ss58_decode(in, &prefix, payload, &len)) {
        assert(ss58_encode(back, prefix, (bytes_t){payload, len}));
        assert(bytes_equal(bytes_text(back), in));
    }
    (void)!hex_decode(in, out, sizeof out, &len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bytes_t in = {data, (uint32_t)size};
    compact_has_one_form(in);
    era_has_one_form(in);
    program(in);
    text(in);
    return 0;
}
