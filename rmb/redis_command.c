/* redis_command.c - the commands of redis.h, each as Redis answers it. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "crypto.h"
#include "redis_internal.h"

#define VERSION    "7.0.15" /* of the Redis whose answers these are */
#define YEAR_S     (366u * 86400)
#define WRONG_TYPE "WRONGTYPE Operation against a key holding the wrong kind of value"
#define NO_ROOM    "OOM command not allowed when used memory > 'maxmemory'."
#define NO_INTEGER "ERR value is not an integer or out of range"

typedef struct {
    redis_client_t *client;
    redis_t *redis;
    const resp_command_t *command;
    bus_writer_t *out;
} call_t;

static bytes_t word(const call_t *call, uint32_t i) { return call->command->word[i]; }

static bool is_word(bytes_t bytes, const char *text)
{
    return bytes.len == strlen(text) && strncasecmp((const char *)bytes.data, text, bytes.len) == 0;
}

static bool integer_of(bytes_t text, int64_t *number)
{
    char copy[21], *end;
    if (text.len == 0 || text.len >= sizeof copy || isspace(text.data[0])) return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = 0;
    *number        = strtoll(copy, &end, 10);
    return end == copy + text.len && *number > -(INT64_C(1) << 53) && *number < (INT64_C(1) << 53);
}

static uint64_t now_ms(const call_t *call) { return call->redis->ops.now_ms(call->redis->ops.self); }

/* The entry of the first word, if it is a list or there is none; else the answer is written. */
static bool list_of(const call_t *call, entry_t **entry)
{
    *entry = redis_entry_get(call->redis, word(call, 1));
    if (!*entry || (*entry)->is_list) return true;
    resp_error(call->out, WRONG_TYPE);
    return false;
}

static void free_empty(const call_t *call, entry_t *entry)
{
    if (entry->count == 0) redis_entry_free(call->redis, entry);
}

/* ---- lists ---- */

static void push(const call_t *call, bool is_left)
{
    entry_t *entry;
    int64_t length;
    if (!list_of(call, &entry)) return;
    if (word(call, 1).len > REDIS_KEY_MAX) {
        resp_error(call->out, "ERR the key is too long");
        return;
    }
    entry = redis_entry_open(call->redis, word(call, 1), true);
    for (uint32_t i = 2; entry && i < call->command->count; i++) {
        if (redis_value_add(call->redis, entry, word(call, i), is_left)) continue;
        free_empty(call, entry);
        entry = NULL;
    }
    if (!entry) {
        resp_error(call->out, NO_ROOM);
        return;
    }
    length = entry->count;
    redis_pushed(call->redis, entry);
    resp_number(call->out, length);
}

static void pop(const call_t *call, bool is_left)
{
    entry_t *entry;
    int64_t count = 1;
    bool is_many  = call->command->count > 2;
    if (!list_of(call, &entry)) return;
    if (is_many && (!integer_of(word(call, 2), &count) || count < 0)) {
        resp_error(call->out, "ERR value is out of range, must be positive");
        return;
    }
    if (!entry) {
        if (is_many)
            resp_null_array(call->out);
        else
            resp_null(call->out);
        return;
    }
    if (count > entry->count) count = entry->count;
    if (is_many) resp_array(call->out, (uint32_t)count);
    for (; count > 0; count--)
        redis_value_pop(call->redis, entry, is_left, call->out);
    free_empty(call, entry);
}

/* A time in seconds, with a fraction; false when it is none. */
static bool seconds_of(bytes_t text, uint64_t *ms)
{
    char copy[32], *end;
    if (text.len == 0 || text.len >= sizeof copy || !(isdigit(text.data[0]) || text.data[0] == '.'))
        return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = 0;
    double seconds = strtod(copy, &end);
    if (end != copy + text.len || !(seconds >= 0 && seconds <= YEAR_S)) return false;
    *ms = (uint64_t)(seconds * 1000);
    if (seconds > 0 && *ms == 0) *ms = 1;
    return true;
}

