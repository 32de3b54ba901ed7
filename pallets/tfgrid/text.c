/* text.c - which texts the grid accepts. */
#include "text.h"

static bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }
static bool is_lower(uint8_t c) { return c >= 'a' && c <= 'z'; }
static bool is_alphanumeric(uint8_t c) { return is_digit(c) || is_lower(c) || (c >= 'A' && c <= 'Z'); }
static bool is_name_byte(uint8_t c) { return is_alphanumeric(c) || c == '-' || c == '_'; }

static bool is_one_of(uint8_t c, bytes_t set)
{
    for (uint32_t i = 0; i < set.len; i++)
        if (set.data[i] == c) return true;
    return false;
}

bool text_is_farm_name(bytes_t v)
{
    for (uint32_t i = 0; i < v.len; i++)
        if (!is_name_byte(v.data[i])) return false;
    return true;
}

bool text_is_interface_name(bytes_t v)
{
    for (uint32_t i = 0; i < v.len; i++)
        if (!is_lower(v.data[i]) && !is_digit(v.data[i]) && v.data[i] != '-' && v.data[i] != '_')
            return false;
    return true;
}

bool text_is_domain(bytes_t v)
{
    for (uint32_t i = 0; i < v.len; i++)
        if (!is_alphanumeric(v.data[i]) && v.data[i] != '.' && v.data[i] != '-') return false;
    return true;
}

bool text_is_link(bytes_t v)
{
    for (uint32_t i = 0; i < v.len; i++)
        if (!is_alphanumeric(v.data[i]) && !is_one_of(v.data[i], BYTES("-._~:/?#[]@!$&'()*+,;=")))
            return false;
    return true;
}

bool text_is_relay(bytes_t v)
{
    bool after_dot = true; /* the start and each dot want a name byte next */
    for (uint32_t i = 0; i < v.len; i++) {
        bool is_dot = v.data[i] == '.';
        if (is_dot ? after_dot : !is_name_byte(v.data[i])) return false;
        after_dot = is_dot;
    }
    return !after_dot;
}

static bool is_hex(uint8_t c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool text_is_mac(bytes_t v)
{
    if (v.len != 17 || (v.data[2] != ':' && v.data[2] != '-')) return false;
    for (uint32_t i = 0; i < 17; i++)
        if (i % 3 == 2 ? v.data[i] != v.data[2] : !is_hex(v.data[i])) return false;
    return true;
}

/* A decimal number: 0.d1 d2 d3 ... * 10^exponent.  Without digits it is zero. */
enum { DECIMAL_DIGITS_MAX = 64, EXPONENT_MAX = 100000 };
typedef struct {
    uint8_t digits[DECIMAL_DIGITS_MAX];
    uint32_t count;
    int32_t exponent;
} decimal_t;

static bool parse_exponent(bytes_t v, uint32_t at, int32_t *exponent)
{
    bool is_negative = at < v.len && v.data[at] == '-';
    if (at < v.len && (v.data[at] == '-' || v.data[at] == '+')) at++;
    if (at == v.len) return false;
    int32_t value = 0;
    for (; at < v.len; at++) {
        if (!is_digit(v.data[at])) return false;
        if (value < EXPONENT_MAX) value = value * 10 + (v.data[at] - '0');
    }
    *exponent += is_negative ? -value : value;
    return true;
}

/* The grammar of Rust's f32 without inf and nan: [+-] digits [. digits] [e [+-] digits], with a digit on
 * at least one side of the point.  Of more than 64 digits none is longer than 50 bytes of input. */
static bool parse_decimal(bytes_t v, decimal_t *out)
{
    *out         = (decimal_t){0};
    uint32_t at  = v.len > 0 && (v.data[0] == '-' || v.data[0] == '+');
    bool has_any = false, in_fraction = false;

    for (; at < v.len && (is_digit(v.data[at]) || (v.data[at] == '.' && !in_fraction)); at++) {
        if (v.data[at] == '.') {
            in_fraction = true;
            continue;
        }
        has_any          = true;
        bool is_leading0 = v.data[at] == '0' && out->count == 0;
        if (!is_leading0 && out->count == DECIMAL_DIGITS_MAX) return false;
        if (!is_leading0) out->digits[out->count++] = (uint8_t)(v.data[at] - '0');
        if (!in_fraction && !is_leading0) out->exponent++;
        if (in_fraction && is_leading0) out->exponent--;
    }
    if (!has_any) return false;
    if (at == v.len) return true;
    if (v.data[at] != 'e' && v.data[at] != 'E') return false;
    return parse_exponent(v, at + 1, &out->exponent);
}

/* Whether a <= b, both without leading zeros. */
static bool decimal_at_most(const decimal_t *a, const decimal_t *b)
{
    if (a->count == 0 || b->count == 0) return a->count == 0;
    if (a->exponent != b->exponent) return a->exponent < b->exponent;
    for (uint32_t i = 0; i < a->count || i < b->count; i++) {
        uint8_t x = i < a->count ? a->digits[i] : 0, y = i < b->count ? b->digits[i] : 0;
        if (x != y) return x < y;
    }
    return true;
}

bool text_is_coordinate(bytes_t v, uint32_t limit)
{
    if (bytes_equal(v, BYTES("Unknown"))) return true;

    /* The middle between the limit and the next binary32 above it: 90 + 2^-18 and 180 + 2^-17.  The middle
     * itself rounds to the limit, whose mantissa is even. */
    bytes_t highest = limit == 90 ? BYTES("90.000003814697265625") : BYTES("180.00000762939453125");
    decimal_t number, most;
    if (!parse_decimal(highest, &most)) return false;
    return parse_decimal(v, &number) && decimal_at_most(&number, &most);
}
