/* wasm_section.c - walks the sections of a module. */

#include "wasm_section.h"

#include "scale.h"

enum { KIND_CUSTOM = 0, KIND_LAST = 12 /* data count */, LEB_BYTES = 5, LEB_LAST_MAX = 0x0f };

/* get_leb reads an unsigned LEB128 number of 32 bits. */
static uint32_t get_leb(scale_reader_t *r)
{
    uint32_t value = 0;
    for (uint32_t i = 0; i < LEB_BYTES; i++) {
        uint8_t byte = scale_get_u8(r);
        if (i + 1 == LEB_BYTES && byte > LEB_LAST_MAX) break;
        value |= (uint32_t)(byte & 0x7f) << 7 * i;
        if (byte < 0x80) return value;
    }
    scale_fail(r);
    return 0;
}

bool wasm_custom_section(bytes_t module, bytes_t name, bytes_t *content)
{
    static const bytes_t head = BYTES("\0asm\1\0\0\0");
    scale_reader_t r          = scale_reader(module, NULL);
    bool is_found             = false;
    *content                  = (bytes_t){0};
    if (!bytes_equal(scale_get_slice(&r, head.len), head)) return false;
    while (scale_left(&r) > 0) {
        uint8_t kind = scale_get_u8(&r);
        uint32_t len = get_leb(&r);
        bytes_t body = scale_get_slice(&r, len);
        if (r.failed || kind > KIND_LAST) return false;
        if (kind != KIND_CUSTOM) continue;
        scale_reader_t custom = scale_reader(body, NULL);
        uint32_t name_len     = get_leb(&custom);
        bytes_t found         = scale_get_slice(&custom, name_len);
        if (custom.failed) return false;
        if (is_found || !bytes_equal(found, name)) continue;
        *content = scale_get_slice(&custom, scale_left(&custom));
        is_found = true;
    }
    return is_found && scale_done(&r);
}
