/* ss58.c - addresses: prefix, payload, checksum, in base 58. */
#include "ss58.h"

#include "base58.h"
#include "hash.h"

#include <string.h>

#define CHECKSUM_LEN 2u
#define PREFIX_MAX   16383u
#define RAW_MAX      (2 + 33 + CHECKSUM_LEN)

/* checksum hashes the prefix and payload bytes that raw starts with. */
static void checksum(const uint8_t *raw, uint32_t len, uint8_t out[CHECKSUM_LEN])
{
    static const char context[] = "SS58PRE";
    uint8_t message[sizeof context - 1 + RAW_MAX], digest[64];
    memcpy(message, context, sizeof context - 1);
    memcpy(message + sizeof context - 1, raw, len);
    blake2b(digest, sizeof digest, (bytes_t){message, (uint32_t)sizeof context - 1 + len});
    memcpy(out, digest, CHECKSUM_LEN);
}

bool ss58_encode(char *text, uint16_t prefix, bytes_t payload)
{
    uint8_t raw[RAW_MAX];
    uint32_t at = 0;
    if (prefix > PREFIX_MAX || (payload.len != 32 && payload.len != 33)) return false;
    if (prefix < 64) {
        raw[at++] = (uint8_t)prefix;
    } else {
        raw[at++] = (uint8_t)((prefix & 0xfc) >> 2 | 0x40);
        raw[at++] = (uint8_t)(prefix >> 8 | (prefix & 3) << 6);
    }
    memcpy(raw + at, payload.data, payload.len);
    at += payload.len;
    checksum(raw, at, raw + at);
    return base58_encode(text, SS58_TEXT_MAX + 1, (bytes_t){raw, at + CHECKSUM_LEN});
}

bool ss58_decode(bytes_t text, uint16_t *prefix, uint8_t payload[33], uint32_t *len)
{
    uint8_t raw[RAW_MAX], sum[CHECKSUM_LEN];
    uint32_t raw_len;
    if (!base58_decode(text, raw, sizeof raw, &raw_len) || raw_len < 1 || raw[0] > 127) return false;
    uint32_t prefix_len = raw[0] < 64 ? 1 : 2;
    if (raw_len != prefix_len + 32 + CHECKSUM_LEN && raw_len != prefix_len + 33 + CHECKSUM_LEN) return false;
    checksum(raw, raw_len - CHECKSUM_LEN, sum);
    if (memcmp(sum, raw + raw_len - CHECKSUM_LEN, CHECKSUM_LEN) != 0) return false;
    *prefix = raw[0];
    if (prefix_len == 2) *prefix = (uint16_t)((raw[0] & 0x3f) << 2 | raw[1] >> 6 | (raw[1] & 0x3f) << 8);
    if (prefix_len == 2 && *prefix < 64) return false;
    *len = raw_len - prefix_len - CHECKSUM_LEN;
    memcpy(payload, raw + prefix_len, *len);
    return true;
}

void ss58_account(char text[SS58_TEXT_MAX + 1], const account_id_t *account)
{
    if (!ss58_encode(text, SS58_PREFIX, (bytes_t){account->b, sizeof account->b}))
        text[0] = 0; /* cannot be: the prefix and the length are right */
}

bool ss58_account_decode(bytes_t text, account_id_t *account)
{
    uint16_t prefix;
    uint32_t len;
    uint8_t payload[33];
    if (!ss58_decode(text, &prefix, payload, &len) || len != sizeof account->b) return false;
    memcpy(account->b, payload, sizeof account->b);
    return true;
}
