/* hex.c - bytes as hexadecimal text. */
#include "hex.h"

void hex_encode(char *text, bytes_t v)
{
    static const char digits[] = "0123456789abcdef";
    for (uint32_t i = 0; i < v.len; i++) {
        *text++ = digits[v.data[i] >> 4];
        *text++ = digits[v.data[i] & 15];
    }
    *text = 0;
}

static int digit_value(uint8_t c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool hex_decode(bytes_t text, uint8_t *out, uint32_t cap, uint32_t *len)
{
    *len = 0;
    if (text.len >= 2 && text.data[0] == '0' && text.data[1] == 'x')
        text = (bytes_t){text.data + 2, text.len - 2};
    if (text.len % 2 != 0 || text.len / 2 > cap) return false;
    for (uint32_t i = 0; i < text.len; i += 2) {
        int high = digit_value(text.data[i]), low = digit_value(text.data[i + 1]);
        if (high < 0 || low < 0) return false;
        out[i / 2] = (uint8_t)(high << 4 | low);
    }
    *len = text.len / 2;
    return true;
}

bool hex_decode_exact(bytes_t text, uint8_t *out, uint32_t len)
{
    uint32_t got;
    return hex_decode(text, out, len, &got) && got == len;
}
