/* stellar.c - Stellar's text for public keys. */
#include "stellar.h"

enum { TEXT_LEN = 56, RAW_LEN = 35, VERSION_ACCOUNT = 6 << 3, CHECKSUM_LEN = 2 };

static int base32_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

/* crc16 is CRC-16/XMODEM: polynomial 0x1021, most significant bit first, from zero. */
static uint16_t crc16(const uint8_t *data, uint32_t len)
{
    uint32_t crc = 0;
    for (uint32_t i = 0; i < len; i++) {
        crc ^= (uint32_t)data[i] << 8;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1;
        crc &= 0xffff;
    }
    return (uint16_t)crc;
}

bool stellar_is_address(bytes_t text)
{
    uint8_t raw[RAW_LEN];
    if (text.len != TEXT_LEN) return false;
    uint32_t bits = 0, held = 0, len = 0;
    for (uint32_t i = 0; i < TEXT_LEN; i++) {
        int value = base32_value(text.data[i]);
        if (value < 0) return false;
        bits = (bits << 5 | (uint32_t)value) & 0xfff;
        held += 5;
        if (held < 8) continue;
        held -= 8;
        raw[len++] = (uint8_t)(bits >> held);
    }
    const uint16_t crc = crc16(raw, RAW_LEN - CHECKSUM_LEN);
    return raw[0] == VERSION_ACCOUNT && raw[RAW_LEN - 2] == (crc & 0xff) && raw[RAW_LEN - 1] == crc >> 8;
}
