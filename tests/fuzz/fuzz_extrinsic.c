/* fuzz_extrinsic.c - any bytes as an extrinsic of a block: whatever it is, the block can be ended, and no
 * money comes or goes.  Every signature is good, so that calls are reached. */
#include "runtime.h"
#include "runtime_call.h"
#include "table_host.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY = 64 << 20, INPUTS_A_TABLE = 256 };

static table_t *table;
static host_t host;
static uint8_t *memory;

static bool always(void *state, uint8_t kind, bytes_t signature, bytes_t message, const account_id_t *signer)
{
    (void)state, (void)kind, (void)signature, (void)message, (void)signer;
    return true;
}

static void make_table(void)
{
    genesis_t genesis;
    rt_t rt;
    if (!memory) memory = aligned_alloc(16, MEMORY);
    assert(memory);
    table_free(table);
    table = table_new();
    host  = table_host(table);
    table_verify_with(table, always);
    rt_start(&rt, &host, memory, MEMORY);
    runtime_genesis_dev(&genesis);
    runtime_genesis_build(&rt, &genesis);
    assert(!rt.fault);
}

static u128_t all_money(rt_t *rt)
{
    u128_t sum = 0;
    bytes_t at = {0};
    account_id_t who;
    system_account_info_t account;
    while (system_account_next(rt, &at, &who, &account))
        sum += account.data.free + account.data.reserved;
    return sum;
}

static void apply_in_a_block(bytes_t extrinsic)
{
    uint8_t room[32];
    rt_t rt;
    header_t header = {
        .number       = 1,
        .digest       = {{.kind = DIGEST_PRE_RUNTIME, .engine = "aura", .data = BYTES("\1\0\0\0\0\0\0\0")}},
        .digest_count = 1};
    dispatch_t result;
    scale_writer_t w = scale_writer(room, sizeof room);
    rt_start(&rt, &host, memory, MEMORY);
    runtime_initialize_block(&rt, &header);
    runtime_timestamp_inherent(&w, 6000);
    validity_t validity = runtime_apply_extrinsic(&rt, scale_written(&w), &result);
    assert(validity == VALID && !rt.fault);
    validity = runtime_apply_extrinsic(&rt, extrinsic, &result);
    assert(!rt.fault);
    if (validity == VALID) assert(all_money(&rt) == balances_total_issuance_get(&rt));
    runtime_finalize_block(&rt, &header);
    assert(!rt.fault);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned inputs;
    if (size > 1 << 20) return 0;
    if (inputs++ % INPUTS_A_TABLE == 0) make_table();
    host.begin(host.state);
    apply_in_a_block((bytes_t){data, (uint32_t)size});
    assert(table_depth(table) == 1);
    host.end(host.state, false);
    return 0;
}
