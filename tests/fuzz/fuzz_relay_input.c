/* fuzz_relay_input.c - whatever sessions, other relays and links bring to a relay, and what it keeps of it.
 *
 * The input is a list of (kind u8, length u16, bytes); after it all is stored, the relay starts anew from its
 * rows. */
#include "relay_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t now_ms(void *self)
{
    (void)self;
    return 1700000000000;
}
static void wake(void *self, void *link)
{
    (void)self;
    (void)link;
}
static void ack(void *self, void *link, const char *uid, relay_ack_t what)
{
    (void)self;
    (void)link;
    assert(strlen(uid) <= RMB_UID_MAX && (what == RELAY_STORED || what == RELAY_REFUSED));
}
static void close_link(void *self, void *link, relay_close_t reason)
{
    (void)self;
    (void)link;
    (void)reason;
}
static void commit_soon(void *self) { (void)self; }
static void federate(void *self, relay_message_t *message, const char *record)
{
    (void)self;
    (void)record;
    relay_message_drop(message);
}
static void answered(void *context, relay_in_t in)
{
    (void)in;
    (*(uint32_t *)context)++;
}

static uint32_t done; /* the relay may answer until it is freed */

static void feed(relay_t *relay, relay_session_t *sessions[2], const uint8_t *data, size_t size)
{
    uint32_t asked     = 0;
    relay_gate_t *gate = relay_gate_new();
    done               = 0;
    while (size >= 3) {
        uint32_t len = (uint32_t)data[1] << 8 | data[2];
        if (len > size - 3) len = (uint32_t)size - 3;
        bytes_t wire = {data + 3, len};
        switch (data[0] % 4) {
        case 0: relay_session_input(relay, sessions[0], wire); break;
        case 1: relay_session_input(relay, sessions[1], wire); break;
        case 2: relay_federation_input(relay, wire, answered, &done); break;
        case 3: relay_link_input(relay, gate, wire, answered, &done); break;
        }
        asked += data[0] % 4 >= 2;
        data += 3 + len;
        size -= 3 + len;
        relay_message_t *message = relay_session_next(relay, sessions[1]);
        if (len % 5 == 0) relay_gate_said(gate);
        if (len % 7 == 0) relay_gate_heard(gate);
        if (message && len % 2) relay_session_taken(relay, sessions[1], message);
        if (message) relay_message_drop(message);
    }
    relay_commit(relay);
    relay_tick(relay);
    assert(done <= asked);
    relay_gate_free(relay, gate);
    for (uint32_t i = 0; i < 2; i++)
        relay_session_close(relay, sessions[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const domains[] = {"here"};
    static rmb_twin_t twins[]          = {
                 {.id = 1,          .relay = "here"},
                 {.id = 2,                .relay = "here"},
                 {.id = 3,.relay = "far"},
                 {.id = 4         }
    };
    twin_table_t table           = {twins, 4};
    twin_source_t source         = twin_table_source(&table);
    twin_cache_t *cache          = twin_cache_new(&source, 4);
    relay_store_memory_t *memory = relay_store_memory_new();
    relay_store_t store          = relay_store_memory_ops(memory);
    relay_ops_t ops              = {NULL, now_ms, wake, ack, close_link, commit_soon, federate};
    relay_config_t config        = {.domains = domains, .domain_count = 1};
    relay_t *relay               = relay_new(&config, &ops, &store, cache);
    relay_session_t *sessions[2];
    for (uint32_t i = 0; i < 2; i++)
        sessions[i] = relay_session_open(relay, &(relay_address_t){.twin = i + 1}, &sessions[i], true);
    feed(relay, sessions, data, size);
    relay_free(relay);
    relay = relay_new(&config, &ops, &store, cache);
    relay_free(relay);
    relay_store_memory_free(memory);
    twin_cache_free(cache);
    return 0;
}
