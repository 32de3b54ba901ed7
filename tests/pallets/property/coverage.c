/* coverage.c - which calls were made, how many succeeded, and which errors were met. */
#include "coverage.h"

#include "chain.h"
#include "hash.h"
#include "runtime_table.h"

#include <stdio.h>
#include <string.h>

enum { INDICES = 256, REMEMBERED = 256 };

typedef struct {
    uint64_t signed_, root, ran, succeeded;
} counts_t;
static counts_t counts[INDICES][64];
static uint64_t errors[INDICES][INDICES], events[INDICES][64], other_errors[16], refusals[16], not_in_block,
    all, all_succeeded;

/* Which call a motion's hash is of. */
static struct {
    hash_t hash;
    uint8_t pallet, index;
} motions[REMEMBERED];
static uint32_t motion_count;

/* index_of is the call's number within its pallet: the byte after the pallet's. */
static uint8_t index_of(const runtime_call_t *call)
{
    return call->encoded.len >= 2 ? call->encoded.data[1] & 63 : 0;
}

static void remember(const runtime_call_t *call)
{
    const uint32_t at  = motion_count++ % REMEMBERED;
    motions[at].hash   = blake2_256(call->encoded);
    motions[at].pallet = call->pallet;
    motions[at].index  = index_of(call);
}

static void remember_inner(const runtime_call_t *call)
{
    if (call->pallet == COUNCIL_PALLET && call->council.index == COUNCIL_CALL_PROPOSE)
        remember(call->council.propose.proposal);
    if (call->pallet == COUNCIL_PALLET && call->council.index == COUNCIL_CALL_EXECUTE)
        remember(call->council.execute.proposal);
    if (call->pallet == DAO_PALLET && call->dao.index == DAO_CALL_PROPOSE) remember(call->dao.propose.action);
}

static void count_error(dispatch_t result)
{
    if (result == DISPATCH_OK) return;
    const uint8_t variant = (uint8_t)(result >> 16);
    if (variant == 3)
        errors[(uint8_t)(result >> 8)][(uint8_t)result]++;
    else
        other_errors[variant & 15]++;
}

/* count_motion counts the call that a motion ran; told is what the event tells of its result. */
static void count_motion(const hash_t *hash, const support_dispatch_error_result_t *told)
{
    for (uint32_t i = 0; i < REMEMBERED; i++) {
        if (memcmp(motions[i].hash.b, hash->b, sizeof hash->b) != 0) continue;
        counts_t *of = &counts[motions[i].pallet][motions[i].index];
        of->ran++;
        of->succeeded += told->is_ok;
        return;
    }
}

static void count_event(const runtime_event_t *event)
{
    if (event->pallet == COUNCIL_PALLET && event->council.kind == COUNCIL_EVENT_EXECUTED)
        count_motion(&event->council.executed.proposal_hash, &event->council.executed.result);
    if (event->pallet == COUNCIL_PALLET && event->council.kind == COUNCIL_EVENT_MEMBER_EXECUTED)
        count_motion(&event->council.member_executed.proposal_hash, &event->council.member_executed.result);
    if (event->pallet == DAO_PALLET && event->dao.kind == DAO_EVENT_EXECUTED)
        count_motion(&event->dao.executed.proposal_hash, &event->dao.executed.result);
}

static const char *name_in(const table_variant_t *variants, uint32_t count, uint8_t index)
{
    for (uint32_t i = 0; i < count; i++)
        if (variants[i].index == index) return variants[i].name;
    return "?";
}

void coverage_trace(uint32_t block, const step_t *step)
{
    static const char *const kinds[] = {"start", "signed", "root", "end"};
    printf("%u %s", block, kinds[step->kind]);
    if (step->call) {
        const table_pallet_t *pallet = table_pallet_at(step->call->pallet);
        printf(" by %02x%02x %s.%s -> %06x", step->signer.b[0], step->signer.b[1], pallet->prefix,
               name_in(pallet->calls, pallet->call_count, step->call->encoded.data[1]), step->result);
    }
    for (uint32_t i = 0; i < step->events.len; i++) {
        uint8_t room[64];
        scale_writer_t w = scale_writer(room, sizeof room);
        runtime_event_encode(&w, step->events.items[i].event);
        const table_pallet_t *pallet = table_pallet_at(room[0]);
        printf("\n    %s.%s ", pallet->prefix, name_in(pallet->events, pallet->event_count, room[1]));
        for (uint32_t j = 2; j < w.len; j++)
            printf("%02x", room[j]);
    }
    printf("\n");
}

