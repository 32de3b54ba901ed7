/* json.c - small things as JSON. */
#include "cli.h"
#include "hex.h"
#include "ss58.h"

#include <stdlib.h>
#include <string.h>

json_t *json_account(const account_id_t *account)
{
    char text[SS58_TEXT_MAX + 1];
    ss58_account(text, account);
    return json_string(text);
}

json_t *json_hex(bytes_t v)
{
    char *text = malloc(2 * (size_t)v.len + 3);
    if (!text) abort();
    memcpy(text, "0x", sizeof "0x");
    hex_encode(text + 2, v);
    json_t *json = json_string(text);
    free(text);
    return json;
}

json_t *json_u128(u128_t v)
{
    char text[40];
    u128_text(v, text);
    return json_string(text);
}

u128_t json_u128_value(const json_t *json)
{
    u128_t v = 0;
    if (json_is_integer(json))
        return json_integer_value(json) > 0 ? (u128_t)(uint64_t)json_integer_value(json) : 0;
    for (const char *at = json_string_value(json); at && *at >= '0' && *at <= '9'; at++)
        v = v * 10 + (unsigned)(*at - '0');
    return v;
}