static void pop_or_wait(const call_t *call, bool is_left)
{
    uint32_t keys = call->command->count - 2;
    uint64_t wait_ms;
    if (!seconds_of(word(call, call->command->count - 1), &wait_ms)) {
        resp_error(call->out, "ERR timeout is not a float or out of range");
        return;
    }
    if (keys > REDIS_WAIT_KEYS) {
        resp_error(call->out, "ERR too many keys to wait for");
        return;
    }
    for (uint32_t i = 1; i <= keys; i++) {
        entry_t *entry = redis_entry_get(call->redis, word(call, i));
        if (!entry) continue;
        if (!entry->is_list) {
            resp_error(call->out, WRONG_TYPE);
            return;
        }
        resp_array(call->out, 2);
        resp_bulk(call->out, word(call, i));
        redis_value_pop(call->redis, entry, is_left, call->out);
        free_empty(call, entry);
        return;
    }
    redis_wait(call->client, &call->command->word[1], keys, is_left, wait_ms ? now_ms(call) + wait_ms : 0);
}

static void length(const call_t *call)
{
    entry_t *entry;
    if (list_of(call, &entry)) resp_number(call->out, entry ? entry->count : 0);
}

/* A range as Redis counts: negative numbers from the end, both ends in.  Empty: *count is 0. */
static bool range_of(const call_t *call, const entry_t *entry, uint32_t *from, uint32_t *count)
{
    int64_t first, last, all = entry ? entry->count : 0;
    if (!integer_of(word(call, 2), &first) || !integer_of(word(call, 3), &last)) {
        resp_error(call->out, NO_INTEGER);
        return false;
    }
    if (first < 0) first += all;
    if (last < 0) last += all;
    if (first < 0) first = 0;
    if (last >= all) last = all - 1;
    *from  = first < all ? (uint32_t)first : (uint32_t)all;
    *count = last >= first ? (uint32_t)(last - first + 1) : 0;
    return true;
}

static void range(const call_t *call)
{
    entry_t *entry;
    uint32_t from, count;
    if (!list_of(call, &entry) || !range_of(call, entry, &from, &count)) return;
    resp_array(call->out, count);
    const value_t *value = entry ? entry->first : NULL;
    for (; value && from > 0; from--)
        value = value->next;
    for (; value && count > 0; count--, value = value->next)
        resp_bulk(call->out, (bytes_t){value->bytes, value->len});
}

static void trim(const call_t *call)
{
    entry_t *entry;
    uint32_t from, count;
    if (!list_of(call, &entry) || !range_of(call, entry, &from, &count)) return;
    if (entry) redis_list_trim(call->redis, entry, from, count);
    if (entry) free_empty(call, entry);
    resp_status(call->out, "OK");
}

/* ---- strings and keys ---- */

static void store(const call_t *call, bytes_t value, uint64_t keep_ms)
{
    entry_t *old = redis_entry_get(call->redis, word(call, 1));
    if (old) redis_entry_free(call->redis, old);
    entry_t *entry =
        word(call, 1).len <= REDIS_KEY_MAX ? redis_entry_open(call->redis, word(call, 1), false) : NULL;
    if (!entry || !redis_value_add(call->redis, entry, value, true)) {
        if (entry) redis_entry_free(call->redis, entry);
        resp_error(call->out, NO_ROOM);
        return;
    }
    entry->end_ms = keep_ms ? now_ms(call) + keep_ms : 0;
    resp_status(call->out, "OK");
}

static bool keep_of(const call_t *call, uint32_t i, uint64_t unit_ms, uint64_t *keep_ms)
{
    int64_t number;
    if (i >= call->command->count || !integer_of(word(call, i), &number)) {
        resp_error(call->out, NO_INTEGER);
        return false;
    }
    if (number <= 0 || (uint64_t)number > YEAR_S * (UINT64_C(1000) / unit_ms)) {
        resp_error(call->out, "ERR invalid expire time");
        return false;
    }
    *keep_ms = (uint64_t)number * unit_ms;
    return true;
}

static void set(const call_t *call)
{
    uint64_t keep_ms = 0;
    bool is_there = redis_entry_get(call->redis, word(call, 1)) != NULL, is_wanted = true;
    for (uint32_t i = 3; i < call->command->count; i++) {
        bytes_t option = word(call, i);
        if (is_word(option, "nx")) {
            is_wanted = is_wanted && !is_there;
        } else if (is_word(option, "xx")) {
            is_wanted = is_wanted && is_there;
        } else if (is_word(option, "ex") || is_word(option, "px")) {
            if (!keep_of(call, ++i, is_word(option, "ex") ? 1000 : 1, &keep_ms)) return;
        } else {
            resp_error(call->out, "ERR syntax error");
            return;
        }
    }
    if (is_wanted)
        store(call, word(call, 2), keep_ms);
    else
        resp_null(call->out);
}

