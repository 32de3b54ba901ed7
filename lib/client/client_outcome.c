/* client_outcome.c - what became of an extrinsic: read from its block's events, and told to a person. */
#include "client_internal.h"
#include "runtime_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENT_ARENA (1u << 20)

/* refusal_name writes the name of a DispatchError as metadata has it, with its inner variant. */
static void refusal_name(bytes_t encoded, char name[64])
{
    const table_type_t *type       = &runtime_types[runtime_type_dispatch_error];
    const table_variant_t *variant = NULL;
    for (uint32_t i = 0; i < type->count && encoded.len > 0; i++)
        if (type->variants[i].index == encoded.data[0]) variant = &type->variants[i];
    snprintf(name, 64, "%s", variant ? variant->name : "unknown");
    const table_type_t *inner =
        variant && variant->field_count ? &runtime_types[variant->fields[0].type] : NULL;
    for (uint32_t i = 0; inner && inner->form == TABLE_VARIANT && encoded.len > 1 && i < inner->count; i++)
        if (inner->variants[i].index == encoded.data[1])
            snprintf(name, 64, "%s: %s", variant->name, inner->variants[i].name);
}

client_refusal_t client_refusal(const support_dispatch_error_t *error)
{
    uint8_t room[8];
    scale_writer_t w         = scale_writer(room, sizeof room);
    client_refusal_t refusal = {.variant = (uint8_t)error->kind, .pallet_name = "", .docs = ""};
    support_dispatch_error_encode(&w, error);
    refusal_name(scale_written(&w), refusal.name);
    if (error->kind != SUPPORT_DISPATCH_ERROR_MODULE) return refusal;
    refusal.pallet                 = error->module.index;
    refusal.error                  = error->module.error.b[0];
    const table_pallet_t *pallet   = table_pallet_at(refusal.pallet);
    const table_variant_t *variant = table_error(refusal.pallet, refusal.error);
    refusal.pallet_name            = pallet ? pallet->name : "";
    refusal.docs                   = variant ? variant->docs : "";
    snprintf(refusal.name, sizeof refusal.name, "%s", variant ? variant->name : "unknown module error");
    return refusal;
}

static void outcome_event(client_outcome_t *outcome, const runtime_event_t *event)
{
    const table_pallet_t *payment = table_pallet(BYTES("TransactionPayment"));
    if (event->pallet == SYSTEM_PALLET && event->system.kind == SYSTEM_EVENT_EXTRINSIC_SUCCESS)
        outcome->is_success = true;
    if (event->pallet == SYSTEM_PALLET && event->system.kind == SYSTEM_EVENT_EXTRINSIC_FAILED)
        outcome->refusal = client_refusal(&event->system.extrinsic_failed.dispatch_error);
    if (event->pallet == payment->index)
        outcome->fee = event->transaction_payment.transaction_fee_paid.actual_fee;
}

bool outcome_read(client_outcome_t *outcome)
{
    arena_t arena = {.start = must_alloc(EVENT_ARENA), .size = EVENT_ARENA};
    client_events_t events;
    client_event_t event;
    outcome->is_success = false;
    outcome->refusal    = (client_refusal_t){.pallet_name = "", .name = "no result told", .docs = ""};
    client_events_start(&events, outcome->events, &arena);
    while (client_events_next(&events, &event))
        if (event.phase == CLIENT_PHASE_EXTRINSIC && event.extrinsic == outcome->index)
            outcome_event(outcome, &event.event);
    free(arena.start);
    return !client_events_failed(&events);
}

client_status_t client_outcome_text(const client_outcome_t *outcome, char *text, size_t cap)
{
    const client_refusal_t *refusal = &outcome->refusal;
    if (outcome->stage == CLIENT_TX_FAILED) {
        snprintf(text, cap, "%s", outcome->error.text);
        return outcome->error.status;
    }
    if (outcome->is_success) {
        snprintf(text, cap, "in block %u", outcome->block_number);
        return CLIENT_OK;
    }
    if (refusal->pallet_name[0])
        snprintf(text, cap, "the chain refused the call: %s.%s%s%s", refusal->pallet_name, refusal->name,
                 refusal->docs[0] ? " - " : "", refusal->docs);
    else
        snprintf(text, cap, "the chain refused the call: %s", refusal->name);
    return CLIENT_REFUSED;
}
