/* base58.c - base-58 by long multiplication. */
#include "base58.h"

static const char alphabet[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

static int digit_value(uint8_t c)
{
    for (int i = 0; i < 58; i++)
        if ((uint8_t)alphabet[i] == c) return i;
    return -1;
}

/* multiply_add makes number * factor + carry, low digit first, in a base; false when it outgrows cap digits.
 */
static bool multiply_add(uint8_t *number, uint32_t *len, uint32_t cap, uint32_t base, uint32_t factor,
                         uint32_t carry)
{
    for (uint32_t i = 0; i < *len; i++) {
        carry += number[i] * factor;
        number[i] = (uint8_t)(carry % base);
        carry /= base;
    }
    for (; carry; carry /= base) {
        if (*len == cap) return false;
        number[(*len)++] = (uint8_t)(carry % base);
    }
    return true;
}

bool base58_encode(char *text, uint32_t cap, bytes_t v)
{
    uint8_t number[BASE58_TEXT_MAX];
    uint32_t len = 0, zeros = 0;
    if (v.len > BASE58_BYTES_MAX) return false;
    while (zeros < v.len && v.data[zeros] == 0)
        zeros++;
    for (uint32_t i = zeros; i < v.len; i++)
        if (!multiply_add(number, &len, sizeof number, 58, 256, v.data[i])) return false;
    if (zeros + len + 1 > cap) return false;
    for (uint32_t i = 0; i < zeros; i++)
        *text++ = alphabet[0];
    while (len > 0)
        *text++ = alphabet[number[--len]];
    *text = 0;
    return true;
}

bool base58_decode(bytes_t text, uint8_t *out, uint32_t cap, uint32_t *out_len)
{
    uint8_t number[BASE58_BYTES_MAX];
    uint32_t len = 0, zeros = 0;
    *out_len = 0;
    if (text.len > BASE58_TEXT_MAX) return false;
    while (zeros < text.len && text.data[zeros] == (uint8_t)alphabet[0])
        zeros++;
    for (uint32_t i = zeros; i < text.len; i++) {
        int digit = digit_value(text.data[i]);
        if (digit < 0 || !multiply_add(number, &len, sizeof number, 256, 58, (uint32_t)digit)) return false;
    }
    if (zeros + len > cap) return false;
    *out_len = zeros + len;
    for (uint32_t i = 0; i < zeros; i++)
        *out++ = 0;
    while (len > 0)
        *out++ = number[--len];
    return true;
}
