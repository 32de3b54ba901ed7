/* fuzz_node.h - a development chain with its RPC in this process, for the fuzzers of the RPC. */
#ifndef FUZZ_NODE_H
#define FUZZ_NODE_H
#define _GNU_SOURCE /* nftw */
#include "crypto.h"
#include "io.h"
#include "keyring.h"
#include "log.h"
#include "rpc.h"
#include "runtime.h"

#include <assert.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FUZZ_MESSAGE_MAX = 1 << 20 };

static struct {
    char path[64];
    io_t *io;
    chain_t *chain;
    pool_t *pool;
    author_t *author;
    rpc_t *rpc;
} node;

static bool node_genesis(void *self, const host_t *host)
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

static int node_remove(const char *name, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info, (void)kind, (void)walk;
    return remove(name);
}

static void node_stop(void)
{
    rpc_free(node.rpc);
    author_free(node.author);
    pool_free(node.pool);
    chain_free(node.chain);
    io_free(node.io);
    nftw(node.path, node_remove, 8, FTW_DEPTH | FTW_PHYS);
}

/* node_start is called once; the node goes with the process. */
static void node_start(void)
{
    const char *error = NULL;
    keypair_t alice;
    snprintf(node.path, sizeof node.path, "/tmp/trellis-fuzz-rpc-XXXXXX");
    bool is_up = crypto_init() && log_filter("error") && mkdtemp(node.path) &&
                 key_from_suri("//Alice", KEY_SR25519, &alice) == KEY_OK;
    assert(is_up);
    node.io                 = io_new();
    chain_options_t options = {.path = node.path, .is_unsynced = true, .genesis = node_genesis};
    is_up                   = chain_open(&options, &node.chain) == CHAIN_OK;
    assert(is_up);
    node.pool   = pool_new(node.chain);
    node.author = author_new(node.chain, &(author_options_t){.sealing = SEALING_MANUAL,
                                                             .pair    = alice.sr25519,
                                                             .source  = pool_source(node.pool)});
    node.rpc    = rpc_new(&(rpc_options_t){.io                = node.io,
                                           .chain             = node.chain,
                                           .pool              = node.pool,
                                           .author            = node.author,
                                           .address           = "127.0.0.1",
                                           .is_unsafe_allowed = true,
                                           .connections_max   = 4,
                                           .subscriptions_max = 16,
                                           .request_max       = FUZZ_MESSAGE_MAX,
                                           .response_max      = FUZZ_MESSAGE_MAX,
                                           .node_name         = "n",
                                           .version           = "0",
                                           .chain_name        = "c",
                                           .chain_type        = "Development",
                                           .chain_id          = "dev",
                                           .role              = "Full",
                                           .peer_id = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp"},
                          &error);
    assert(node.rpc);
    atexit(node_stop);
}

#endif
