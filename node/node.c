/* node.c - starts the parts, and moves them: pool, author, finality, in this order, whenever something
 * changed. */

#include "node.h"

#include "keyring.h"
#include "keystore.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MIB = 1 << 20, TIMER_MAX_MS = 60000, AHEAD_MS_MAX = 30000 };

/* ------------------------------------------------------------------------------------ going on */

static void go_on(void *self);

static void timer_due(void *self)
{
    node_t *node = self;
    node->timer  = NULL;
    go_on(node);
}

/* sleep_until has go_on called at a time, or earlier when something wakes the node. */
static void sleep_until(node_t *node, uint64_t now_ms, uint64_t at_ms)
{
    if (node->timer) io_timer_stop(node->timer);
    node->timer = NULL;
    if (at_ms == AUTHOR_NEVER) return;
    uint64_t wait_ms = at_ms > now_ms ? at_ms - now_ms : 0;
    node->timer =
        io_timer_start(node->io, wait_ms < TIMER_MAX_MS ? wait_ms : TIMER_MAX_MS, 0, timer_due, node);
}

static uint64_t tick_author(node_t *node, uint64_t now_ms)
{
    uint64_t next = AUTHOR_NEVER;
    if (!node->author || node->config->sealing == SEALING_MANUAL) return next;
    author_status_t status = author_tick(node->author, now_ms, &next);
    if (status == AUTHOR_FAILED || status == AUTHOR_NOT_AUTHORITY)
        log_error(LOG_AUTHOR, "no block could be made", LOG_TEXT("reason", author_status_text(status)),
                  LOG_TEXT("chain",
                           status == AUTHOR_FAILED ? chain_status_text(author_failure(node->author)) : NULL));
    return next;
}

static uint64_t tick_finality(node_t *node, uint64_t now_ms)
{
    uint64_t next = FINALITY_NEVER;
    if (!node->finality) return next;
    chain_status_t status = finality_tick(node->finality, now_ms, &next);
    if (status != CHAIN_OK)
        log_error(LOG_FINAL, "no block could be finalized", LOG_TEXT("reason", chain_status_text(status)));
    return next;
}

static void go_on(void *self)
{
    node_t *node = self;
    node->is_due = false;
    if (node->is_stopping) return;
    uint64_t now_ms = io_now_ms(node->io);
    pool_tick(node->pool, now_ms);
    uint64_t author_at = tick_author(node, now_ms);
    if (pool_has_work(node->pool)) pool_tick(node->pool, now_ms);
    uint64_t finality_at = tick_finality(node, now_ms);
    if (pool_has_work(node->pool)) pool_tick(node->pool, now_ms);
    sleep_until(node, now_ms, author_at < finality_at ? author_at : finality_at);
}

void node_wake(void *self)
{
    node_t *node = self;
    if (node->is_due || node->is_stopping) return;
    node->is_due = true;
    io_post(node->io, go_on, node);
}

static void pool_is_ready(void *self)
{
    node_t *node = self;
    if (node->author) author_wake(node->author);
    node_wake(node);
}

/* ------------------------------------------------------------------------------------ starting */

static bool find_path(node_t *node)
{
    if (node->config->is_tmp) {
        memcpy(node->path, "/tmp/trellis-node-XXXXXX", sizeof "/tmp/trellis-node-XXXXXX");
        if (mkdtemp(node->path)) return true;
    } else if (config_path(node->config, node->spec.id, node->path, sizeof node->path) &&
               config_make_folders(node->path)) {
        return true;
    }
    log_error(LOG_MAIN, "the base path cannot be made", LOG_TEXT("path", node->path),
              LOG_TEXT("reason", strerror(errno)));
    return false;
}

static bool open_chain(node_t *node)
{
    chain_options_t options = {
        .path         = node->path,
        .state        = node->config->state,
        .blocks       = node->config->blocks,
        .is_trial     = chainspec_is_for_trial(&node->spec),
        .is_unsynced  = node->config->is_unsynced || node->config->is_tmp,
        .cache_mib    = node->config->db_cache_mib,
        .genesis      = chainspec_genesis,
        .genesis_self = &node->spec,
    };
    chain_status_t status = chain_open(&options, &node->chain);
    if (status == CHAIN_OK) return true;
    log_error(
        LOG_MAIN, "the chain cannot be opened", LOG_TEXT("path", node->path),
        LOG_TEXT("reason", chain_status_text(status)),
        LOG_TEXT(
            "advice",
            status == CHAIN_OTHER_GENESIS
                ? "another --chain, --sealing MS or version made it: use that one, or another --base-path"
            : status == CHAIN_OTHER_PRUNING ? "what is let go does not come back, and what was kept is not "
                                              "let go: state pruning stays as it was"
                                            : "is another node running on it?"));
    return false;
}

/* find_keys finds the authority's keys: a development authority's come of one URI (spec tfgrid 1.6), others
 * were stored by `key insert`. */
