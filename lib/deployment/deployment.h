/* deployment.h - what a user wants to run under one node contract: parsed, checked, hashed, signed.
 *
 * A deployment is JSON (docs/formats/deployment.md); the contract on the chain holds its hash.  It is parsed
 * once, strictly; keys that are not known are kept and change nothing.  All texts are zero-terminated UTF-8
 * without zeros inside, and belong to the deployment.
 *
 *     char error[DEPLOYMENT_ERROR_MAX + 1];
 *     deployment_t *deployment = deployment_parse(text, error);
 *     deployment_form_t form;
 *     if (!deployment || !deployment_valid(deployment, error)) refuse(error);
 *     if (!deployment_has_hash(deployment, contract.deployment_hash, &form)) refuse("wrong hash"); */
#ifndef DEPLOYMENT_H
#define DEPLOYMENT_H
#include "keyring.h"

#define DEPLOYMENT_JSON_MAX      (1u << 20) /* bytes; what one signed text may make a node keep */
#define DEPLOYMENT_ERROR_MAX     255
#define DEPLOYMENT_NAME_MAX      36
#define DEPLOYMENT_TEXT_MAX      65536 /* of metadata, env values, entry points */
#define DEPLOYMENT_HASH_TEXT_LEN 32    /* hex digits of the MD5; as ASCII the contract's deployment_hash */
#define DEPLOYMENT_LIST_CAP      512   /* workloads, peers, env entries and every other list, each */
#define DEPLOYMENT_PORTS_CAP     32
#define DEPLOYMENT_MEMORY_MIN    (UINT64_C(250) << 20)
#define DEPLOYMENT_CPU_MAX       255
#define DEPLOYMENT_SIZE_MAX      (UINT64_C(1) << 53)

struct json_t; /* jansson's */

/* In the order of their installation: what comes later may stand on what comes before. */
typedef enum {
    WORKLOAD_ZMOUNT,
    WORKLOAD_VOLUME,
    WORKLOAD_QSFS,
    WORKLOAD_NETWORK,
    WORKLOAD_NETWORK_LIGHT,
    WORKLOAD_IPV4,
    WORKLOAD_IP,
    WORKLOAD_ZMACHINE,
    WORKLOAD_ZMACHINE_LIGHT,
    WORKLOAD_ZLOGS,
    WORKLOAD_ZDB,
    WORKLOAD_GATEWAY_NAME,
    WORKLOAD_GATEWAY_FQDN,
    WORKLOAD_KIND_COUNT
} workload_kind_t;

/* workload_kind_text is the name on the wire, as "zmachine-light"; workload_kind_parse reads it. */
const char *workload_kind_text(workload_kind_t kind);
NODISCARD bool workload_kind_parse(const char *text, workload_kind_t *kind);

/* ---- data of each kind ---- */

/* An address with or without a prefix length, as text: as it came, and as Go prints it ("<nil>" when empty).
 */
typedef struct {
    const char *text; /* "" when not given */
    char canonical[50];
    bool is_given, is_v6;
    uint8_t address[16]; /* 4 bytes used of IPv4 */
    uint8_t prefix;      /* of a network */
} deployment_ip_t;

typedef struct {
    deployment_ip_t subnet;
    const char *public_key, *endpoint;
    const deployment_ip_t *allowed_ips;
    uint32_t allowed_ip_count;
} network_peer_t;

typedef struct {
    deployment_ip_t ip_range, subnet; /* networks; ip_range may be missing in network-light */
    const char *private_key;          /* WireGuard's, base64; "" for none */
    uint16_t listen_port;             /* 0 for none */
    const network_peer_t *peers;
    uint32_t peer_count;
    bool has_mycelium;
    const char *mycelium_key; /* hex */
    const char *const *mycelium_peers;
    uint32_t mycelium_peer_count;
} network_data_t;

typedef struct {
    const char *network; /* name of a network of the same twin */
    deployment_ip_t ip;
} machine_interface_t;

typedef struct {
    const char *name; /* of a zmount, volume or qsfs of the same deployment */
    const char *mountpoint;
} machine_mount_t;

typedef struct {
    const char *key, *value;
} machine_env_t;

