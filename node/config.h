/* config.h - what the operator asked for: Substrate's flags, parsed once. */
#ifndef CONFIG_H
#define CONFIG_H
#include "author.h"
#include "log.h"
#include "rpc.h"

#define CONFIG_AUTHORITIES_MAX 6

typedef enum { RPC_METHODS_AUTO, RPC_METHODS_SAFE, RPC_METHODS_UNSAFE } rpc_methods_t;

typedef struct {
    const char *chain;                               /* "dev", "local", or a chain spec's file */
    const char *base_path;                           /* NULL: the default under the home folder */
    const char *name;                                /* of this node, for people */
    const char *authorities[CONFIG_AUTHORITIES_MAX]; /* secret URIs of development authorities: "//Alice" */
    uint32_t authority_count;
    bool is_dev, is_tmp, is_validator;
    uint16_t rpc_port, p2p_port, prometheus_port;
    bool is_rpc_external, is_rpc_unsafe_external, is_prometheus_external, has_prometheus;
    rpc_methods_t rpc_methods;
    const char *rpc_cors; /* origins by commas, or "all"; NULL: the default */
    uint32_t rpc_connections_max, rpc_subscriptions_max, rpc_request_mib, rpc_response_mib;
    uint32_t rpc_batch_max, rpc_calls_a_minute; /* 0: the default; any number */
    bool has_no_rpc_batches;
    rpc_network_t rpc_unlimited[RPC_NETWORKS_MAX]; /* whose calls are not counted */
    uint32_t rpc_unlimited_count;
    uint32_t pool_count, pool_kib, pool_ban_s;
    const char *node_key, *node_key_file; /* hexadecimal digits; a file; NULL: the chain's folder has it */
    sealing_t sealing;
    uint64_t slot_ms; /* of --sealing MS; 0: the chain's own slot */
    uint32_t db_cache_mib;
    bool is_unsynced;           /* --db-sync off */
    chain_keep_t state, blocks; /* --state-pruning, --blocks-pruning */
    const char *log_filter;     /* of log_filter; NULL: info */
    bool is_log_json;
} config_t;

typedef enum { CONFIG_RUN, CONFIG_EXIT, CONFIG_WRONG } config_result_t;

/* config_read reads the command line.  CONFIG_EXIT: help or the version was asked for and written.
 * CONFIG_WRONG: what was wrong, and what to do, is on standard error. */
config_result_t config_read(int argc, char **argv, config_t *config);

/* config_path is the folder of a chain's database: BASE_PATH/chains/ID of its chain spec; false when it is
 * too long, or there is no home. */
bool config_path(const config_t *config, const char *chain_id, char *path, size_t cap);

/* config_make_folders makes every folder on the way to path, this one included; on failure errno says why. */
bool config_make_folders(char *path);

#endif
