/* rate.c - buckets, found by a hash of the address that nobody outside can foretell. */
#include "rate.h"
#include "hash.h"
#include "io.h"

#include <arpa/inet.h>
#include <string.h>

/* Others must not be able to choose whom they crowd out. */
static uint64_t key_of(const char *address)
{
    static uint8_t secret[16];
    static bool has_secret;
    uint8_t text[32] = {0}, out[32];
    struct in6_addr six;
    struct in_addr four;
    if (!has_secret) io_random(secret, sizeof secret);
    has_secret = true;
    memcpy(text, secret, sizeof secret);
    if (inet_pton(AF_INET6, address, &six) == 1) {
        bool is_mapped = IN6_IS_ADDR_V4MAPPED(&six);
        text[16]       = is_mapped ? 4 : 6;
        memcpy(text + 17, is_mapped ? six.s6_addr + 12 : six.s6_addr, is_mapped ? 4 : 8);
    } else if (inet_pton(AF_INET, address, &four) == 1) {
        text[16] = 4;
        memcpy(text + 17, &four, 4);
    }
    blake2b(out, sizeof out, (bytes_t){text, sizeof text});
    uint64_t key;
    memcpy(&key, out, sizeof key);
    return key ? key : 1;
}

bool rate_take(rate_t *rate, const char *address, uint64_t now_us)
{
    if (rate->a_second == 0) return true;
    uint64_t key = key_of(address), one_us = 1000000 / rate->a_second;
    rate_bucket_t *set = rate->buckets[key % RATE_SETS], *found = NULL;
    for (unsigned i = 0; i < RATE_WAYS; i++)
        if (set[i].full_us <= now_us) found = &set[i];
    for (unsigned i = 0; i < RATE_WAYS; i++)
        if (set[i].key == key) found = &set[i];
    if (!found) return false;
    if (found->key != key || found->full_us < now_us) *found = (rate_bucket_t){key, now_us};
    if (found->full_us + one_us > now_us + UINT64_C(1000000) * RATE_BURST_S) return false;
    found->full_us += one_us;
    return true;
}
