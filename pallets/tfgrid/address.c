/* address.c - internet addresses as text. */
#include "address.h"

/* A piece of text from `at` up to `end`. */
typedef struct {
    const uint8_t *at, *end;
} text_t;

static text_t text_of(bytes_t v) { return (text_t){v.data, v.data + v.len}; }

static bool take_byte(text_t *t, uint8_t c)
{
    if (t->at == t->end || *t->at != c) return false;
    t->at++;
    return true;
}

/* take_decimal reads 1 to 3 digits without a leading zero, at most `most`. */
static bool take_decimal(text_t *t, uint32_t most, uint8_t *out)
{
    const uint8_t *start = t->at;
    uint32_t value       = 0;
    while (t->at < t->end && t->at - start < 3 && *t->at >= '0' && *t->at <= '9')
        value = value * 10 + (uint32_t)(*t->at++ - '0');
    if (t->at == start || (t->at - start > 1 && *start == '0') || value > most) return false;
    *out = (uint8_t)value;
    return true;
}

static bool take_ip4(text_t *t, uint8_t out[4])
{
    for (int i = 0; i < 4; i++)
        if ((i > 0 && !take_byte(t, '.')) || !take_decimal(t, 255, &out[i])) return false;
    return true;
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* take_group reads 1 to 4 hexadecimal digits. */
static bool take_group(text_t *t, uint8_t out[2])
{
    uint32_t value = 0;
    int count      = 0;
    for (; count < 4 && t->at < t->end && hex_value(*t->at) >= 0; count++)
        value = value << 4 | (uint32_t)hex_value(*t->at++);
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
    return count > 0;
}

/* take_groups reads groups joined by ':' until something else comes, and counts bytes in *len.  A ':' that
 * no group follows is left.  True when it ended with a dotted address, after which nothing may come. */
static bool take_groups(text_t *t, uint32_t room, uint8_t *out, uint32_t *len)
{
    *len = 0;
    while (*len + 2 <= room) {
        text_t before = *t;
        if (*len > 0 && !take_byte(t, ':')) return false;
        text_t dotted = *t;
        uint8_t ip4[4];
        if (*len + 4 <= room && take_ip4(&dotted, ip4)) {
            for (int i = 0; i < 4; i++)
                out[(*len)++] = ip4[i];
            *t = dotted;
            return true;
        }
        if (!take_group(t, out + *len)) {
            *t = before;
            return false;
        }
        *len += 2;
    }
    return false;
}

static bool take_ip6(text_t *t, uint8_t out[16])
{
    uint8_t tail[16];
    uint32_t head_len, tail_len;
    for (int i = 0; i < 16; i++)
        out[i] = 0;
    bool is_dotted = take_groups(t, 16, out, &head_len);
    if (head_len == 16) return true;
    if (is_dotted || !take_byte(t, ':') || !take_byte(t, ':')) return false;
    take_groups(t, 14 - head_len, tail, &tail_len);
    for (uint32_t i = head_len; i < 16; i++)
        out[i] = i < 16 - tail_len ? 0 : tail[i - (16 - tail_len)];
    return true;
}

static bool parse(bytes_t v, uint8_t len, bool with_mask, address_t *out)
{
    text_t t = text_of(v);
    *out     = (address_t){.len = len, .mask = (uint8_t)(len * 8)};
    if (len == 4 ? !take_ip4(&t, out->bytes) : !take_ip6(&t, out->bytes)) return false;
    if (with_mask && (!take_byte(&t, '/') || !take_decimal(&t, len * 8U, &out->mask))) return false;
    return t.at == t.end;
}

bool address_parse_ip4(bytes_t v, address_t *out) { return parse(v, 4, false, out); }
bool address_parse_ip6(bytes_t v, address_t *out) { return parse(v, 16, false, out); }
bool address_parse_cidr4(bytes_t v, address_t *out) { return parse(v, 4, true, out); }
bool address_parse_cidr6(bytes_t v, address_t *out) { return parse(v, 16, true, out); }

bool address_holds(const address_t *network, const address_t *address)
{
    if (network->len != address->len) return false;
    for (uint32_t bit = 0; bit < network->mask; bit++)
        if (((network->bytes[bit / 8] ^ address->bytes[bit / 8]) >> (7 - bit % 8)) & 1) return false;
    return true;
}

bool address_is_public(const address_t *address)
{
    static const address_t special[] = {
        {{0},                                              4,  8  },
        {{10},                                             4,  8  },
        {{100, 64},                                        4,  10 }, /* shared by carriers */
        {{127},                                            4,  8  },
        {{169, 254},                                       4,  16 },
        {{172, 16},                                        4,  12 },
        {{192, 0, 2},                                      4,  24 }, /* documentation, as the two below */
        {{192, 168},                                       4,  16 },
        {{198, 18},                                        4,  15 }, /* benchmarks */
        {{198, 51, 100},                                   4,  24 },
        {{203, 0, 113},                                    4,  24 },
        {{224},                                            4,  4  }, /* multicast */
        {{255, 255, 255, 255},                             4,  32 },
        {{0},                                              16, 128}, /* unspecified */
        {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 16, 128},
        {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255},         16, 96 }, /* IPv4, mapped */
        {{1},                                              16, 64 }, /* discard: 100::/64 */
        {{0x20, 1, 0, 2},                                  16, 48 }, /* benchmarks */
        {{0x20, 1, 0x0d, 0xb8},                            16, 32 }, /* documentation */
        {{0xfc},                                           16, 7  },
        {{0xfe, 0x80},                                     16, 10 },
        {{0xff},                                           16, 8  }, /* multicast */
    };
    for (uint32_t i = 0; i < sizeof special / sizeof *special; i++)
        if (address_holds(&special[i], address)) return false;
    return true;
}

static bool pair_is_valid(const address_t *ip, const address_t *gateway)
{
    bool is_same = true;
    for (uint32_t i = 0; i < ip->len; i++)
        is_same &= ip->bytes[i] == gateway->bytes[i];
    return !is_same && address_is_public(ip) && address_is_public(gateway) && address_holds(ip, gateway);
}

bool address_pair_is_valid_ip4(bytes_t ip, bytes_t gateway)
{
    address_t address, gw;
    return address_parse_ip4(gateway, &gw) && address_parse_cidr4(ip, &address) &&
           pair_is_valid(&address, &gw);
}

bool address_pair_is_valid_ip6(bytes_t ip, bytes_t gateway)
{
    address_t address, gw;
    return address_parse_ip6(gateway, &gw) && address_parse_cidr6(ip, &address) &&
           pair_is_valid(&address, &gw);
}
