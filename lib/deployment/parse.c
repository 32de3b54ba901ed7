/* parse.c - JSON values of a deployment, one at a time. */
#include "parse.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

void parse_fail(parser_t *p, const char *key, const char *what)
{
    if (p->error[0] != 0) return;
    snprintf(p->error, DEPLOYMENT_ERROR_MAX + 1, "%s%s%s%s%s", p->where, p->where[0] ? ": " : "", key,
             key[0] ? ": " : "", what);
}

static const json_t *present(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

static const char *text_of(parser_t *p, const json_t *value, const char *key)
{
    if (!value) return "";
    if (!json_is_string(value)) {
        parse_fail(p, key, "is not a text");
        return "";
    }
    if (json_string_length(value) > DEPLOYMENT_TEXT_MAX) {
        parse_fail(p, key, "is too long");
        return "";
    }
    return json_string_value(value);
}

const char *parse_text(parser_t *p, const json_t *object, const char *key)
{
    return text_of(p, present(object, key), key);
}

uint64_t parse_number(parser_t *p, const json_t *object, const char *key, uint64_t most)
{
    const json_t *value = present(object, key);
    if (!value) return 0;
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        parse_fail(p, key, "is not a whole number from 0");
        return 0;
    }
    uint64_t number = (uint64_t)json_integer_value(value);
    if (number > most) parse_fail(p, key, "is too large");
    return number > most ? 0 : number;
}

bool parse_flag(parser_t *p, const json_t *object, const char *key)
{
    const json_t *value = present(object, key);
    if (!value) return false;
    if (!json_is_boolean(value)) parse_fail(p, key, "is neither true nor false");
    return json_is_true(value);
}

const json_t *parse_object(parser_t *p, const json_t *object, const char *key)
{
    const json_t *value = present(object, key);
    if (!value || json_is_object(value)) return value;
    parse_fail(p, key, "is not an object");
    return NULL;
}

const json_t *parse_list(parser_t *p, const json_t *object, const char *key, uint32_t *count)
{
    const json_t *value = present(object, key);
    *count              = 0;
    if (!value) return NULL;
    if (!json_is_array(value) || json_array_size(value) > DEPLOYMENT_LIST_CAP) {
        parse_fail(p, key, json_is_array(value) ? "has too many entries" : "is not a list");
        return NULL;
    }
    *count = (uint32_t)json_array_size(value);
    return *count == 0 ? NULL : value;
}

void *parse_take(parser_t *p, size_t count, size_t size)
{
    if (count == 0) return NULL;
    void *room = count <= UINT32_MAX / size ? arena_take(p->arena, (uint32_t)(count * size)) : NULL;
    if (!room) parse_fail(p, "", "has too many values");
    return room;
}

const char *const *parse_texts(parser_t *p, const json_t *object, const char *key, uint32_t *count)
{
    const json_t *list = parse_list(p, object, key, count);
    const char **texts = parse_take(p, *count, sizeof *texts);
    if (!texts) *count = 0;
    for (uint32_t i = 0; i < *count; i++) {
        if (!json_is_string(json_array_get(list, i))) parse_fail(p, key, "holds what is not a text");
        texts[i] = text_of(p, json_array_get(list, i), key);
    }
    return texts;
}

/* The longest run of zero groups, at least two long, as RFC 5952 and Go print it. */
static void longest_zeros(const uint16_t group[8], int *start, int *len)
{
    *start = -1;
    *len   = 1;
    for (int i = 0; i < 8; i++) {
        int run = 0;
        while (i + run < 8 && group[i + run] == 0)
            run++;
        if (run > *len) {
            *start = i;
            *len   = run;
        }
        if (run > 0) i += run - 1;
    }
}

static void print_v6(const uint8_t address[16], char *text, size_t cap)
{
    uint16_t group[8];
    for (int i = 0; i < 8; i++)
        group[i] = (uint16_t)(address[2 * i] << 8 | address[2 * i + 1]);
    int start, len;
    longest_zeros(group, &start, &len);
    size_t used = 0;
    text[0]     = 0;
    for (int i = 0; i < 8 && used < cap; i++) {
        if (i == start) {
            used += (size_t)snprintf(text + used, cap - used, "::");
            i += len - 1;
            continue;
        }
        const char *colon = used > 0 && text[used - 1] != ':' ? ":" : "";
        used += (size_t)snprintf(text + used, cap - used, "%s%x", colon, group[i]);
    }
}

static bool address_read(const char *text, deployment_ip_t *ip)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (inet_pton(AF_INET, text, ip->address) == 1) {
        inet_ntop(AF_INET, ip->address, ip->canonical, sizeof ip->canonical);
        return true;
    }
    if (inet_pton(AF_INET6, text, ip->address) != 1) return false;
    ip->is_v6 = memcmp(ip->address, mapped, sizeof mapped) != 0;
    if (ip->is_v6) {
        print_v6(ip->address, ip->canonical, sizeof ip->canonical);
        return true;
    }
    memmove(ip->address, ip->address + 12, 4);
    inet_ntop(AF_INET, ip->address, ip->canonical, sizeof ip->canonical);
    return true;
}

static bool is_missing(const char *text, deployment_ip_t *ip)
{
    *ip = (deployment_ip_t){.text = text, .canonical = "<nil>"};
    return text[0] == 0;
}

void parse_ip(parser_t *p, const char *key, const char *text, deployment_ip_t *ip)
{
    if (is_missing(text, ip)) return;
    ip->is_given = address_read(text, ip);
    if (!ip->is_given) parse_fail(p, key, "is not an IP address");
}

/* One to three digits without zeros before them. */
static bool prefix_read(const char *text, unsigned *prefix)
{
    size_t len = strspn(text, "0123456789");
    if (len == 0 || len > 3 || text[len] != 0 || (text[0] == '0' && len > 1)) return false;
    *prefix = 0;
    for (size_t i = 0; i < len; i++)
        *prefix = *prefix * 10 + (unsigned)(text[i] - '0');
    return true;
}

void parse_network(parser_t *p, const char *key, const char *text, deployment_ip_t *ip)
{
    if (is_missing(text, ip)) return;
    char address[64];
    unsigned prefix   = 0;
    const char *slash = strchr(text, '/');
    size_t len        = slash ? (size_t)(slash - text) : 0;
    if (len > 0 && len < sizeof address && prefix_read(slash + 1, &prefix)) {
        memcpy(address, text, len);
        address[len] = 0;
        ip->is_given = address_read(address, ip) && prefix <= (ip->is_v6 ? 128 : 32);
    }
    if (!ip->is_given) {
        parse_fail(p, key, "is not a network as 10.20.2.0/24");
        return;
    }
    ip->prefix  = (uint8_t)prefix;
    size_t used = strlen(ip->canonical);
    snprintf(ip->canonical + used, sizeof ip->canonical - used, "/%u", prefix);
}