static bool find_keys(const node_t *node, const char *uri, keypair_t *aura, keypair_t *grandpa)
{
    const char *path = node->keystore;
    if (uri)
        return key_from_suri(uri, KEY_SR25519, aura) == KEY_OK &&
               key_from_suri(uri, KEY_ED25519, grandpa) == KEY_OK;
    if (keystore_find(path, "aura", KEY_SR25519, aura) && keystore_find(path, "gran", KEY_ED25519, grandpa))
        return true;
    log_error(LOG_MAIN, "the validator has no key", LOG_TEXT("keystore", path),
              LOG_TEXT("advice", "store its aura and gran keys by trellis-node key insert, or name a "
                                 "development authority: --alice, --bob, ..."));
    return false;
}

/* find_node_key finds who this node is for its peers, and makes the key at a chain's first start. */
static bool find_node_key(node_t *node)
{
    const config_t *config = node->config;
    char path[NODE_KEY_PATH_CAP];
    uint8_t seed[32];
    bool is_found;
    if (config->node_key) {
        is_found = node_key_parse(config->node_key, seed);
        if (!is_found)
            log_error(LOG_MAIN, "the node key cannot be read",
                      LOG_TEXT("advice", "--node-key takes 64 hexadecimal digits"));
    } else {
        const char *file = config->node_key_file ? config->node_key_file : path;
        is_found         = node_key_path(node->path, path) && node_key_read(file, seed);
        if (!is_found && file == path && errno == ENOENT) is_found = node_key_make(path, seed);
        if (!is_found)
            log_error(LOG_MAIN, "the node key cannot be read", LOG_TEXT("file", file),
                      LOG_TEXT("reason", errno ? strerror(errno) : "it is not 32 bytes, nor 64 digits"));
    }
    if (is_found) peer_id_text(seed, node->peer_id);
    crypto_wipe(seed, sizeof seed);
    return is_found;
}

/* catch_up has the clock of a development chain go on from its last block when that is far ahead of ours. */
static void catch_up(const node_t *node)
{
    uint64_t time_ms;
    if (chainspec_is_for_trial(&node->spec) && author_travel(node->author, 0, &time_ms) == AUTHOR_NOTHING &&
        time_ms > io_now_ms(node->io) + AHEAD_MS_MAX)
        (void)author_travel(node->author, time_ms, &time_ms);
}

/* add_stored adds the other keys of the keystore: a node is each authority whose key it has. */
static void add_stored(const node_t *node, author_options_t *author, finality_options_t *finality)
{
    static_assert(AUTHOR_MORE_MAX == FINALITY_MORE_MAX, "one room for both");
    keypair_t keys[1 + AUTHOR_MORE_MAX];
    uint32_t count = keystore_list(node->keystore, "aura", KEY_SR25519, keys, 1 + AUTHOR_MORE_MAX);
    for (uint32_t i = 1; i < count; i++)
        author->more[author->more_count++] = keys[i].sr25519;
    count = keystore_list(node->keystore, "gran", KEY_ED25519, keys, 1 + FINALITY_MORE_MAX);
    for (uint32_t i = 1; i < count; i++)
        memcpy(finality->more[finality->more_count++], keys[i].seed, sizeof finality->more[0]);
    crypto_wipe(keys, sizeof keys);
}

/* add_more adds the keys of the other authorities that this node is: of development, or of the keystore. */
static bool add_more(const node_t *node, author_options_t *author, finality_options_t *finality)
{
    const config_t *config = node->config;
    if (config->authority_count == 0) add_stored(node, author, finality);
    for (uint32_t i = 1; i < config->authority_count; i++) {
        keypair_t aura, grandpa;
        if (!find_keys(node, config->authorities[i], &aura, &grandpa)) return false;
        author->more[author->more_count++] = aura.sr25519;
        memcpy(finality->more[finality->more_count++], grandpa.seed, sizeof finality->more[0]);
        key_wipe(&aura);
        key_wipe(&grandpa);
    }
    return true;
}

static bool start_authority(node_t *node)
{
    const config_t *config = node->config;
    const char *uri        = config->authority_count ? config->authorities[0] : NULL;
    keypair_t aura, grandpa;
    if (!config->is_validator) return true;
    if (!find_keys(node, uri, &aura, &grandpa)) return false;
    author_options_t author = {
        .sealing = config->sealing, .pair = aura.sr25519, .source = pool_source(node->pool)};
    finality_options_t options = {.is_manual = config->sealing == SEALING_MANUAL};
    memcpy(options.seed, grandpa.seed, sizeof options.seed);
    if (!add_more(node, &author, &options)) return false;
    node->author   = author_new(node->chain, &author);
    node->finality = finality_new(node->chain, &options);
    memcpy(node->aura_key, aura.public_key, sizeof node->aura_key);
    memcpy(node->grandpa_key, grandpa.public_key, sizeof node->grandpa_key);
    crypto_wipe(&author, sizeof author);
    crypto_wipe(&options, sizeof options);
    key_wipe(&aura);
    key_wipe(&grandpa);
    if (node->author) catch_up(node);
    return node->author && node->finality;
}

