/* test_redis.c - the part of Redis that local programs use, and the JSON that they put into it. */
#include "test.h"

#include "queue_json.h"
#include "redis.h"

static struct {
    uint64_t now_ms;
    redis_t *redis;
    redis_client_t *clients[3];
    bus_writer_t out[3];
    uint32_t answers;
    char queued[4][64];
    uint32_t queued_count;
} w;

static uint64_t now_ms(void *self)
{
    (void)self;
    return w.now_ms;
}
static void on_queue(void *self, bool is_reply, bytes_t value)
{
    (void)self;
    snprintf(w.queued[w.queued_count++], 64, "%s %.*s", is_reply ? "reply" : "local", (int)value.len,
             (const char *)value.data);
}
static void on_answer(void *self, void *link)
{
    (void)self;
    (void)link;
    w.answers++;
}

static void fresh(const char *password)
{
    memset(&w, 0, sizeof w);
    w.now_ms = 1000000;
    w.redis  = redis_new(&(redis_ops_t){NULL, now_ms, on_queue, on_answer}, password);
    for (int i = 0; i < 3; i++)
        w.clients[i] = redis_client_new(w.redis, NULL);
}

static void done(void)
{
    for (int i = 0; i < 3; i++) {
        redis_client_free(w.clients[i]);
        bus_writer_fini(&w.out[i]);
    }
    redis_free(w.redis);
}

/* What a client says in one line, and what it hears. */
static const char *ask(int client, const char *line)
{
    static char text[4096];
    static resp_command_t command;
    char input[4096];
    uint32_t used;
    snprintf(input, sizeof input, "%s\r\n", line);
    bus_writer_t *out = &w.out[client];
    bus_writer_reset(out);
    if (resp_read(bytes_text(input), &command, &used) != RESP_OK) return "unreadable";
    bool is_open = redis_command(w.clients[client], &command, out);
    snprintf(text, sizeof text, "%.*s%s", (int)out->len, out->len ? (const char *)out->data : "",
             is_open ? "" : "CLOSED");
    return text;
}

#define HEARS(client, line, answer) OK(strcmp(ask(client, line), answer) == 0)

