/* fuzz_rpc_follow.c - a client that follows the chain and sends anything: a line is a message ($F stands for
 * its follower, $O for the last operation, $B $A $G for the best, finalized and first block), or + for a
 * block on the best one, / for one on the finalized, ! to make the best one final. */
#include "fuzz_node.h"
#include "hex.h"
#include "web.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 14, TEXT_MAX = 1 << 16, STEPS_MAX = 100000, BLOCKS_MAX = 8, ID_MAX = 40 };

static struct {
    web_session_t *session;
    bool is_open, is_closed, is_ended;
    char follow[ID_MAX], operation[ID_MAX];
} client;

/* ------------------------------------------------------------------------------------ the client */

static void on_open(void *self, web_session_t *session)
{
    (void)self, (void)session;
    client.is_open = true;
}

static void on_close(void *self, web_session_t *session, int status, const char *reason)
{
    (void)self, (void)session, (void)status, (void)reason;
    client.is_closed = true;
}

/* copy_text takes what stands between `before` and the next quote. */
static void copy_text(const char *text, const char *before, char out[ID_MAX])
{
    const char *start = strstr(text, before);
    if (!start) return;
    start += strlen(before);
    size_t len = strcspn(start, "\"");
    if (len >= ID_MAX) return;
    memcpy(out, start, len);
    out[len] = 0;
}

static void on_message(void *self, web_session_t *session, bytes_t message, bool is_text)
{
    (void)self, (void)session, (void)is_text;
    char *text = strndup((const char *)message.data, message.len);
    assert(text && text[0]);
    if (strstr(text, "\"id\":\"end\"")) client.is_ended = true;
    if (strstr(text, "\"id\":\"follow\"")) copy_text(text, "\"result\":\"", client.follow);
    copy_text(text, "\"operationId\":\"", client.operation);
    free(text);
}

static void until(const bool *is_done)
{
    for (int i = 0; i < STEPS_MAX && !*is_done && !client.is_closed; i++)
        io_step(node.io, 1);
    assert(*is_done || client.is_closed);
}

static void say(const char *text) { (void)web_send(client.session, bytes_text(text), true); }

static void put_hash(char *out, hash_t hash)
{
    memcpy(out, "0x", 2);
    hex_encode(out + 2, (bytes_t){hash.b, sizeof hash.b});
}

/* say_line sends a message with its names filled in. */
static void say_line(const uint8_t *line, size_t len)
{
    static char text[TEXT_MAX];
    size_t used = 0;
    for (size_t i = 0; i < len && used < TEXT_MAX - 100; i++) {
        char name  = line[i] == '$' && i + 1 < len ? (char)line[i + 1] : 0;
        text[used] = 0;
        if (name == 'F') memcpy(text + used, client.follow, ID_MAX);
        if (name == 'O') memcpy(text + used, client.operation, ID_MAX);
        if (name == 'B') put_hash(text + used, chain_best(node.chain).hash);
        if (name == 'A') put_hash(text + used, chain_finalized(node.chain).hash);
        if (name == 'G') put_hash(text + used, chain_genesis(node.chain).hash);
        if (text[used]) {
            used += strlen(text + used);
            i++;
        } else {
            text[used++] = (char)line[i];
        }
    }
    (void)web_send(client.session, (bytes_t){(const uint8_t *)text, (uint32_t)used}, true);
}

static void make_block(bool is_on_best)
{
    chain_point_t made, finalized = chain_finalized(node.chain);
    pool_tick(node.pool, io_now_ms(node.io));
    (void)author_create(node.author, io_now_ms(node.io), true, is_on_best ? NULL : &finalized.hash, &made);
    pool_tick(node.pool, io_now_ms(node.io));
}

static void finalize(void)
{
    hash_t best           = chain_best(node.chain).hash;
    chain_status_t status = chain_finalize(node.chain, &best, (bytes_t){0});
    assert(status == CHAIN_OK);
    pool_tick(node.pool, io_now_ms(node.io));
}

static void connect_client(void)
{
    char url[64];
    web_client_handler_t handler = {.on_open = on_open, .on_message = on_message, .on_close = on_close};
    memset(&client, 0, sizeof client);
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", rpc_port(node.rpc));
    client.session = web_connect(node.io, url, NULL, 64u << 20, &handler);
    until(&client.is_open);
    say("{\"jsonrpc\":\"2.0\",\"id\":\"follow\",\"method\":\"chainHead_v1_follow\",\"params\":[true]}");
    for (int i = 0; i < STEPS_MAX && !client.follow[0]; i++)
        io_step(node.io, 1);
    assert(client.follow[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned blocks = 0;
    if (size > INPUT_MAX) return 0;
    if (!node.rpc) node_start();
    connect_client();
    for (size_t at = 0; at < size && !client.is_closed;) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        size_t len         = end ? (size_t)(end - data) - at : size - at;
        if (len == 1 && (data[at] == '+' || data[at] == '/') && blocks++ < BLOCKS_MAX)
            make_block(data[at] == '+');
        else if (len == 1 && data[at] == '!')
            finalize();
        else if (len > 1)
            say_line(data + at, len);
        io_step(node.io, 0);
        at += len + 1;
    }
    if (!client.is_closed) {
        say("{\"jsonrpc\":\"2.0\",\"id\":\"end\",\"method\":\"system_name\"}");
        until(&client.is_ended);
    }
    if (!client.is_closed) web_session_free(client.session);
    for (int i = 0; i < STEPS_MAX && rpc_counters(node.rpc).connections > 0; i++)
        io_step(node.io, 1);
    assert(rpc_counters(node.rpc).connections == 0 && rpc_counters(node.rpc).subscriptions == 0);
    return 0;
}