void coverage_count(const step_t *step)
{
    for (uint32_t i = 0; i < step->events.len; i++) {
        const runtime_event_t *event = step->events.items[i].event;
        uint8_t room[2];
        scale_writer_t w = scale_writer(room, sizeof room);
        runtime_event_encode(&w, event); /* its first two bytes are its numbers */
        events[room[0]][room[1] & 63]++;
        count_event(event);
    }
    if (!step->call) return;
    counts_t *of = &counts[step->call->pallet][index_of(step->call)];
    if (step->kind == STEP_ROOT)
        of->root++;
    else
        of->signed_++;
    of->succeeded += step->result == DISPATCH_OK;
    all++;
    all_succeeded += step->result == DISPATCH_OK;
    count_error(step->result);
    if (step->result == DISPATCH_OK) remember_inner(step->call);
}

void coverage_invalid(validity_t why)
{
    not_in_block++;
    if (why >> 16 == 1) refusals[(why >> 8) & 15]++;
}

/* ------------------------------------------------------------------------------ telling it */

static void print_calls(void)
{
    printf("%-52s %9s %9s %9s %9s\n", "call", "signed", "by root", "motions", "succeeded");
    for (uint32_t p = 0; p < runtime_pallet_count; p++)
        for (uint32_t i = 0; i < runtime_pallets[p].call_count; i++) {
            const table_pallet_t *pallet = &runtime_pallets[p];
            const counts_t *of           = &counts[pallet->index][pallet->calls[i].index & 63];
            const uint64_t made          = of->signed_ + of->root + of->ran;
            printf("%-18s %-33s %9llu %9llu %9llu %8.1f%%\n", pallet->prefix, pallet->calls[i].name,
                   (unsigned long long)of->signed_, (unsigned long long)of->root, (unsigned long long)of->ran,
                   made > 0 ? 100.0 * (double)of->succeeded / (double)made : 0.0);
        }
}

static void print_errors(void)
{
    for (uint32_t p = 0; p < runtime_pallet_count; p++) {
        const table_pallet_t *pallet = &runtime_pallets[p];
        uint32_t met                 = 0;
        for (uint32_t i = 0; i < pallet->error_count; i++)
            met += errors[pallet->index][pallet->errors[i].index] > 0;
        if (pallet->error_count == 0) continue;
        printf("%-18s %u of %u errors met; never:", pallet->prefix, met, pallet->error_count);
        for (uint32_t i = 0; i < pallet->error_count; i++)
            if (errors[pallet->index][pallet->errors[i].index] == 0) printf(" %s", pallet->errors[i].name);
        printf("\n");
    }
}

static void print_events(void)
{
    for (uint32_t p = 0; p < runtime_pallet_count; p++) {
        const table_pallet_t *pallet = &runtime_pallets[p];
        uint32_t met                 = 0;
        for (uint32_t i = 0; i < pallet->event_count; i++)
            met += events[pallet->index][pallet->events[i].index & 63] > 0;
        if (pallet->event_count == 0) continue;
        printf("%-18s %u of %u events told; never:", pallet->prefix, met, pallet->event_count);
        for (uint32_t i = 0; i < pallet->event_count; i++)
            if (events[pallet->index][pallet->events[i].index & 63] == 0)
                printf(" %s", pallet->events[i].name);
        printf("\n");
    }
}

uint32_t chain_calls_without_success(bool is_printed)
{
    uint32_t without = 0;
    for (uint32_t p = 0; p < runtime_pallet_count; p++)
        for (uint32_t i = 0; i < runtime_pallets[p].call_count; i++) {
            const table_pallet_t *pallet = &runtime_pallets[p];
            if (counts[pallet->index][pallet->calls[i].index & 63].succeeded > 0) continue;
            without++;
            if (is_printed) printf("never succeeded: %s.%s\n", pallet->prefix, pallet->calls[i].name);
        }
    return without;
}

void chain_print_coverage(void)
{
    print_calls();
    print_errors();
    print_events();
    printf("not let in by InvalidTransaction's index:");
    for (uint32_t i = 0; i < 11; i++)
        printf(" %u: %llu", i, (unsigned long long)refusals[i]);
    printf("\n%llu calls in %llu blocks, %.1f %% succeeded; %llu more were not let into a block\n",
           (unsigned long long)all, (unsigned long long)chain_blocks(),
           all > 0 ? 100.0 * (double)all_succeeded / (double)all : 0.0, (unsigned long long)not_in_block);
}
