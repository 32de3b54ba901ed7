/* config.h - what the operator tells the agent: a JSON file, then options that go before it.
 *
 * docs/zos-agent.md lists every key.  A key that is not known is an error: a misspelt one would be missed. */
#ifndef CONFIG_H
#define CONFIG_H
#include "deployment.h"
#include "engine.h"
#include "host.h"
#include "keyring.h"
#include "rmb.h"

#define CONFIG_URLS_CAP    8
#define CONFIG_DOMAINS_CAP 4
#define CONFIG_ERROR_MAX   511

#define CONFIG_WITNESSES_AUTO UINT32_MAX /* 1 where substrate lists several nodes, else 0 */

typedef struct {
    char *state_dir, *run_dir, *prefix, *shim, *runtime, *pool_dir;
    uint64_t pool_size; /* 0: as much as the capacity's sru and hru */
    bool is_lan_blocked, is_user_space_off, is_ext4_forced, is_stopping_workloads;
    char *dns[4];
    char *gateway_domain, *gateway_address, *gateway_certificate; /* gateway_domain NULL: no gateway */
    uint32_t gateway_http_port, gateway_https_port;
    char *public_link, *public_net6, *public_gateway6; /* NULL: none */
    bool is_public_routed, is_ipv6_off;

    uint32_t zdb_port;    /* on the node, of the first database; 0: none are offered */
    char *zdb_address[4]; /* where databases are said to be reached; none: the node's own */
    char *vm_kernel;      /* NULL: no virtual machines */
    bool is_vm_default, is_vm_emulated;

    char *substrate[CONFIG_URLS_CAP];
    uint32_t substrate_count;
    uint32_t witnesses; /* of them, beside the one that is followed, must confirm what destroys */
    char *domains[CONFIG_DOMAINS_CAP]; /* of the relays this node is reached by */
    uint32_t domain_count;
    relay_at_t relay_at;
    char *ca_file, *key_file, *key_password_file, *seed, *key_kind;

    uint32_t farm_id;
    capacity_t capacity;
    overcommit_t overcommit;
    capacity_t reserved; /* for the system; mru 0: a tenth, at least 2 GiB */
    uint32_t trash_hours, image_days;
    uint64_t image_cache; /* bytes that the store may hold of images that nobody uses */
    uint32_t lanes;       /* deployments that are made, and that are taken away, at once */
    bool is_perf_off;
    char *iperf_servers; /* IP:PORT with commas: what the line's speed is measured with; NULL: none */
    char *power_off;     /* a program; NULL: the node never goes off */
    char *admin_twins;   /* numbers with commas: who may ask zos.debug beside the farmer; NULL: nobody */
    char *city, *country, *latitude, *longitude;
    char *continent, *country_code; /* NULL: not said */
    char *terms_link, *terms_hash;
    char *kyc_url;                             /* who says whether a twin is verified; NULL: nobody asks */
    uint32_t prometheus_port;                  /* 0: none */
    uint32_t uptime_s, nru_s, meter_s, sync_s; /* how often it reports, samples, compares with the chain */
    char *log_level;
    bool is_log_json, is_json; /* is_json: what commands print */
} config_t;

/* config_read takes options from argv (argv[0] is skipped) and the file that --config names.  *rest is the
 * first argument that is no option.  False, and error is for a person. */
NODISCARD bool config_read(config_t *config, int argc, char **argv, int *rest,
                           char error[CONFIG_ERROR_MAX + 1]);

/* config_check says what is missing for running the agent. */
NODISCARD bool config_check(const config_t *config, char error[CONFIG_ERROR_MAX + 1]);

/* config_key reads the node's key; wipe it. */
NODISCARD bool config_key(const config_t *config, keypair_t *key, char error[CONFIG_ERROR_MAX + 1]);

host_config_t config_host(const config_t *config);
void config_fini(config_t *config);

extern const char config_help[];

#endif
