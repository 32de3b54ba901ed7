/* fuzz_resp.c - anything that a local program may send to rmb-peer's Redis port. */
#include "redis.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t now_ms(void *self)
{
    (void)self;
    return 1000000;
}
static void on_queue(void *self, bool is_reply, bytes_t value)
{
    (void)self;
    (void)is_reply;
    (void)value;
}
static void on_answer(void *self, void *link)
{
    (void)self;
    (void)link;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static resp_command_t command;
    if (size > 65536) return 0;
    redis_t *redis         = redis_new(&(redis_ops_t){NULL, now_ms, on_queue, on_answer}, NULL);
    redis_client_t *client = redis_client_new(redis, NULL), *other = redis_client_new(redis, NULL);
    bus_writer_t out = {0}, other_out = {0};
    uint32_t at = 0, used = 0;
    bool is_open = true;
    for (uint32_t turn = 0; is_open; turn++) {
        redis_client_t *asker = turn % 2 ? other : client;
        bytes_t left          = {data + at, (uint32_t)size - at};
        resp_status_t status  = resp_read(left, &command, &used);
        if (status != RESP_OK) break;
        assert(used > 0 && used <= left.len && command.count <= RESP_WORDS_MAX);
        for (uint32_t i = 0; i < command.count; i++)
            assert(command.word[i].data >= left.data &&
                   command.word[i].data + command.word[i].len <= left.data + left.len);
        if (command.count && !redis_is_waiting(asker))
            is_open = redis_command(asker, &command, turn % 2 ? &other_out : &out);
        at += used;
    }
    redis_client_free(client);
    redis_client_free(other);
    redis_free(redis);
    bus_writer_fini(&out);
    bus_writer_fini(&other_out);
    return 0;
}
