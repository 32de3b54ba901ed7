/* test_client_events.c - System.Events is walked one by one, and what does not decode is told. */
#include "client.h"
#include "test.h"

static uint8_t memory[65536];

static void put_record(scale_writer_t *w, uint8_t phase, uint32_t extrinsic, const runtime_event_t *event,
                       uint8_t topics)
{
    static const uint8_t topic[32] = {9};
    scale_put_u8(w, phase);
    if (phase == 0) scale_put_u32(w, extrinsic);
    runtime_event_encode(w, event);
    scale_put_compact(w, topics);
    for (uint8_t i = 0; i < topics; i++)
        scale_put_raw(w, topic, sizeof topic);
}

static const runtime_event_t bill = {
    .pallet         = SMART_CONTRACT_PALLET,
    .smart_contract = {.kind            = SMART_CONTRACT_EVENT_CONTRACT_BILLED,
                       .contract_billed = {.contract_id = 7, .amount_billed = 1234}}
};
static const runtime_event_t success = {.pallet = SYSTEM_PALLET,
                                        .system = {.kind = SYSTEM_EVENT_EXTRINSIC_SUCCESS}};

static bytes_t two_events(uint8_t *room, uint32_t cap)
{
    scale_writer_t w = scale_writer(room, cap);
    scale_put_compact(&w, 2);
    put_record(&w, 0, 3, &success, 0);
    put_record(&w, 1, 0, &bill, 2);
    return scale_written(&w);
}

TEST(each_event_is_shown_with_its_phase)
{
    uint8_t room[512];
    arena_t arena = {.start = memory, .size = sizeof memory};
    client_events_t events;
    client_event_t event;
    client_events_start(&events, two_events(room, sizeof room), &arena);
    OK(client_events_next(&events, &event));
    OK(event.phase == CLIENT_PHASE_EXTRINSIC && event.extrinsic == 3 && event.event.pallet == SYSTEM_PALLET);
    OK(client_events_next(&events, &event));
    EQ(event.phase, CLIENT_PHASE_FINALIZATION);
    EQ(event.event.smart_contract.contract_billed.contract_id, 7);
    EQ(event.encoded.data[0], SMART_CONTRACT_PALLET);
    OK(!client_events_next(&events, &event));
    OK(!client_events_failed(&events));
}

TEST(no_bytes_are_no_events)
{
    arena_t arena = {.start = memory, .size = sizeof memory};
    client_events_t events;
    client_event_t event;
    client_events_start(&events, (bytes_t){0}, &arena);
    OK(!client_events_next(&events, &event) && !client_events_failed(&events));
}

TEST(events_cut_short_or_too_long_are_told)
{
    uint8_t room[512];
    bytes_t whole = two_events(room, sizeof room);
    for (uint32_t len = 1; len <= whole.len + 1; len++) {
        arena_t arena = {.start = memory, .size = sizeof memory};
        client_events_t events;
        client_event_t event;
        client_events_start(&events, (bytes_t){room, len}, &arena);
        while (client_events_next(&events, &event))
            ;
        EQ(client_events_failed(&events), len != whole.len);
    }
}

TEST(a_dispatch_error_has_the_name_and_docs_of_its_declaration)
{
    support_dispatch_error_t module = {
        .kind = SUPPORT_DISPATCH_ERROR_MODULE, .module = {TFGRID_PALLET, {{8}}}
    };
    client_refusal_t refusal = client_refusal(&module);
    OK(strcmp(refusal.pallet_name, "TfgridModule") == 0);
    OK(refusal.name[0] != 0 && strcmp(refusal.name, "unknown module error") != 0);
    support_dispatch_error_t token = {.kind  = SUPPORT_DISPATCH_ERROR_TOKEN,
                                      .token = SUPPORT_TOKEN_ERROR_FROZEN};
    refusal                        = client_refusal(&token);
    OK(strcmp(refusal.name, "Token: Frozen") == 0 && refusal.pallet_name[0] == 0);
    support_dispatch_error_t origin = {.kind = SUPPORT_DISPATCH_ERROR_BAD_ORIGIN};
    refusal                         = client_refusal(&origin);
    OK(strcmp(refusal.name, "BadOrigin") == 0);
}

TEST_MAIN()