static void set_for(const call_t *call)
{
    uint64_t keep_ms;
    if (keep_of(call, 2, 1000, &keep_ms)) store(call, word(call, 3), keep_ms);
}

static void get(const call_t *call)
{
    const entry_t *entry = redis_entry_get(call->redis, word(call, 1));
    if (!entry)
        resp_null(call->out);
    else if (entry->is_list)
        resp_error(call->out, WRONG_TYPE);
    else
        resp_bulk(call->out, (bytes_t){entry->first->bytes, entry->first->len});
}

static void remove_keys(const call_t *call)
{
    int64_t count = 0;
    for (uint32_t i = 1; i < call->command->count; i++) {
        entry_t *entry = redis_entry_get(call->redis, word(call, i));
        if (entry) redis_entry_free(call->redis, entry);
        count += entry != NULL;
    }
    resp_number(call->out, count);
}

static void exists(const call_t *call)
{
    int64_t count = 0;
    for (uint32_t i = 1; i < call->command->count; i++)
        count += redis_entry_get(call->redis, word(call, i)) != NULL;
    resp_number(call->out, count);
}

static void expire(const call_t *call, uint64_t unit_ms)
{
    int64_t number;
    if (!integer_of(word(call, 2), &number) || number > (int64_t)YEAR_S * 1000) {
        resp_error(call->out, NO_INTEGER);
        return;
    }
    entry_t *entry = redis_entry_get(call->redis, word(call, 1));
    if (entry && number <= 0)
        redis_entry_free(call->redis, entry);
    else if (entry)
        entry->end_ms = now_ms(call) + (uint64_t)number * unit_ms;
    resp_number(call->out, entry != NULL);
}

static void left(const call_t *call, uint64_t unit_ms)
{
    const entry_t *entry = redis_entry_get(call->redis, word(call, 1));
    int64_t ms           = entry && entry->end_ms ? (int64_t)(entry->end_ms - now_ms(call)) : entry ? -1 : -2;
    resp_number(call->out, ms < 0 ? ms : (ms + (int64_t)unit_ms - 1) / (int64_t)unit_ms);
}

static void type(const call_t *call)
{
    const entry_t *entry = redis_entry_get(call->redis, word(call, 1));
    resp_status(call->out, !entry ? "none" : entry->is_list ? "list" : "string");
}

/* ---- the connection ---- */

static void auth(const call_t *call)
{
    const char *password = call->redis->password;
    bytes_t given        = word(call, call->command->count - 1);
    bool is_default      = call->command->count == 2 || is_word(word(call, 1), "default");
    if (!password) {
        resp_error(call->out, "ERR AUTH <password> called without any password configured for the default "
                              "user. Are you sure your configuration is correct?");
        return;
    }
    uint8_t difference = given.len != strlen(password);
    for (uint32_t i = 0; i < given.len; i++)
        difference |= (uint8_t)(given.data[i] ^ (uint8_t)password[i % strlen(password)]);
    call->client->is_in = difference == 0 && is_default;
    if (call->client->is_in)
        resp_status(call->out, "OK");
    else
        resp_error(call->out, "WRONGPASS invalid username-password pair or user is disabled.");
}

static void hello(const call_t *call)
{
    if (call->command->count > 1 && !is_word(word(call, 1), "2")) {
        resp_error(call->out, "NOPROTO unsupported protocol version");
        return;
    }
    if (call->command->count > 2) {
        resp_error(call->out, "ERR syntax error in HELLO");
        return;
    }
    resp_array(call->out, 10);
    resp_bulk(call->out, BYTES("server"));
    resp_bulk(call->out, BYTES("redis"));
    resp_bulk(call->out, BYTES("version"));
    resp_bulk(call->out, BYTES(VERSION));
    resp_bulk(call->out, BYTES("proto"));
    resp_number(call->out, 2);
    resp_bulk(call->out, BYTES("id"));
    resp_number(call->out, (int64_t)call->client->id);
    resp_bulk(call->out, BYTES("mode"));
    resp_bulk(call->out, BYTES("standalone"));
}

static void ping(const call_t *call)
{
    if (call->command->count > 1)
        resp_bulk(call->out, word(call, 1));
    else
        resp_status(call->out, "PONG");
}

static void echo(const call_t *call) { resp_bulk(call->out, word(call, 1)); }

static void select_base(const call_t *call)
{
    if (is_word(word(call, 1), "0"))
        resp_status(call->out, "OK");
    else
        resp_error(call->out, "ERR DB index is out of range");
}

