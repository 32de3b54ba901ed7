/* config.c - the command line of trellis-node. */

#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char help[] =
    "trellis-node - a node of the grid's chain, for clients made for Substrate\n"
    "\n"
    "  trellis-node --dev                       a chain of its own, kept under the base path\n"
    "  trellis-node --dev --tmp                 the same, removed when it stops\n"
    "  trellis-node --dev --sealing instant     a block for each extrinsic\n"
    "\n"
    "Chain\n"
    "  --dev                    the development chain, with Alice as its authority\n"
    "  --chain dev|local|FILE   which chain (default: dev with --dev); FILE: a chain spec, see build-spec\n"
    "  --base-path DIR, -d DIR  where the database is (default: ~/.local/share/trellis-node)\n"
    "  --tmp                    a new folder, removed when the node stops\n"
    "  --name NAME              the node's name, for people\n"
    "  --validator              make blocks, with the keys that key insert stored, or as --alice, --bob, "
    "...\n"
    "  --alice --bob --charlie --dave --eve --ferdie\n"
    "                           be this development authority; implies --validator.  Several make one node "
    "be\n"
    "                           all of them: --chain local has two, and needs both for a block to become "
    "final\n"
    "  --sealing instant|manual|MS\n"
    "                           a block for each extrinsic | only by the RPC engine_createBlock |\n"
    "                           slots of MS milliseconds (of a new chain; its slot is then MS for ever)\n"
    "  --db-cache MIB           memory for what is read of the database, at most (default 1024)\n"
    "  --db-sync on|off         wait for the disk after each block (default on); off: a power cut may lose "
    "the last ones\n"
    "  --state-pruning archive|archive-canonical|N\n"
    "                           keep the state of all blocks (default), or of the finalized one and N before "
    "it;\n"
    "                           of a new database: it stays so, N may change\n"
    "  --blocks-pruning archive|archive-canonical|N\n"
    "                           keep the bodies of all blocks, of all finalized ones (default), or of the "
    "last N\n"
    "\n"
    "RPC: JSON-RPC 2.0 over WebSocket and HTTP, on one port\n"
    "  --rpc-port PORT          (default 9944; 0: a free one, which the log names)\n"
    "  --rpc-external           listen on all interfaces, not only on this machine; a validator must say\n"
    "                           --unsafe-rpc-external, or --rpc-methods unsafe\n"
    "  --rpc-methods auto|safe|unsafe\n"
    "                           unsafe methods: on this machine only (auto), never, or always\n"
    "  --rpc-cors ORIGINS       browsers' origins that may ask, by commas; all; none (default: this machine; "
    "all with --dev)\n"
    "  --rpc-max-connections N  (default 100)\n"
    "  --rpc-max-subscriptions-per-connection N  (default 1024)\n"
    "  --rpc-max-request-size MIB, --rpc-max-response-size MIB  (default 15)\n"
    "  --rpc-max-batch-request-len N  (default 1000), --rpc-disable-batch-requests\n"
    "  --rpc-rate-limit N       calls a minute of a connection, over HTTP of an address (default: any "
    "number)\n"
    "  --rpc-rate-limit-whitelisted-ips NETWORKS\n"
    "                           whose calls are not counted, by commas: 10.0.0.0/8,::1/128\n"
    "\n"
    "Extrinsics that wait\n"
    "  --pool-limit N, --pool-kbytes KIB  (default 8192, 20480)\n"
    "  --tx-ban-seconds S       how long one that is not valid is not looked at again (default 1800)\n"
    "\n"
    "Network\n"
    "  --port PORT              for peers (default 30333).  This version has no peers yet: the port is not "
    "opened\n"
    "  --bootnodes ADDR ...     refused for the same reason\n"
    "  --node-key HEX, --node-key-file FILE\n"
    "                           who this node is for peers (default: network/secret_ed25519 in the chain's "
    "folder,\n"
    "                           made at the first start; see key generate-node-key)\n"
    "\n"
    "Operation\n"
    "  --prometheus-port PORT   metrics at http://127.0.0.1:PORT/metrics (default 9615)\n"
    "  --prometheus-external, --no-prometheus\n"
    "  --log LEVELS, -l LEVELS  error, warn, info or debug; also by part: info,rpc=debug (default info)\n"
    "  --log-json               one JSON object a line\n"
    "  --version, -V            --help, -h\n"
    "\n"
    "Commands: trellis-node COMMAND --help tells more\n"
    "  build-spec, export-state           a chain spec: of a new chain, or of a chain's state\n"
    "  export-blocks, import-blocks       the blocks of a chain in a file\n"
    "  check-block, revert, purge-chain   execute again; forget blocks; remove the database\n"
    "  key generate|inspect|insert|generate-node-key|inspect-node-key\n"
    "\n"
    "SIGTERM or Ctrl-C stops it cleanly; it may be killed at any time and goes on at its last block.\n";

