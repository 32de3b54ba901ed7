/* token.c - JWT by jansson and the chain key. */
#include "token.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define CLAIMS_MAX  ((size_t)(TOKEN_MAX - 160) / 4 * 3)
#define HEADER_TEXT "{\"alg\":\"RS512\",\"typ\":\"JWT\"}"

/* ---- base64url without padding ---- */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static uint32_t base64_write(bytes_t v, char *text)
{
    uint32_t out = 0, bits = 0, held = 0;
    for (uint32_t i = 0; i < v.len; i++) {
        held = held << 8 | v.data[i];
        for (bits += 8; bits >= 6; bits -= 6)
            text[out++] = alphabet[held >> (bits - 6) & 63];
    }
    if (bits) text[out++] = alphabet[held << (6 - bits) & 63];
    text[out] = 0;
    return out;
}

static int base64_digit(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '-') return 62;
    return c == '_' ? 63 : -1;
}

/* Left-over bits must be zero, so that one signature has one text. */
static bool base64_read(bytes_t text, uint8_t *out, uint32_t cap, uint32_t *len)
{
    uint32_t bits = 0, held = 0;
    *len = 0;
    if (text.len % 4 == 1) return false;
    for (uint32_t i = 0; i < text.len; i++) {
        int digit = base64_digit(text.data[i]);
        if (digit < 0) return false;
        held = held << 6 | (uint32_t)digit;
        bits += 6;
        if (bits < 8) continue;
        if (*len == cap) return false;
        bits -= 8;
        out[(*len)++] = (uint8_t)(held >> bits);
        held &= (1u << bits) - 1;
    }
    return held == 0;
}

/* ---- writing ---- */

static char *claims_text(uint32_t twin, const char *connection, uint64_t now_s, uint64_t life_s)
{
    json_t *claims = json_pack("{s:I,s:I,s:I}", "sub", (json_int_t)twin, "iat", (json_int_t)now_s, "exp",
                               (json_int_t)now_s + (json_int_t)life_s);
    if (!claims) return NULL;
    if (connection && json_object_set_new(claims, "sid", json_string(connection)) != 0) {
        json_decref(claims);
        return NULL;
    }
    char *text = json_dumps(claims, JSON_COMPACT);
    json_decref(claims);
    return text;
}

uint32_t token_write(const keypair_t *key, uint32_t twin, const char *connection, uint64_t now_s,
                     uint64_t life_s, char text[TOKEN_MAX + 1])
{
    if (key->kind == KEY_ECDSA || (connection && strlen(connection) > RMB_CONNECTION_MAX)) return 0;
    char *claims = claims_text(twin, connection, now_s, life_s);
    uint32_t len = 0;
    /* Escapes may make a name six times as long; header and signature take 130 of the room. */
    if (claims && strlen(claims) <= CLAIMS_MAX) {
        len         = base64_write(BYTES(HEADER_TEXT), text);
        text[len++] = '.';
        len += base64_write(bytes_text(claims), text + len);
        signature_t signature;
        key_sign(key, (bytes_t){(const uint8_t *)text, len}, &signature);
        uint8_t field[65];
        field[0] = key->kind == KEY_SR25519 ? 's' : 'e';
        memcpy(field + 1, signature.b, 64);
        text[len++] = '.';
        len += base64_write((bytes_t){field, sizeof field}, text + len);
    }
    free(claims);
    return len;
}

/* ---- reading ---- */

static json_t *part_read(bytes_t text)
{
    uint8_t room[TOKEN_MAX];
    uint32_t len;
    if (!base64_read(text, room, sizeof room, &len)) return NULL;
    return json_loadb((const char *)room, len, JSON_REJECT_DUPLICATES, NULL);
}

static bool number_read(const json_t *claims, const char *name, uint64_t max, uint64_t *number)
{
    const json_t *value = json_object_get(claims, name);
    if (!json_is_integer(value) || json_integer_value(value) < 0) return false;
    *number = (uint64_t)json_integer_value(value);
    return *number <= max;
}

static bool claims_read(const json_t *claims, token_t *token)
{
    uint64_t twin;
    if (!number_read(claims, "sub", UINT32_MAX, &twin) ||
        !number_read(claims, "iat", INT64_MAX, &token->issued_s) ||
        !number_read(claims, "exp", INT64_MAX, &token->expires_s))
        return false;
    token->twin       = (uint32_t)twin;
    const json_t *sid = json_object_get(claims, "sid");
    if (!sid || json_is_null(sid)) return true;
    if (!json_is_string(sid) || json_string_length(sid) > RMB_CONNECTION_MAX) return false;
    token->has_connection = true;
    memcpy(token->connection, json_string_value(sid), json_string_length(sid) + 1);
    return strlen(token->connection) == json_string_length(sid);
}

/* The two dots of text. */
static bool split(bytes_t text, bytes_t part[3])
{
    uint32_t at = 0, count = 0;
    for (uint32_t i = 0; i <= text.len; i++) {
        if (i < text.len && text.data[i] != '.') continue;
        if (count == 3) return false;
        part[count++] = (bytes_t){text.data + at, i - at};
        at            = i + 1;
    }
    return count == 3;
}

token_status_t token_read(bytes_t text, uint64_t now_s, token_t *token)
{
    *token = (token_t){0};
    bytes_t part[3];
    uint32_t len;
    if (text.len > TOKEN_MAX || !split(text, part)) return TOKEN_MALFORMED;
    if (!base64_read(part[2], token->signature, sizeof token->signature, &len) ||
        len != sizeof token->signature)
        return TOKEN_MALFORMED;
    token->signed_text = (bytes_t){text.data, part[0].len + 1 + part[1].len};

    json_t *header  = part_read(part[0]);
    json_t *claims  = part_read(part[1]);
    const char *alg = json_string_value(json_object_get(header, "alg"));
    bool ok         = alg && strcmp(alg, "RS512") == 0 && claims && claims_read(claims, token);
    json_decref(header);
    json_decref(claims);
    if (!ok) return TOKEN_MALFORMED;
    return token->expires_s >= now_s ? TOKEN_OK : TOKEN_EXPIRED;
}

bool token_verify(const token_t *token, const account_id_t *account)
{
    switch (token->signature[0]) {
    case 'e': return ed25519_verify(token->signature + 1, account->b, token->signed_text);
    case 's': return sr25519_verify(token->signature + 1, account->b, token->signed_text);
    default: return false;
    }
}