static void client(const call_t *call)
{
    if (is_word(word(call, 1), "id"))
        resp_number(call->out, (int64_t)call->client->id);
    else if (is_word(word(call, 1), "getname"))
        resp_null(call->out);
    else if (is_word(word(call, 1), "setname") || is_word(word(call, 1), "setinfo"))
        resp_status(call->out, "OK");
    else
        resp_error(call->out, "ERR unknown subcommand of CLIENT");
}

static void info(const call_t *call)
{
    static const char text[] =
        "# Server\r\nredis_version:" VERSION "\r\nredis_mode:standalone\r\nloading:0\r\n"
        "# Replication\r\nrole:master\r\n";
    resp_bulk(call->out, bytes_text(text));
}

static void nothing(const call_t *call) { resp_array(call->out, 0); }
static void lpush(const call_t *call) { push(call, true); }
static void rpush(const call_t *call) { push(call, false); }
static void lpop(const call_t *call) { pop(call, true); }
static void rpop(const call_t *call) { pop(call, false); }
static void blpop(const call_t *call) { pop_or_wait(call, true); }
static void brpop(const call_t *call) { pop_or_wait(call, false); }
static void expire_s(const call_t *call) { expire(call, 1000); }
static void expire_ms(const call_t *call) { expire(call, 1); }
static void left_s(const call_t *call) { left(call, 1000); }
static void left_ms(const call_t *call) { left(call, 1); }
static void quit(const call_t *call) { resp_status(call->out, "OK"); }

#define ANY RESP_WORDS_MAX

static const struct {
    const char *name;
    uint32_t words_min, words_max; /* with the name */
    void (*run)(const call_t *call);
    bool is_open; /* without the password too */
} commands[] = {
    {"auth",    2, 3,   auth,        true },
    {"hello",   1, ANY, hello,       true },
    {"quit",    1, 1,   quit,        true },
    {"ping",    1, 2,   ping,        false},
    {"echo",    2, 2,   echo,        false},
    {"select",  2, 2,   select_base, false},
    {"client",  2, ANY, client,      false},
    {"info",    1, ANY, info,        false},
    {"command", 1, ANY, nothing,     false},
    {"config",  2, ANY, nothing,     false},
    {"lpush",   3, ANY, lpush,       false},
    {"rpush",   3, ANY, rpush,       false},
    {"lpop",    2, 3,   lpop,        false},
    {"rpop",    2, 3,   rpop,        false},
    {"blpop",   3, ANY, blpop,       false},
    {"brpop",   3, ANY, brpop,       false},
    {"llen",    2, 2,   length,      false},
    {"lrange",  4, 4,   range,       false},
    {"ltrim",   4, 4,   trim,        false},
    {"set",     3, ANY, set,         false},
    {"setex",   4, 4,   set_for,     false},
    {"get",     2, 2,   get,         false},
    {"del",     2, ANY, remove_keys, false},
    {"unlink",  2, ANY, remove_keys, false},
    {"exists",  2, ANY, exists,      false},
    {"expire",  3, 3,   expire_s,    false},
    {"pexpire", 3, 3,   expire_ms,   false},
    {"ttl",     2, 2,   left_s,      false},
    {"pttl",    2, 2,   left_ms,     false},
    {"type",    2, 2,   type,        false},
};

bool redis_command(redis_client_t *asker, const resp_command_t *command, bus_writer_t *out)
{
    call_t call = {asker, asker->redis, command, out};
    char text[160];
    bytes_t name = command->word[0];
    asker->out   = out;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (!is_word(name, commands[i].name)) continue;
        if (!asker->is_in && !commands[i].is_open) {
            resp_error(out, "NOAUTH Authentication required.");
        } else if (command->count < commands[i].words_min || command->count > commands[i].words_max) {
            snprintf(text, sizeof text, "ERR wrong number of arguments for '%s' command", commands[i].name);
            resp_error(out, text);
        } else {
            commands[i].run(&call);
        }
        return commands[i].run != quit;
    }
    uint32_t len = name.len < 64 ? name.len : 64, at = 0;
    at += (uint32_t)snprintf(text, sizeof text, "ERR unknown command '");
    for (uint32_t i = 0; i < len; i++)
        text[at++] = (char)(isprint(name.data[i]) ? name.data[i] : '?');
    snprintf(text + at, sizeof text - at, "'");
    resp_error(out, text);
    return true;
}