static bool start_rpc(node_t *node)
{
    const config_t *c = node->config;
    const char *error = NULL;
    bool is_unsafe =
        c->rpc_methods == RPC_METHODS_UNSAFE || (c->rpc_methods == RPC_METHODS_AUTO && !c->is_rpc_external);
    const char *default_origins = c->is_dev ? "all"
                                            : "http://localhost:*,http://127.0.0.1:*,https://"
                                              "localhost:*,https://127.0.0.1:*,https://polkadot.js.org";
    rpc_options_t options       = {
              .io                = node->io,
              .chain             = node->chain,
              .pool              = node->pool,
              .author            = node->author,
              .finality          = node->finality,
              .wake              = node_wake,
              .wake_self         = node,
              .address           = c->is_rpc_external ? "0.0.0.0" : "127.0.0.1",
              .port              = c->rpc_port,
              .is_unsafe_allowed = is_unsafe,
              .origins           = c->rpc_cors ? c->rpc_cors : default_origins,
              .connections_max   = c->rpc_connections_max,
              .subscriptions_max = c->rpc_subscriptions_max,
              .request_max       = c->rpc_request_mib * MIB,
              .response_max      = c->rpc_response_mib * MIB,
              .batch_max         = c->rpc_batch_max,
              .has_no_batches    = c->has_no_rpc_batches,
              .calls_a_minute    = c->rpc_calls_a_minute,
              .unlimited_count   = c->rpc_unlimited_count,
              .keystore          = node->keystore,
              .aura_key          = node->author ? node->aura_key : NULL,
              .grandpa_key       = node->author ? node->grandpa_key : NULL,
              .log_filter        = c->log_filter,
              .peer_id           = node->peer_id,
              .node_name         = "trellis-node",
              .version           = TRELLIS_VERSION,
              .chain_name        = node->spec.name,
              .chain_type        = node->spec.type,
              .chain_id          = node->spec.id,
              .role              = node->author ? "Authority" : "Full",
    };
    memcpy(options.unlimited, c->rpc_unlimited, sizeof options.unlimited);
    node->rpc = rpc_new(&options, &error);
    if (!node->rpc)
        log_error(LOG_RPC, "the RPC port cannot be opened", LOG_U64("port", c->rpc_port),
                  LOG_TEXT("reason", error));
    return node->rpc != NULL;
}

/* The future queue has a tenth of the ready one's room, as Substrate's. */
static void limit_pool(const node_t *node)
{
    const config_t *c    = node->config;
    pool_limits_t limits = {.ready_max       = c->pool_count,
                            .future_max      = c->pool_count / 10,
                            .ready_bytes_max = (uint64_t)c->pool_kib * 1024,
                            .ban_ms          = (uint64_t)c->pool_ban_s * 1000};
    pool_limit(node->pool, &limits);
}

bool node_start(node_t *node, const config_t *config)
{
    *node = (node_t){.config = config};
    char error[CHAINSPEC_ERROR_CAP];
    if (!chainspec_open(config->chain, config->slot_ms, &node->spec, error)) {
        log_error(LOG_MAIN, "the chain spec cannot be used", LOG_TEXT("reason", error));
        return false;
    }
    if (!find_path(node) || !keystore_path(node->path, node->keystore) || !open_chain(node) ||
        !find_node_key(node))
        return false;
    node->io   = io_new();
    node->pool = pool_new(node->chain);
    pool_on_ready(node->pool, pool_is_ready, node);
    limit_pool(node);
    if (!node->io || !start_authority(node) || !start_rpc(node) || !node_metrics_start(node)) return false;
    chain_point_t best = chain_best(node->chain), genesis = chain_genesis(node->chain);
    log_info(LOG_MAIN, "node is up", LOG_TEXT("version", TRELLIS_VERSION), LOG_TEXT("name", config->name),
             LOG_TEXT("chain", node->spec.name), LOG_HASH("genesis", genesis.hash),
             LOG_TEXT("peer_id", node->peer_id), LOG_U64("best", best.number),
             LOG_U64("rpc_port", rpc_port(node->rpc)), LOG_TEXT("base_path", node->path));
    node_wake(node);
    return true;
}

void node_stop(node_t *node)
{
    node->is_stopping = true;
    if (node->timer) io_timer_stop(node->timer);
    node_metrics_stop(node);
    rpc_free(node->rpc);
    pool_free(node->pool);
    author_free(node->author);
    finality_free(node->finality);
    chain_free(node->chain);
    io_free(node->io);
    chainspec_free(&node->spec);
}