static bool wrong(const char *what, const char *given, const char *advice)
{
    fprintf(stderr, "trellis-node: %s%s%s%s\n%s\n", what, given ? " '" : "", given ? given : "",
            given ? "'" : "", advice);
    return false;
}

static bool read_number(const char *flag, const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != 0 || value < least || value > most) {
        fprintf(stderr, "trellis-node: %s takes a number from %llu to %llu, not '%s'\n", flag,
                (unsigned long long)least, (unsigned long long)most, text);
        return false;
    }
    *out = value;
    return true;
}

static bool read_port(const char *flag, const char *text, uint16_t *port)
{
    uint64_t value;
    if (!read_number(flag, text, 1, 65535, &value)) return false;
    *port = (uint16_t)value;
    return true;
}

static bool read_rpc_port(const char *flag, const char *text, uint16_t *port)
{
    uint64_t value;
    if (!read_number(flag, text, 0, 65535, &value)) return false;
    *port = (uint16_t)value;
    return true;
}

static bool read_networks(const char *text, config_t *config)
{
    for (const char *at = text;;) {
        size_t len = strcspn(at, ",");
        if (config->rpc_unlimited_count == RPC_NETWORKS_MAX)
            return wrong("--rpc-rate-limit-whitelisted-ips takes at most 16 networks", NULL,
                         "name larger ones");
        if (!rpc_network_read(at, len, &config->rpc_unlimited[config->rpc_unlimited_count++]))
            return wrong("--rpc-rate-limit-whitelisted-ips does not know", text,
                         "take addresses or networks by commas: 10.0.0.0/8,::1/128");
        if (!at[len]) return true;
        at += len + 1;
    }
}

static bool read_u32(const char *flag, const char *text, uint32_t most, uint32_t *out)
{
    uint64_t value;
    if (!read_number(flag, text, 1, most, &value)) return false;
    *out = (uint32_t)value;
    return true;
}

static bool read_sealing(const char *text, config_t *config)
{
    if (strcmp(text, "instant") == 0)
        config->sealing = SEALING_INSTANT;
    else if (strcmp(text, "manual") == 0)
        config->sealing = SEALING_MANUAL;
    else
        return read_number("--sealing", text, 10, 3600000, &config->slot_ms);
    return true;
}

static bool read_methods(const char *text, config_t *config)
{
    static const char *const names[] = {"auto", "safe", "unsafe"};
    for (int i = 0; i < 3; i++)
        if (strcasecmp(text, names[i]) == 0) {
            config->rpc_methods = (rpc_methods_t)i;
            return true;
        }
    return wrong("--rpc-methods does not know", text, "take auto, safe or unsafe");
}

static bool read_log(const char *text, config_t *config)
{
    config->log_filter = text;
    return log_filter(text) ||
           wrong("--log does not know", text, "take error, warn, info or debug, or rpc=debug,info");
}

static bool read_sync(const char *text, config_t *config)
{
    config->is_unsynced = strcmp(text, "off") == 0;
    return config->is_unsynced || strcmp(text, "on") == 0 ||
           wrong("--db-sync does not know", text, "take on or off");
}

static bool read_keep(const char *flag, const char *text, uint64_t least, chain_keep_t *keep)
{
    uint64_t count;
    *keep = (chain_keep_t){.kind = CHAIN_KEEP_ALL};
    if (strcmp(text, "archive") == 0) return true;
    keep->kind = CHAIN_KEEP_CANONICAL;
    if (strcmp(text, "archive-canonical") == 0) return true;
    keep->kind = CHAIN_KEEP_LAST;
    if (text[0] < '0' || text[0] > '9')
        return wrong("this kind of pruning is not known:", text,
                     "take archive, archive-canonical or a number");
    if (!read_number(flag, text, least, UINT32_MAX / 2, &count)) return false;
    keep->count = (uint32_t)count;
    return true;
}

static bool refuse_peers(const char *text, config_t *config)
{
    (void)config;
    return text[0] == 0 ||
           wrong("--bootnodes cannot be used:", text, "this version of the node has no peers yet");
}

