/* limits.c - how often a client may call, and who may as often as he likes. */

#include "hash.h"
#include "rpc_internal.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum { MINUTE_US = 60 * 1000 * 1000, V4_BITS = 96 };

/* read_address reads a numeric address; IPv4 as ::ffff:a.b.c.d. */
static bool read_address(const char *text, uint8_t bytes[16], bool *is_v4)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    memcpy(bytes, mapped, sizeof mapped);
    *is_v4 = inet_pton(AF_INET, text, bytes + sizeof mapped) == 1;
    return *is_v4 || inet_pton(AF_INET6, text, bytes) == 1;
}

bool rpc_network_read(const char *text, size_t len, rpc_network_t *network)
{
    char address[64];
    bool is_v4;
    if (len >= sizeof address) return false;
    memcpy(address, text, len);
    address[len] = 0;
    char *slash = strchr(address, '/'), *end = NULL;
    if (slash) *slash = 0;
    if (!read_address(address, network->bytes, &is_v4)) return false;
    unsigned long bits = is_v4 ? 32 : 128, most = bits;
    if (slash) bits = strtoul(slash + 1, &end, 10);
    if (slash && (slash[1] < '0' || slash[1] > '9' || *end != 0 || bits > most)) return false;
    network->prefix_len = (uint8_t)(is_v4 ? bits + V4_BITS : bits);
    return true;
}

static bool is_in(const rpc_network_t *network, const uint8_t address[16])
{
    uint32_t whole = network->prefix_len / 8, rest = network->prefix_len % 8;
    if (memcmp(network->bytes, address, whole) != 0) return false;
    return rest == 0 || (network->bytes[whole] ^ address[whole]) >> (8 - rest) == 0;
}

bool rpc_is_unlimited(const rpc_t *rpc, const char *address)
{
    uint8_t bytes[16];
    bool is_v4;
    if (rpc->o.calls_a_minute == 0) return true;
    if (!read_address(address, bytes, &is_v4)) return false;
    for (uint32_t i = 0; i < rpc->o.unlimited_count; i++)
        if (is_in(&rpc->o.unlimited[i], bytes)) return true;
    return false;
}

rate_t *rpc_rate_of(rpc_t *rpc, const char *address)
{
    if (rpc_is_unlimited(rpc, address)) return NULL;
    hash_t hash = blake2_256(bytes_text(address));
    return &rpc->rates[(hash.b[0] | (uint32_t)hash.b[1] << 8) % RPC_RATED_ADDRESSES];
}

bool rpc_take_call(const rpc_t *rpc, rate_t *rate)
{
    if (!rate) return true;
    uint64_t now = io_ticks_ms(rpc->o.io) * 1000, each = MINUTE_US / rpc->o.calls_a_minute;
    uint64_t from = rate->paid_until_us > now ? rate->paid_until_us : now;
    if (from + each > now + MINUTE_US) return false;
    rate->paid_until_us = from + each;
    return true;
}
