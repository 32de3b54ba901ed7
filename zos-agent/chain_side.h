/* chain_side.h - the node's side of the chain: it registers, reports, checks contracts and follows them.
 *
 * What the chain says is the only memory of what was registered; what is still to be told is in the
 * database before it is sent, and leaves it when it is finalized.  Workloads start on the best block; they
 * are destroyed on finalized evidence alone (spec node-agent 11): a finalized cancellation, or a contract
 * that is missing at two different finalized blocks, and, where the client has several URLs, only when
 * another node says the same (ADR 18).  Time is the chain's Timestamp.Now.
 *
 * Everything is called from the loop, and calls back from it. */
#ifndef CHAIN_SIDE_H
#define CHAIN_SIDE_H
#include "client.h"
#include "deployment.h"
#include "engine.h"
#include "io.h"

#define CHAIN_RELAYS_CAP     4
#define CHAIN_INTERFACES_CAP 4
#define CHAIN_IPS_CAP        4
#define CHAIN_CHECK_MS       12000 /* for a contract to appear: inside the 20 s that clients wait */
#define CHAIN_UPTIME_MS      (UINT64_C(40) * 60 * 1000)
#define CHAIN_NRU_MS         (UINT64_C(60) * 60 * 1000)
#define CHAIN_RECONCILE_MS   (UINT64_C(3) * 60 * 1000)
#define CHAIN_ERROR_MAX      255

typedef struct chain_side chain_side_t;
typedef struct chain_check chain_check_t;

/* A network interface as the chain keeps it: name 3..20 of [a-z0-9_-], mac 17 characters, plain addresses. */
typedef struct {
    char name[21], mac[18];
    char ips[CHAIN_IPS_CAP][43];
    uint32_t ip_count;
} chain_interface_t;

/* chain_interface_find fills in the machine's first interface that leads outside, passing over those whose
 * name starts with except (may be NULL); without any, a made-up one without address.  name is what the chain
 * is told. */
void chain_interface_find(const char *name, const char *except, chain_interface_t *interface);

typedef struct {
    io_t *io;
    client_t *client;
    db_t *db;
    engine_t *engine;
    const keypair_t *key; /* the node's; copied, wiped at the end */

    const char *relays[CHAIN_RELAYS_CAP]; /* domains by which the node is reached; copied */
    uint32_t relay_count;
    const char *terms_link, *terms_hash; /* copied, as all texts */

    uint32_t farm_id;
    capacity_t capacity;
    const char *city, *country, *latitude, *longitude;
    const char *serial; /* NULL: none */
    chain_interface_t interfaces[CHAIN_INTERFACES_CAP];
    uint32_t interface_count;
    bool is_virtualized;

    uint64_t uptime_ms, nru_ms, reconcile_ms; /* 0: the defaults above */

    /* How many nodes beside the one that is followed must say that a contract is over before it is destroyed:
     * witnesses, if it is given, else one where the client has several URLs, and none where it has one. */
    bool has_witnesses;
    uint32_t witnesses;

    /* on_registered is called once: twin and node are on the chain as configured.  May be NULL. */
    void (*on_registered)(void *context, uint32_t twin_id, uint32_t node_id);
    /* on_desire is called after engine_desire changed what is wanted: give workers their next jobs.  May be
     * NULL. */
    void (*on_desire)(void *context);
    /* on_power_off is called when the farmer wants the node off, nothing is on it, and the chain knows that
     * it goes.  NULL: the node stays on. */
    void (*on_power_off)(void *context);
    void *context;
} chain_side_config_t;

/* chain_side_new starts to register, and then to report and to follow.  io, client, db and engine outlive it.
 * NULL when a text is missing or too long, or memory is short. */
chain_side_t *chain_side_new(const chain_side_config_t *config);

/* chain_side_free stops; checks that wait are dropped without an answer.  What was not reported is in the
 * database. */
void chain_side_free(chain_side_t *side);

/* chain_side_genesis reads of which chain the state is: of the one that the node was first registered on,
 * until it is purged.  False: of none yet.  A client that is given it (client_config_t) takes nodes of no
 * other. */
NODISCARD bool chain_side_genesis(db_t *db, hash_t *genesis);
#define CHAIN_NOTE_GENESIS "genesis"

/* ---- registration ---- */

/* Both are 0 until on_registered. */
uint32_t chain_side_twin_id(const chain_side_t *side);
uint32_t chain_side_node_id(const chain_side_t *side);

/* chain_side_relay is the relay as the twin has it on the chain: the domains, sorted, joined by '_'. */
const char *chain_side_relay(const chain_side_t *side);

