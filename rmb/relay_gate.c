/* relay_gate.c - what came by one link and was sent back, and so must not be overtaken; see relay.h. */
#include <stdlib.h>
#include <string.h>

#include "relay_internal.h"

/* Envelopes of one address to another, as a hash: two that are taken for one wait for each other. */
typedef struct {
    uint64_t lane;
    bool is_said; /* in an answer that left */
} halt_t;

struct relay_gate {
    halt_t *halts;
    uint32_t count, cap;
};

static uint64_t mix(uint64_t hash, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
    return hash;
}

static uint64_t lane_of(const relay_message_t *message)
{
    const relay_address_t *both[] = {&message->from, &message->to};
    uint64_t hash                 = UINT64_C(14695981039346656037);
    for (int i = 0; i < 2; i++) {
        hash = mix(hash, &both[i]->twin, sizeof both[i]->twin);
        hash = mix(hash, &both[i]->has_connection, 1);
        hash = mix(hash, both[i]->connection, strlen(both[i]->connection) + 1);
    }
    return hash;
}

bool relay_gate_is_shut(const relay_gate_t *gate, const relay_message_t *message)
{
    if (!gate || gate->count == 0) return false;
    uint64_t lane = lane_of(message);
    for (uint32_t i = 0; i < gate->count; i++)
        if (gate->halts[i].lane == lane) return true;
    return false;
}

void relay_gate_shut(relay_gate_t *gate, const relay_message_t *message)
{
    if (!gate || relay_gate_is_shut(gate, message)) return;
    if (gate->count == gate->cap) {
        gate->cap   = gate->cap ? gate->cap * 2 : 16;
        gate->halts = realloc(gate->halts, gate->cap * sizeof *gate->halts);
        if (!gate->halts) abort();
    }
    gate->halts[gate->count++] = (halt_t){.lane = lane_of(message)};
}

void relay_gate_said(relay_gate_t *gate)
{
    for (uint32_t i = 0; i < gate->count; i++)
        gate->halts[i].is_said = true;
}

void relay_gate_heard(relay_gate_t *gate)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < gate->count; i++)
        if (!gate->halts[i].is_said) gate->halts[kept++] = gate->halts[i];
    gate->count = kept;
}

relay_gate_t *relay_gate_new(void) { return calloc(1, sizeof(relay_gate_t)); }

void relay_gate_free(relay_t *relay, relay_gate_t *gate)
{
    for (route_t *route = relay->routes; route; route = route->next)
        if (route->gate == gate) route->gate = NULL;
    free(gate->halts);
    free(gate);
}
