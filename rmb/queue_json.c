/* queue_json.c - see queue_json.h. */
#include "queue_json.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIME_MAX INT64_C(100000000000)

/* ---- base64, as rmb-rs takes it: with its padding, nothing else between ---- */

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static char *base64_write(bytes_t data)
{
    char *text = malloc(((size_t)data.len + 2) / 3 * 4 + 1), *at = text;
    for (uint32_t i = 0; i < data.len; i += 3) {
        uint32_t left = data.len - i;
        uint32_t bits = (uint32_t)data.data[i] << 16 | (left > 1 ? (uint32_t)data.data[i + 1] << 8 : 0) |
                        (left > 2 ? data.data[i + 2] : 0);
        *at++ = letters[bits >> 18];
        *at++ = letters[bits >> 12 & 63];
        *at++ = left > 1 ? letters[bits >> 6 & 63] : '=';
        *at++ = left > 2 ? letters[bits & 63] : '=';
    }
    *at = 0;
    return text;
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool base64_read(const char *text, size_t len, uint8_t **data, uint32_t *data_len)
{
    size_t padding = len > 1 && text[len - 1] == '=' ? 1 + (text[len - 2] == '=') : 0, out = 0;
    if (len % 4 != 0 || len > QUEUE_JSON_MAX) return false;
    uint8_t *room = malloc(len / 4 * 3 + 3);
    for (size_t i = 0; i < len; i += 4) {
        uint32_t bits    = 0;
        size_t marks     = i + 4 == len ? padding : 0;
        bool is_readable = true;
        for (size_t k = 0; k < 4; k++) {
            int value   = k >= 4 - marks ? 0 : value_of(text[i + k]);
            is_readable = is_readable && value >= 0;
            bits        = bits << 6 | ((uint32_t)value & 63);
        }
        if (!is_readable || (marks == 1 && (bits & 0xff)) || (marks == 2 && (bits & 0xffff))) {
            free(room);
            return false;
        }
        for (size_t k = 0; k < 3 - marks; k++)
            room[out++] = (uint8_t)(bits >> (16 - 8 * k));
    }
    *data     = room;
    *data_len = (uint32_t)out;
    return true;
}

/* ---- reading ---- */

static bool text_of(const json_t *json, const char *key, bool is_needed, size_t cap, const char **text)
{
    const json_t *value = json_object_get(json, key);
    *text               = json_string_value(value);
    if (!value || json_is_null(value)) return !is_needed;
    return *text && json_string_length(value) <= cap;
}

static bool number_of(const json_t *json, const char *key, uint64_t *number)
{
    const json_t *value = json_object_get(json, key);
    json_int_t given    = json_integer_value(value);
    *number             = (uint64_t)given;
    return json_is_integer(value) && given >= 0 && given <= TIME_MAX;
}

static bool data_of(const json_t *json, uint8_t **data, uint32_t *len)
{
    const json_t *value = json_object_get(json, "dat");
    return json_is_string(value) &&
           base64_read(json_string_value(value), json_string_length(value), data, len);
}

static json_t *object_of(bytes_t text)
{
    if (text.len > QUEUE_JSON_MAX) return NULL;
    json_t *json = json_loadb((const char *)text.data, text.len, 0, NULL);
    uint64_t version;
    if (json_is_object(json) && number_of(json, "ver", &version)) return json;
    json_decref(json);
    return NULL;
}

static bool destinations_of(const json_t *json, queue_request_t *request)
{
    const json_t *list = json_object_get(json, "dst");
    size_t count       = json_array_size(list);
    if (!json_is_array(list) || count == 0 || count > QUEUE_DESTINATIONS_MAX) return false;
    for (size_t i = 0; i < count; i++) {
        const json_t *twin = json_array_get(list, i);
        json_int_t id      = json_integer_value(twin);
        if (!json_is_integer(twin) || id < 0 || id > UINT32_MAX) return false;
        request->destinations[i] = (uint32_t)id;
    }
    request->destination_count = (uint32_t)count;
    return true;
}

static const char *request_of(queue_request_t *r)
{
    if (!text_of(r->json, "ref", false, QUEUE_NAME_MAX, &r->reference)) return "ref is no short text";
    if (!text_of(r->json, "cmd", true, QUEUE_NAME_MAX, &r->command)) return "cmd is no short text";
    if (!text_of(r->json, "tag", false, QUEUE_NAME_MAX, &r->tags)) return "tag is no short text";
    if (!text_of(r->json, "ret", true, QUEUE_NAME_MAX, &r->reply_to)) return "ret is no short text";
    if (!text_of(r->json, "shm", false, QUEUE_NAME_MAX, &r->schema)) return "shm is no short text";
    if (!number_of(r->json, "exp", &r->expiration_s)) return "exp is no number of seconds";
    if (!number_of(r->json, "now", &r->timestamp_s)) return "now is no time";
    if (!destinations_of(r->json, r)) return "dst is no list of twins";
    if (!data_of(r->json, &r->data, &r->data_len)) return "dat is no base64";
    return NULL;
}

const char *queue_request_read(bytes_t text, queue_request_t *request)
{
    *request = (queue_request_t){.json = object_of(text)};
    if (!request->json) return "no JSON object with a ver";
    const char *why = request_of(request);
    if (why) queue_request_fini(request);
    return why;
}

void queue_request_fini(queue_request_t *request)
{
    json_decref(request->json);
    free(request->data);
    *request = (queue_request_t){0};
}

uint64_t queue_request_life_s(const queue_request_t *request, uint64_t now_s)
{
    uint64_t then_s = request->timestamp_s;
    if (then_s == 0 || then_s > now_s) return request->expiration_s;
    uint64_t age_s = now_s - then_s;
    return age_s >= request->expiration_s ? 0 : request->expiration_s - age_s;
}

/* "twin" or "twin:connection", as text of the JSON itself. */
static bool address_of(const char *text, queue_response_t *response)
{
    char *end;
    if (!text || text[0] < '0' || text[0] > '9') return false;
    unsigned long long twin = strtoull(text, &end, 10);
    if (end - text > 10 || twin > UINT32_MAX || (*end && *end != ':')) return false;
    response->twin       = (uint32_t)twin;
    response->connection = *end ? end + 1 : NULL;
    return !response->connection || strlen(response->connection) <= RMB_CONNECTION_MAX;
}

static bool error_of(queue_response_t *r)
{
    const json_t *error = json_object_get(r->json, "err");
    uint64_t code;
    if (!error || json_is_null(error)) return true;
    r->is_error = true;
    if (!number_of(error, "code", &code) || code > UINT32_MAX) return false;
    r->error_code = (uint32_t)code;
    return text_of(error, "message", true, 65536, &r->error_message);
}

static const char *response_of(queue_response_t *r)
{
    const char *destination;
    if (!text_of(r->json, "ref", true, RMB_UID_MAX, &r->reference)) return "ref is no short text";
    if (!text_of(r->json, "dst", true, RMB_CONNECTION_MAX + 16, &destination) || !address_of(destination, r))
        return "dst is no twin, or twin:connection";
    if (!text_of(r->json, "shm", false, QUEUE_NAME_MAX, &r->schema)) return "shm is no short text";
    if (!error_of(r)) return "err has no code and message";
    if (!r->is_error && !data_of(r->json, &r->data, &r->data_len)) return "dat is no base64";
    return NULL;
}

const char *queue_response_read(bytes_t text, queue_response_t *response)
{
    *response = (queue_response_t){.json = object_of(text)};
    if (!response->json) return "no JSON object with a ver";
    const char *why = response_of(response);
    if (why) queue_response_fini(response);
    return why;
}

void queue_response_fini(queue_response_t *response)
{
    json_decref(response->json);
    free(response->data);
    *response = (queue_response_t){0};
}

/* ---- writing ---- */

void queue_source(uint32_t twin, const char *connection, char text[RMB_CONNECTION_MAX + 16])
{
    snprintf(text, RMB_CONNECTION_MAX + 16, "%" PRIu32 "%s%.*s", twin, connection ? ":" : "",
             RMB_CONNECTION_MAX, connection ? connection : "");
}

static char *text_and_free(json_t *json)
{
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return text;
}

char *queue_incoming_write(const queue_incoming_t *in)
{
    char source[RMB_CONNECTION_MAX + 16], *data = base64_write(in->data);
    queue_source(in->twin, in->connection, source);
    json_t *json =
        json_pack("{s:i,s:s?,s:s,s:s,s:I,s:s,s:s?,s:s,s:s?,s:I}", "ver", 1, "ref", in->reference, "src",
                  source, "cmd", in->command, "exp", (json_int_t)in->expiration_s, "dat", data, "tag",
                  in->tags, "ret", in->reply_to, "shm", in->schema, "now", (json_int_t)in->timestamp_s);
    free(data);
    return text_and_free(json);
}

char *queue_answer_write(const queue_answer_t *answer)
{
    char *data    = base64_write(answer->data);
    json_t *error = answer->is_error ? json_pack("{s:I,s:s}", "code", (json_int_t)answer->error_code,
                                                 "message", answer->error_message)
                                     : json_null();
    json_t *json  = json_pack("{s:i,s:s?,s:s,s:s,s:s?,s:I,s:o}", "ver", 1, "ref", answer->reference, "dat",
                              data, "src", answer->source, "shm", answer->schema, "now",
                              (json_int_t)answer->timestamp_s, "err", error);
    free(data);
    return text_and_free(json);
}