typedef struct {
    const char *flist;     /* names an image */
    const char *public_ip; /* zmachine: "" or a workload's name */
    bool is_planetary;     /* zmachine */
    bool has_mycelium;
    const char *mycelium_network, *mycelium_seed;
    const machine_interface_t *interfaces;
    uint32_t interface_count;
    uint64_t size; /* of the root file system, bytes; may be 0 */
    uint8_t cpu;
    uint64_t memory; /* bytes */
    const machine_mount_t *mounts;
    uint32_t mount_count;
    const char *entrypoint;
    const machine_env_t *env; /* sorted by key */
    uint32_t env_count;
    bool is_corex;
    const char *const *gpus;
    uint32_t gpu_count;
} machine_data_t;

typedef struct {
    uint64_t size;
    const char *mode, *password;
    bool is_public;
} zdb_data_t;

typedef struct {
    const char *name; /* of gateway-fqdn-proxy the fqdn */
    bool is_tls_passthrough;
    const char *const *backends;
    uint32_t backend_count;
    const char *network; /* "" for none */
} gateway_data_t;

typedef struct {
    const char *address, *space, *password;
} qsfs_backend_t;

typedef struct {
    const qsfs_backend_t *backends;
    uint32_t backend_count;
} qsfs_group_t;

typedef struct {
    uint64_t cache;
    uint32_t minimal_shards, expected_shards, redundant_groups, redundant_nodes, max_data_dir_size;
    const char *algorithm, *key;
    const char *meta_type, *meta_prefix, *meta_algorithm, *meta_key;
    qsfs_group_t meta;
    const qsfs_group_t *groups;
    uint32_t group_count;
    const char *compression;
} qsfs_data_t;

typedef struct {
    uint32_t version;
    workload_kind_t kind;
    const char *name, *metadata, *description;
    union {
        uint64_t size; /* zmount, volume: bytes */
        network_data_t network;
        machine_data_t machine;
        zdb_data_t zdb;
        struct {
            bool v4, v6;
        } ip;
        gateway_data_t gateway;
        qsfs_data_t qsfs;
        struct {
            const char *machine, *output;
        } zlogs;
    };
    struct json_t *json; /* the workload as it came; the deployment's */
} workload_t;

typedef struct {
    uint32_t twin_id, weight;
    bool is_required;
} signature_request_t;

typedef struct {
    uint32_t twin_id;
    const char *signature, *kind; /* hex; "sr25519", anything else is ed25519 */
} deployment_signature_t;

typedef struct deployment {
    uint32_t version, twin_id;
    uint64_t contract_id;
    const char *metadata, *description;
    int64_t expiration_s;
    workload_t *workloads; /* in the order of the array */
    uint32_t workload_count;
    const signature_request_t *requests;
    uint32_t request_count;
    uint32_t weight_required;
    const deployment_signature_t *signatures;
    uint32_t signature_count;
    const char *signature_style; /* "" or "polka-wallet" */
    struct json_t *json;         /* all as it came; the deployment's */
    arena_t arena;               /* holds what the pointers point to */
} deployment_t;

/* ---- parse and check ---- */

/* deployment_parse reads JSON; NULL, and error says what is wrong and where, when a type, a size or a list's
 * length does not fit.  deployment_free frees all; NULL is ignored. */
deployment_t *deployment_parse(bytes_t text, char error[DEPLOYMENT_ERROR_MAX + 1]);
deployment_t *deployment_from_json(const struct json_t *json, char error[DEPLOYMENT_ERROR_MAX + 1]);
void deployment_free(deployment_t *deployment);

/* deployment_valid checks the rules that hold without looking at the chain or at another deployment: names,
 * versions, sizes, references within the deployment. */
NODISCARD bool deployment_valid(const deployment_t *deployment, char error[DEPLOYMENT_ERROR_MAX + 1]);

/* deployment_workload finds a workload by its name; NULL when there is none. */
const workload_t *deployment_workload(const deployment_t *deployment, const char *name);

bool workload_is_machine(const workload_t *workload);
bool workload_is_network(const workload_t *workload);
bool workload_is_disk(const workload_t *workload); /* zmount or volume */

/* workload_can_update says whether a workload of this kind may change in place. */
bool workload_can_update(workload_kind_t kind);