/* ---- what the chain says of the node and its farm, at a finalized block ---- */

#define CHAIN_FARM_IPS_CAP 256

typedef struct {
    char ip[32], gateway[32];
    uint64_t contract_id; /* 0: free */
} chain_farm_ip_t;

typedef struct {
    bool is_known;
    uint32_t farmer_twin;
    char farm_name[64];
    bool is_certified, is_farm_gold, is_farm_dedicated;
    bool has_public_config;
    char ip4[32], gw4[32], ip6[64], gw6[64], domain[256]; /* "" for none */
    bool is_target_down, is_state_down; /* power: as the farmer wants it, as the node said */
    uint64_t extra_fee;                 /* of renting the whole node, in thousandths of a USD */
    uint64_t rent_contract;             /* 0: it is not rented */
    chain_farm_ip_t farm_ips[CHAIN_FARM_IPS_CAP];
    uint32_t farm_ip_count;
} chain_node_t;

const chain_node_t *chain_side_node(const chain_side_t *side);

/* ---- reports ---- */

/* chain_side_changed remembers that a contract's resources changed and reports them soon, several in one
 * call: what engine_config_t.on_change is to call.  Also before the node is registered. */
void chain_side_changed(chain_side_t *side, uint64_t contract_id);

/* ---- checks ---- */

typedef enum {
    CHAIN_CHECK_OK,
    CHAIN_CHECK_REFUSED,     /* the contract is not such: error says why, for the user */
    CHAIN_CHECK_UNAVAILABLE, /* the chain does not answer, does not have the contract yet, or the node is not
                                registered */
} chain_check_status_t;

#define CHAIN_NAMES_MAX 16 /* name gateways in one deployment */
#define CHAIN_NAME_MAX  63 /* a label of a domain name */

/* What a contract must say. */
typedef struct {
    uint64_t contract_id;
    uint32_t twin_id;    /* of the owner */
    uint32_t public_ips; /* how many public addresses it reserves */
    uint64_t wait_ms;    /* how long it is waited for; 0, or more than that: CHAIN_CHECK_MS */
    uint32_t hash_count; /* the hash in each form that clients use; one is enough */
    uint8_t hashes[DEPLOYMENT_FORM_COUNT][32];
    uint32_t name_count; /* of name gateways: each must have a name contract of the same twin */
    char names[CHAIN_NAMES_MAX][CHAIN_NAME_MAX + 1];
} chain_expected_t;

/* chain_expected_of takes it from a deployment.  False when memory is short, or it has too many or too long
 * names. */
NODISCARD bool chain_expected_of(const deployment_t *deployment, chain_expected_t *expected);

/* error is "" with CHAIN_CHECK_OK, valid during the call. */
typedef void (*chain_check_fn)(void *context, chain_check_status_t status, const char *error);

/* chain_side_check asks at the best block whether the contract is a node contract of this node and this twin,
 * created and neither cancelled nor in grace, with this hash and so many addresses.  A contract that is
 * missing, or has another hash, is waited for.  done is called once, never before
 * this returned.  NULL when memory is short. */
chain_check_t *chain_side_check(chain_side_t *side, const chain_expected_t *expected, chain_check_fn done,
                                void *context);

/* chain_check_cancel forgets a check whose done was not called yet. */
void chain_check_cancel(chain_check_t *check);

/* ---- figures ---- */

/* Other nodes, and what waits for them. */
typedef struct {
    uint32_t needed, others;       /* must confirm; could be asked beside the one that is followed */
    uint32_t waiting;              /* contracts that are over as one node says; they go on */
    uint32_t contradicted;         /* of these: another node says otherwise */
    uint64_t disagreements;        /* answers that contradicted, since the start */
    char why[CHAIN_ERROR_MAX + 1]; /* what the first that waits is held up by; "" when none waits */
} chain_witness_t;

typedef struct {
    bool is_connected, is_registered;
    uint32_t twin_id, node_id;
    uint32_t best, finalized; /* block numbers; 0 before the first */
    uint64_t chain_now_ms;    /* Timestamp.Now as last read; 0 before the first */
    uint64_t reports_sent;    /* finalized */
    uint64_t reports_failed;  /* tries that were refused or lost */
    uint32_t outbox;          /* reports that are not finalized yet */
    uint64_t paused;          /* contracts that an event paused, and that were deleted, since the start */
    uint64_t deleted;
    chain_witness_t witness;
} chain_figures_t;
void chain_side_figures(const chain_side_t *side, chain_figures_t *figures);

#endif