TEST(lists_are_pushed_and_popped_at_both_ends)
{
    fresh(NULL);
    HEARS(0, "LPUSH q a b", ":2\r\n");
    HEARS(0, "rpush q c", ":3\r\n");
    HEARS(1, "LRANGE q 0 -1", "*3\r\n$1\r\nb\r\n$1\r\na\r\n$1\r\nc\r\n");
    HEARS(1, "LRANGE q -2 9", "*2\r\n$1\r\na\r\n$1\r\nc\r\n");
    HEARS(1, "LRANGE q 5 9", "*0\r\n");
    HEARS(1, "RPOP q", "$1\r\nc\r\n");
    HEARS(1, "LPOP q 5", "*2\r\n$1\r\nb\r\n$1\r\na\r\n");
    HEARS(1, "EXISTS q", ":0\r\n");
    HEARS(1, "RPOP q", "$-1\r\n");
    HEARS(1, "RPOP q 2", "*-1\r\n");
    HEARS(1, "RPUSH q 1 2 3 4", ":4\r\n");
    HEARS(1, "LTRIM q 1 2", "+OK\r\n");
    HEARS(1, "LLEN q", ":2\r\n");
    HEARS(1, "TYPE q", "+list\r\n");
    HEARS(1, "GET q", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n");
    HEARS(1, "LTRIM q 5 9", "+OK\r\n");
    EQ(redis_memory(w.redis), 0);
    done();
}

TEST(strings_end_when_they_are_told_to)
{
    fresh(NULL);
    HEARS(0, "SET k v EX 10", "+OK\r\n");
    HEARS(0, "SET k w NX", "$-1\r\n");
    HEARS(0, "GET k", "$1\r\nv\r\n");
    HEARS(0, "TTL k", ":10\r\n");
    HEARS(0, "LPUSH k v", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n");
    w.now_ms += 10000;
    HEARS(0, "GET k", "$-1\r\n");
    HEARS(0, "TTL k", ":-2\r\n");
    HEARS(0, "SETEX k 5 v", "+OK\r\n");
    HEARS(0, "EXPIRE k 100", ":1\r\n");
    HEARS(0, "PTTL k", ":100000\r\n");
    HEARS(0, "EXPIRE k 0", ":1\r\n");
    HEARS(0, "EXISTS k", ":0\r\n");
    HEARS(0, "SET k v EX 0", "-ERR invalid expire time\r\n");
    HEARS(0, "SET k v", "+OK\r\n");
    HEARS(0, "DEL k other", ":1\r\n");
    EQ(redis_memory(w.redis), 0);
    done();
}

TEST(who_waits_longest_is_served_first)
{
    fresh(NULL);
    HEARS(0, "BRPOP a b 0", "");
    HEARS(1, "BLPOP b 1.5", "");
    OK(redis_is_waiting(w.clients[0]) && redis_is_waiting(w.clients[1]));
    HEARS(2, "RPUSH b 1 2 3", ":3\r\n");
    EQ(w.answers, 2);
    OK(w.out[0].len && memcmp(w.out[0].data, "*2\r\n$1\r\nb\r\n$1\r\n3\r\n", w.out[0].len) == 0);
    OK(w.out[1].len && memcmp(w.out[1].data, "*2\r\n$1\r\nb\r\n$1\r\n1\r\n", w.out[1].len) == 0);
    HEARS(2, "LLEN b", ":1\r\n");
    HEARS(1, "BLPOP nothing 1.5", "");
    w.now_ms += 1400;
    redis_tick(w.redis);
    OK(redis_is_waiting(w.clients[1]));
    w.now_ms += 100;
    redis_tick(w.redis);
    OK(!redis_is_waiting(w.clients[1]) && memcmp(w.out[1].data, "*-1\r\n", 5) == 0);
    HEARS(1, "BLPOP q -1", "-ERR timeout is not a float or out of range\r\n");
    HEARS(1, "BLPOP never 0", ""); /* one that leaves while it waits */
    done();
}

TEST(the_queues_of_the_bus_are_taken_at_once)
{
    fresh(NULL);
    HEARS(0, "LPUSH msgbus.system.local one two", ":2\r\n");
    HEARS(0, "RPUSH msgbus.system.reply three", ":1\r\n");
    EQ(w.queued_count, 3);
    OK(strcmp(w.queued[0], "local one") == 0 && strcmp(w.queued[1], "local two") == 0);
    OK(strcmp(w.queued[2], "reply three") == 0);
    HEARS(0, "EXISTS msgbus.system.local msgbus.system.reply", ":0\r\n");
    OK(!redis_push(w.redis, BYTES("msgbus.system.local"), BYTES("x"), 10)); /* what came from outside never */
    EQ(w.queued_count, 3);
    OK(redis_push(w.redis, BYTES("msgbus.cmd"), BYTES("x"), 10));
    HEARS(0, "TTL msgbus.cmd", ":10\r\n");
    EQ(redis_memory(w.redis) > 0, true);
    w.now_ms += 11000;
    redis_tick(w.redis);
    EQ(redis_memory(w.redis), 0);
    done();
}

TEST(a_list_nobody_reads_keeps_the_newest)
{
    fresh(NULL);
    char value[16];
    for (int i = 0; i <= REDIS_LIST_MAX; i++) {
        snprintf(value, sizeof value, "%d", i);
        OK(redis_push(w.redis, BYTES("msgbus.cmd"), bytes_text(value), 10));
    }
    HEARS(0, "LLEN msgbus.cmd", ":10000\r\n");
    HEARS(0, "RPOP msgbus.cmd", "$1\r\n1\r\n");
    done();
}

TEST(memory_has_an_end)
{
    fresh(NULL);
    static uint8_t big[20u << 20];
    uint32_t count = 0;
    while (count < 100 && redis_push(w.redis, BYTES("q"), (bytes_t){big, sizeof big}, 10))
        count++;
    EQ(count, 12);
    OK(redis_memory(w.redis) <= REDIS_MEMORY_MAX);
    char key[16];
    for (count = 0; count < REDIS_KEYS_MAX + 5; count++) {
        snprintf(key, sizeof key, "k%u", count);
        if (!redis_push(w.redis, bytes_text(key), BYTES(""), 10)) break;
    }
    OK(count <= REDIS_KEYS_MAX);
    done();
}

TEST(a_password_is_needed_before_all_else)
{
    fresh("secret");
    HEARS(0, "LPUSH msgbus.system.local x", "-NOAUTH Authentication required.\r\n");
    HEARS(0, "PING", "-NOAUTH Authentication required.\r\n");
    HEARS(0, "AUTH wrong!", "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    HEARS(0, "AUTH other secret", "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    HEARS(0, "AUTH secre", "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    HEARS(0, "AUTH secret", "+OK\r\n");
    HEARS(0, "PING", "+PONG\r\n");
    HEARS(0, "AUTH wrong!", "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    HEARS(0, "PING", "-NOAUTH Authentication required.\r\n");
    HEARS(1, "AUTH default secret", "+OK\r\n");
    EQ(w.queued_count, 0);
    done();
}

TEST(what_is_no_command_is_refused_in_redis_words)
{
    fresh(NULL);
    HEARS(0, "FLY me", "-ERR unknown command 'FLY'\r\n");
    HEARS(0, "LPUSH q", "-ERR wrong number of arguments for 'lpush' command\r\n");
    HEARS(0, "SELECT 0", "+OK\r\n");
    HEARS(0, "SELECT 1", "-ERR DB index is out of range\r\n");
    HEARS(0, "HELLO 3", "-NOPROTO unsupported protocol version\r\n");
    HEARS(0, "QUIT", "+OK\r\nCLOSED");
    done();
}

TEST(commands_are_read_whole_or_not_at_all)
{
    static const char text[] = "*2\r\n$4\r\nECHO\r\n$5\r\na\r\nb!\r\n";
    static resp_command_t command;
    uint32_t used;
    for (uint32_t len = 0; len < sizeof text - 1; len++)
        EQ(resp_read((bytes_t){(const uint8_t *)text, len}, &command, &used), RESP_MORE);
    EQ(resp_read(bytes_text(text), &command, &used), RESP_OK);
    EQ(used, sizeof text - 1);
    EQ(command.count, 2);
    OK(bytes_equal(command.word[1], BYTES("a\r\nb!")));
    static const char *const bad[] = {
        "*x\r\n",   "*2\r\n+OK\r\n",         "*1\r\n$-1\r\n",  "*1\r\n$99999999\r\n", "*1\r\n$1\r\nab\r\n",
        "*257\r\n", "*1\r\n$1234567890\r\n", "*9999999999\r\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        EQ(resp_read(bytes_text(bad[i]), &command, &used), RESP_MALFORMED);
    static char line[RESP_LINE_MAX + 10];
    memset(line, 'a', sizeof line);
    EQ(resp_read((bytes_t){(const uint8_t *)line, sizeof line}, &command, &used), RESP_MALFORMED);
    EQ(resp_read(BYTES("\r\n"), &command, &used), RESP_OK);
    EQ(command.count, 0);
    EQ(resp_read(BYTES("*-1\r\n"), &command, &used), RESP_OK);
    EQ(command.count, 0);
}

/* ---- JSON ---- */

#define REQUEST                                                                                              \
    "{\"ver\":1,\"ref\":\"r\",\"cmd\":\"calculator.add\",\"exp\":60,\"dat\":\"aGk=\",\"tag\":null,"          \
    "\"dst\":[7,8],\"ret\":\"my.reply\",\"shm\":\"application/json\",\"now\":100}"

TEST(a_request_of_rmb_rs_is_read)
{
    queue_request_t r;
    OK(queue_request_read(bytes_text(REQUEST), &r) == NULL);
    OK(strcmp(r.command, "calculator.add") == 0 && strcmp(r.reply_to, "my.reply") == 0);
    OK(strcmp(r.schema, "application/json") == 0 && strcmp(r.reference, "r") == 0 && !r.tags);
    EQ(r.destination_count, 2);
    EQ(r.destinations[1], 8);
    EQ(r.data_len, 2);
    OK(memcmp(r.data, "hi", 2) == 0);
    EQ(queue_request_life_s(&r, 130), 30);
    EQ(queue_request_life_s(&r, 90), 60); /* a clock that is ahead */
    EQ(queue_request_life_s(&r, 160), 0);
    queue_request_fini(&r);
}

TEST(what_is_no_request_is_refused)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"ver\":1}",
        "nonsense",
        "{\"ver\":1,\"cmd\":5,\"exp\":1,\"dat\":\"\",\"dst\":[1],\"ret\":\"r\",\"now\":0}",
        "{\"ver\":1,\"cmd\":\"c\",\"exp\":-1,\"dat\":\"\",\"dst\":[1],\"ret\":\"r\",\"now\":0}",
        "{\"ver\":1,\"cmd\":\"c\",\"exp\":1,\"dat\":\"a\",\"dst\":[1],\"ret\":\"r\",\"now\":0}",
        "{\"ver\":1,\"cmd\":\"c\",\"exp\":1,\"dat\":\"aGk=aGk=\",\"dst\":[1],\"ret\":\"r\",\"now\":0}",
        "{\"ver\":1,\"cmd\":\"c\",\"exp\":1,\"dat\":\"aGl=\",\"dst\":[1],\"ret\":\"r\",\"now\":0}",
        "{\"ver\":1,\"cmd\":\"c\",\"exp\":1,\"dat\":\"====\",\"dst\":[1],\"ret\":\"r\",\"now\":0}",
        "{\"ver\":1,\"cmd\":\"c\",\"exp\":1,\"dat\":\"\",\"dst\":[],\"ret\":\"r\",\"now\":0}",
        "{\"ver\":1,\"cmd\":\"c\",\"exp\":1,\"dat\":\"\",\"dst\":[4294967296],\"ret\":\"r\",\"now\":0}",
        "{\"ver\":1,\"cmd\":\"c\",\"exp\":1,\"dat\":\"\",\"dst\":1,\"ret\":\"r\",\"now\":0}",
        "{\"ver\":1,\"cmd\":\"c\",\"exp\":1,\"dat\":\"\",\"dst\":[1],\"now\":0}"};
    queue_request_t r;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        OK(queue_request_read(bytes_text(bad[i]), &r) != NULL);
}

TEST(an_answer_names_its_twin_and_connection)
{
    queue_response_t r;
    OK(queue_response_read(
           BYTES("{\"ver\":1,\"ref\":\"u\",\"dat\":\"e30=\",\"dst\":\"9:a:b\",\"shm\":null,\"now\":1,"
                 "\"err\":null}"),
           &r) == NULL);
    EQ(r.twin, 9);
    OK(strcmp(r.connection, "a:b") == 0 && !r.is_error && !r.schema && r.data_len == 2);
    queue_response_fini(&r);
    OK(queue_response_read(BYTES("{\"ver\":1,\"ref\":\"u\",\"dat\":\"\",\"dst\":\"9\",\"now\":1,"
                                 "\"err\":{\"code\":7,\"message\":\"no\"}}"),
                           &r) == NULL);
    OK(r.is_error && r.error_code == 7 && strcmp(r.error_message, "no") == 0 && !r.connection);
    queue_response_fini(&r);
    static const char *const bad[] = {
        "{\"ver\":1,\"ref\":\"u\",\"dat\":\"\",\"dst\":\"x\",\"now\":1}",
        "{\"ver\":1,\"ref\":\"u\",\"dat\":\"\",\"dst\":\"99999999999\",\"now\":1}",
        "{\"ver\":1,\"dat\":\"\",\"dst\":\"1\",\"now\":1}",
        "{\"ver\":1,\"ref\":\"u\",\"dat\":\"\",\"dst\":\"1\",\"err\":{}}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        OK(queue_response_read(bytes_text(bad[i]), &r) != NULL);
}

TEST(what_is_written_is_rmb_rs_to_the_byte)
{
    queue_incoming_t in = {.reference    = "u",
                           .command      = "c",
                           .reply_to     = "msgbus.system.reply",
                           .twin         = 7,
                           .connection   = "s",
                           .expiration_s = 60,
                           .timestamp_s  = 100,
                           .data         = BYTES("hi/\xff\xfe")};
    char *text          = queue_incoming_write(&in);
    OK(strcmp(text, "{\"ver\":1,\"ref\":\"u\",\"src\":\"7:s\",\"cmd\":\"c\",\"exp\":60,\"dat\":\"aGkv//4=\","
                    "\"tag\":null,\"ret\":\"msgbus.system.reply\",\"shm\":null,\"now\":100}") == 0);
    free(text);
    queue_answer_t answer = {.source        = "0",
                             .timestamp_s   = 5,
                             .is_error      = true,
                             .error_code    = 0,
                             .error_message = "destination offline"};
    text                  = queue_answer_write(&answer);
    OK(strcmp(text, "{\"ver\":1,\"ref\":null,\"dat\":\"\",\"src\":\"0\",\"shm\":null,\"now\":5,"
                    "\"err\":{\"code\":0,\"message\":\"destination offline\"}}") == 0);
    free(text);
}

TEST_MAIN()
