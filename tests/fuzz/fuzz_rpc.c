/* fuzz_rpc.c - any bytes as a message to the RPC of a development chain: whatever comes, an answer is JSON,
 * and no longer than one may be. */
#define _GNU_SOURCE /* nftw */
#include "crypto.h"
#include "io.h"
#include "log.h"
#include "rpc.h"
#include "rpc_internal.h"
#include "runtime.h"

#include <assert.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ANSWER_MAX = 1 << 20 };
static char path[] = "/tmp/trellis-fuzz-rpc-XXXXXX";
static io_t *io;
static chain_t *chain;
static pool_t *pool;
static rpc_t *rpc;

static bool genesis_of(void *self, const host_t *host)
{
    static _Alignas(16) uint8_t memory[RUNTIME_QUERY_MEMORY];
    genesis_t genesis;
    rt_t rt;
    (void)self;
    rt_start(&rt, host, memory, sizeof memory);
    runtime_genesis_dev(&genesis);
    runtime_genesis_build(&rt, &genesis);
    return !rt.fault;
}

static int remove_one(const char *name, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info, (void)kind, (void)walk;
    return remove(name);
}

static void stop(void)
{
    rpc_free(rpc);
    pool_free(pool);
    chain_free(chain);
    io_free(io);
    nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void start(void)
{
    const char *error = NULL;
    bool is_up        = crypto_init() && log_filter("error") && mkdtemp(path);
    assert(is_up);
    io                      = io_new();
    chain_options_t options = {.path = path, .is_unsynced = true, .genesis = genesis_of};
    is_up                   = chain_open(&options, &chain) == CHAIN_OK;
    assert(is_up);
    pool = pool_new(chain);
    rpc  = rpc_new(&(rpc_options_t){.io                = io,
                                    .chain             = chain,
                                    .pool              = pool,
                                    .address           = "127.0.0.1",
                                    .is_unsafe_allowed = true,
                                    .connections_max   = 1,
                                    .subscriptions_max = 1,
                                    .request_max       = 1 << 20,
                                    .response_max      = ANSWER_MAX,
                                    .node_name         = "n",
                                    .version           = "0",
                                    .chain_name        = "c",
                                    .chain_type        = "Development",
                                    .chain_id          = "dev",
                                    .role              = "Full"},
                   &error);
    assert(rpc);
    atexit(stop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!rpc) start();
    rpc_started_t started = {0};
    char *answer          = rpc_answer(rpc, NULL, NULL, (bytes_t){data, (uint32_t)size}, &started);
    assert(started.count == 0);
    if (!answer) return 0;
    assert(strlen(answer) <= ANSWER_MAX + 1000);
    json_t *parsed = json_loads(answer, 0, NULL);
    assert(json_is_object(parsed) || json_is_array(parsed));
    json_decref(parsed);
    free(answer);
    return 0;
}