/* What a workload takes: virtual cores, bytes of memory, SSD and HDD, public IPv4 addresses. */
typedef struct {
    uint64_t cru, mru, sru, hru, ipv4u;
} capacity_t;
capacity_t workload_capacity(const workload_t *workload);

/* machine_root_size is the size of a machine's root file system: the size asked for, at least the minimum. */
uint64_t machine_root_size(const machine_data_t *machine);

/* ---- ports that a machine publishes: its metadata as {"ports":[{"proto","host","guest"}]} ---- */

typedef struct {
    bool is_udp;
    uint16_t host, guest;
} machine_port_t;

/* workload_ports reads them.  Metadata that is other text, or JSON without "ports", publishes none.  False,
 * and error, when "ports" is there and not of this form, or names one host port twice. */
NODISCARD bool workload_ports(const workload_t *workload, machine_port_t ports[DEPLOYMENT_PORTS_CAP],
                              uint32_t *count, char error[DEPLOYMENT_ERROR_MAX + 1]);

/* ---- backends of a gateway ---- */

typedef struct {
    char address[46]; /* of an IP, as it came, without brackets */
    bool is_v6;
    uint8_t ip[16]; /* 4 bytes used of IPv4 */
    uint16_t port;
} gateway_backend_t;

/* gateway_backend reads one: http://IP[:port], or IP:port when TLS is passed through; an IPv6 address is in
 * brackets.  False for another form, and for an address that is the node itself (zos-protocol, "backends").
 */
NODISCARD bool gateway_backend(const gateway_data_t *gateway, uint32_t index, gateway_backend_t *backend);

/* ---- hash ---- */

/* Clients print some fields in different ways before they hash them. */
typedef enum {
    DEPLOYMENT_FORM_GO,       /* zos and the Go clients: addresses printed anew */
    DEPLOYMENT_FORM_JS,       /* grid_client: addresses as they came */
    DEPLOYMENT_FORM_JS_LIGHT, /* grid_client's light network class: what is missing is "" or "undefined" */
    DEPLOYMENT_FORM_COUNT
} deployment_form_t;

/* deployment_challenge gives the text that is hashed, the caller's to free(); NULL when memory is short.
 * workload_challenge is the part of one workload. */
char *deployment_challenge(const deployment_t *deployment, deployment_form_t form);
char *workload_challenge(const workload_t *workload, deployment_form_t form);

/* deployment_hash writes the MD5 of the challenge: what is signed.  deployment_hash_text writes it as 32
 * lower-case hex digits and a zero: what the contract holds. */
NODISCARD bool deployment_hash(const deployment_t *deployment, deployment_form_t form, uint8_t hash[16]);
NODISCARD bool deployment_hash_text(const deployment_t *deployment, deployment_form_t form,
                                    char text[DEPLOYMENT_HASH_TEXT_LEN + 1]);

/* deployment_has_hash: is this the contract's hash, in one of the forms (Go's is tried first)? */
NODISCARD bool deployment_has_hash(const deployment_t *deployment, const uint8_t contract_hash[32],
                                   deployment_form_t *form);

/* ---- signatures ---- */

typedef struct {
    uint32_t twin_id;
    account_id_t account; /* the twin's account on the chain */
} deployment_signer_t;

/* deployment_verify checks the signature of every request against its twin's account, and that the weights
 * suffice; the twin of the deployment must be among them.  signers holds the account of each request's twin,
 * in any order; one that is missing is an error. */
NODISCARD bool deployment_verify(const deployment_t *deployment, const deployment_signer_t *signers,
                                 uint32_t signer_count, char error[DEPLOYMENT_ERROR_MAX + 1]);

/* deployment_json_prepare completes a deployment that a person wrote: twin, contract, and what is missing of
 * version, texts and signature requirement (one request: the twin, weight 1).  It drops signatures and
 * results. json is changed in place. */
NODISCARD bool deployment_json_prepare(struct json_t *json, uint32_t twin_id, uint64_t contract_id);

/* deployment_json_sign appends the twin's signature to json["signature_requirement"]["signatures"] (in the
 * place of an older one of this twin): hash is deployment_hash of the parsed json.  Keys: ed25519 or sr25519.
 */
NODISCARD bool deployment_json_sign(struct json_t *json, const uint8_t hash[16], uint32_t twin_id,
                                    const keypair_t *key);

#endif
