/* fuzz_client.c - what a node may answer: events, and headers in JSON.  Decoded or refused, never more. */
#include "client_internal.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void events(bytes_t raw)
{
    static uint8_t memory[1 << 18];
    arena_t arena = {.start = memory, .size = sizeof memory};
    client_events_t walk;
    client_event_t event;
    uint32_t shown = 0;
    client_events_start(&walk, raw, &arena);
    while (client_events_next(&walk, &event))
        shown++;
    assert(shown <= raw.len);
}

static void answers(const char *text, size_t len)
{
    uint32_t number, bytes_len;
    hash_t parent, hash;
    uint8_t *bytes;
    json_t *json = json_loadb(text, len, JSON_DECODE_ANY, NULL);
    if (!json) return;
    (void)header_read(json, &number, &parent, &hash);
    (void)json_number(json, &number);
    if (json_hex_bytes(json, &bytes, &bytes_len)) free(bytes);
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    events((bytes_t){data, (uint32_t)size});
    answers((const char *)data, size);
    return 0;
}