static bool is_any(const char *flag, const char *a, const char *b)
{
    return strcmp(flag, a) == 0 || (b && strcmp(flag, b) == 0);
}

/* Flags that stand alone; false when it is none. */
static bool read_switch(const char *flag, config_t *c)
{
    static const char *const names[] = {"alice", "bob", "charlie", "dave", "eve", "ferdie"};
    static const char *const uris[]  = {"//Alice", "//Bob", "//Charlie", "//Dave", "//Eve", "//Ferdie"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(flag, "--", 2) == 0 && strcmp(flag + 2, names[i]) == 0) {
            c->is_validator = true;
            for (uint32_t j = 0; j < c->authority_count; j++)
                if (c->authorities[j] == uris[i]) return true;
            c->authorities[c->authority_count++] = uris[i];
            return true;
        }
    bool *const found = is_any(flag, "--dev", NULL)                          ? &c->is_dev
                        : is_any(flag, "--tmp", NULL)                        ? &c->is_tmp
                        : is_any(flag, "--validator", "--authority")         ? &c->is_validator
                        : is_any(flag, "--rpc-external", NULL)               ? &c->is_rpc_external
                        : is_any(flag, "--unsafe-rpc-external", NULL)        ? &c->is_rpc_unsafe_external
                        : is_any(flag, "--rpc-disable-batch-requests", NULL) ? &c->has_no_rpc_batches
                        : is_any(flag, "--prometheus-external", NULL)        ? &c->is_prometheus_external
                        : is_any(flag, "--log-json", NULL)                   ? &c->is_log_json
                                                                             : NULL;
    if (found) *found = true;
    if (is_any(flag, "--no-prometheus", NULL)) {
        c->has_prometheus = false;
        return true;
    }
    /* Accepted because scripts made for Substrate give them; what they ask for is so anyway. */
    return found || is_any(flag, "--no-telemetry", "--no-mdns") ||
           is_any(flag, "--force-authoring", "--no-hardware-benchmarks");
}

/* Flags with a value: 1 taken, 0 unknown, -1 wrong. */
static int read_value(const char *flag, const char *text, config_t *c)
{
    bool fine = true;
    if (is_any(flag, "--chain", NULL))
        c->chain = text;
    else if (is_any(flag, "--base-path", "-d"))
        c->base_path = text;
    else if (is_any(flag, "--name", NULL))
        c->name = text;
    else if (is_any(flag, "--sealing", NULL))
        fine = read_sealing(text, c);
    else if (is_any(flag, "--rpc-port", "--ws-port"))
        fine = read_rpc_port(flag, text, &c->rpc_port);
    else if (is_any(flag, "--port", NULL))
        fine = read_port(flag, text, &c->p2p_port);
    else if (is_any(flag, "--prometheus-port", NULL))
        fine = read_port(flag, text, &c->prometheus_port);
    else if (is_any(flag, "--rpc-methods", NULL))
        fine = read_methods(text, c);
    else if (is_any(flag, "--rpc-cors", NULL))
        c->rpc_cors = text;
    else if (is_any(flag, "--rpc-max-connections", NULL))
        fine = read_u32(flag, text, 100000, &c->rpc_connections_max);
    else if (is_any(flag, "--rpc-max-subscriptions-per-connection", NULL))
        fine = read_u32(flag, text, 100000, &c->rpc_subscriptions_max);
    else if (is_any(flag, "--rpc-max-request-size", NULL))
        fine = read_u32(flag, text, 256, &c->rpc_request_mib);
    else if (is_any(flag, "--rpc-max-response-size", NULL))
        fine = read_u32(flag, text, 256, &c->rpc_response_mib);
    else if (is_any(flag, "--rpc-max-batch-request-len", NULL))
        fine = read_u32(flag, text, 100000, &c->rpc_batch_max);
    else if (is_any(flag, "--rpc-rate-limit", NULL))
        fine = read_u32(flag, text, 60000000, &c->rpc_calls_a_minute);
    else if (is_any(flag, "--rpc-rate-limit-whitelisted-ips", NULL))
        fine = read_networks(text, c);
    else if (is_any(flag, "--pool-limit", NULL))
        fine = read_u32(flag, text, 1000000, &c->pool_count);
    else if (is_any(flag, "--pool-kbytes", NULL))
        fine = read_u32(flag, text, 1 << 20, &c->pool_kib);
    else if (is_any(flag, "--tx-ban-seconds", NULL))
        fine = read_u32(flag, text, 1000000, &c->pool_ban_s);
    else if (is_any(flag, "--db-cache", NULL))
        fine = read_u32(flag, text, 65536, &c->db_cache_mib);
    else if (is_any(flag, "--db-sync", NULL))
        fine = read_sync(text, c);
    else if (is_any(flag, "--state-pruning", "--pruning"))
        fine = read_keep(flag, text, 0, &c->state);
    else if (is_any(flag, "--blocks-pruning", "--keep-blocks"))
        fine = read_keep(flag, text, 1, &c->blocks);
    else if (is_any(flag, "--log", "-l"))
        fine = read_log(text, c);
    else if (is_any(flag, "--node-key", NULL))
        c->node_key = text;
    else if (is_any(flag, "--node-key-file", NULL))
        c->node_key_file = text;
    else if (is_any(flag, "--bootnodes", NULL))
        fine = refuse_peers(text, c);
    else
        return 0;
    return fine ? 1 : -1;
}

static bool finish(config_t *c)
{
    if (!c->chain && !c->is_dev)
        return wrong("no chain was named", NULL,
                     "start a development chain with --dev, or take --chain dev|local|FILE");
    if (!c->chain) c->chain = "dev";
    if (c->is_dev && c->authority_count == 0) c->authorities[c->authority_count++] = "//Alice";
    if (c->is_dev) c->is_validator = true;
    if (c->is_rpc_external && c->is_validator && c->rpc_methods != RPC_METHODS_UNSAFE)
        return wrong("--rpc-external shouldn't be used if the node is running as a validator", NULL,
                     "use --unsafe-rpc-external or --rpc-methods=unsafe if you understand the risks");
    if (c->is_rpc_unsafe_external) c->is_rpc_external = true;
    if (c->node_key && c->node_key_file)
        return wrong("--node-key and --node-key-file exclude each other", NULL, "leave one of them out");
    if (c->is_tmp && c->base_path)
        return wrong("--tmp and --base-path exclude each other", NULL, "leave one of them out");
    return true;
}

config_result_t config_read(int argc, char **argv, config_t *config)
{
    *config = (config_t){.name                  = "trellis-node",
                         .rpc_port              = 9944,
                         .p2p_port              = 30333,
                         .prometheus_port       = 9615,
                         .has_prometheus        = true,
                         .rpc_connections_max   = 100,
                         .rpc_subscriptions_max = 1024,
                         .rpc_request_mib       = 15,
                         .rpc_response_mib      = 15,
                         .pool_count            = POOL_READY_MAX,
                         .pool_kib              = POOL_READY_BYTES_MAX / 1024,
                         .pool_ban_s            = POOL_BAN_MS / 1000,
                         .db_cache_mib          = 1024};
    for (int i = 1; i < argc; i++) {
        if (is_any(argv[i], "--help", "-h")) {
            fputs(help, stdout);
            return CONFIG_EXIT;
        }
        if (is_any(argv[i], "--version", "-V")) {
            puts("trellis-node " TRELLIS_VERSION);
            return CONFIG_EXIT;
        }
        if (read_switch(argv[i], config)) continue;
        char flag[64];
        const char *equals = strchr(argv[i], '=');
        const char *value  = equals ? equals + 1 : i + 1 < argc ? argv[i + 1] : NULL;
        snprintf(flag, sizeof flag, "%.*s", equals ? (int)(equals - argv[i]) : 63, argv[i]);
        int taken = read_value(flag, value ? value : "", config);
        if (taken == 0)
            wrong("there is no option", flag, "trellis-node --help lists them");
        else if (taken > 0 && !value)
            wrong("a value is missing after", flag, "trellis-node --help says which");
        if (taken <= 0 || !value) return CONFIG_WRONG;
        i += !equals;
    }
    return finish(config) ? CONFIG_RUN : CONFIG_WRONG;
}

bool config_path(const config_t *config, const char *chain_id, char *path, size_t cap)
{
    const char *home = getenv("HOME");
    int len;
    if (config->base_path)
        len = snprintf(path, cap, "%s/chains/%s", config->base_path, chain_id);
    else if (home && home[0])
        len = snprintf(path, cap, "%s/.local/share/trellis-node/chains/%s", home, chain_id);
    else
        return false;
    return len > 0 && (size_t)len < cap;
}

bool config_make_folders(char *path)
{
    for (char *at = path + 1;; at++) {
        if (*at != '/' && *at != 0) continue;
        char end     = *at;
        *at          = 0;
        bool is_made = mkdir(path, 0755) == 0 || errno == EEXIST;
        *at          = end;
        if (!is_made || end == 0) return is_made;
    }
}
