/* chain_internal.h - the parts of the chain side, and what they share. */
#ifndef CHAIN_INTERNAL_H
#define CHAIN_INTERNAL_H
#include "chain_side.h"
#include "smart_contract_types.h"
#include "tfgrid_types.h"

#define CHAIN_KEY_CAP      160     /* of a storage key */
#define CHAIN_CALL_CAP     16384   /* of an encoded call */
#define CHAIN_ARENA        1048576 /* for one decoded value or event */
#define CHAIN_RELAY_CAP    1025
#define CHAIN_TEXT_MAX     2048
#define CHAIN_TEXTS_CAP    8
#define CHAIN_PK_LEN       33 /* compressed secp256k1 */
#define CHAIN_RETRY_MS     3000
#define CHAIN_RETRY_MAX    300000
#define REPORT_ROWS_CAP    50 /* contracts in one call */
#define CHAIN_REASON_GONE  "contract not active on chain"
#define CHAIN_EVIDENCE_CAP 264

/* A pause that doubles from CHAIN_RETRY_MS; 0 before the first. */
uint64_t chain_backoff(uint64_t pause_ms);

/* ---- chain_register.c ---- */

typedef struct {
    uint8_t pk[CHAIN_PK_LEN];
    bool has_pk, has_funds;
    uint64_t ticket, pause_ms;
    io_timer_t *timer;
    const char *doing; /* the call that is out */
} registration_t;

void register_start(chain_side_t *side);
void register_stop(chain_side_t *side);

/* ---- chain_watch.c ---- */

/* What is known of one contract beside the engine. */
typedef struct {
    uint64_t contract_id;
    uint32_t accepted; /* best block at which it was checked: finalized ones before it say nothing of it */
    uint32_t heard;    /* block of its last event: what older finalized blocks say of it is stale */
    uint32_t absent;   /* finalized block at which it was missing; 0: none */
    hash_t absent_hash;
} track_t;

typedef struct {
    uint32_t number;
    hash_t hash;
} place_t;

typedef struct {
    uint64_t best_ticket, final_ticket, ticket, time_ticket;
    place_t best, finalized;
    track_t *tracks;
    uint32_t track_count;

    uint64_t *contracts; /* of the pass under way */
    uint32_t contract_count, at;
    place_t pass; /* the finalized block that it reads */
    bool is_wanted, has_absent;
    io_timer_t *timer;
} watch_t;

void watch_start(chain_side_t *side);
void watch_stop(chain_side_t *side);

/* watch_reconcile compares all contracts with the last finalized block, soon. */
void watch_reconcile(chain_side_t *side);
void watch_accepted(chain_side_t *side, uint64_t contract_id, uint32_t number);
bool watch_has(const chain_side_t *side, uint64_t contract_id); /* does the engine still want it? */

typedef enum { VIEW_UNKNOWN, VIEW_ABSENT, VIEW_FOREIGN, VIEW_CREATED, VIEW_GRACE, VIEW_DELETED } view_t;

/* watch_read says what a value under a contract's key means; data NULL: nothing is there. */
view_t watch_read(chain_side_t *side, bytes_t value, smart_contract_contract_t *contract);

/* watch_destroy tells the engine: every proof is there. */
void watch_destroy(chain_side_t *side, uint64_t contract_id, const char *reason, const char *evidence);

/* watch_place writes "WHAT #NUMBER 0xHASH". */
void watch_place(char *text, size_t cap, const char *what, const place_t *place);

/* watch_note keeps what happened to a contract where the operator sees it, of what begins with "witness" the
 * newest. */
void watch_note(chain_side_t *side, uint64_t contract_id, const char *what, const char *why);

/* watch_view judges a contract as it was read at a finalized block; separate, so that tests can. */
void watch_view(chain_side_t *side, uint64_t contract_id, view_t view, const place_t *place);

/* watch_event follows an event that pauses or resumes, watch_retracted a block that is not of the chain any
 * more. */
typedef enum { FROM_BEST, FROM_FINALIZED } source_t;
void watch_event(chain_side_t *side, uint64_t contract_id, desired_t desired, const char *reason,
                 source_t source, const place_t *place);
void watch_retracted(chain_side_t *side, uint32_t number);

/* ---- chain_witness.c ---- */

typedef enum {
    WORD_NONE,
    WORD_OVER,
    WORD_OTHERWISE,
    WORD_ELSEWHERE, /* over, on another fork */
} word_t;

/* A contract that is over, as the node at URL number `speaker` says. */
typedef struct {
    uint64_t contract_id;
    const char *reason;
    char evidence[CHAIN_EVIDENCE_CAP];
    place_t place; /* the finalized block that shows it */
    uint32_t speaker;
    word_t words[CLIENT_URLS_CAP]; /* of the nodes at the other URLs, each at its own finalized block */
    place_t places[CLIENT_URLS_CAP];
    char why[CHAIN_ERROR_MAX + 1]; /* what was said otherwise last */
    bool is_asked, is_settled;     /* on this connection; in this round */
} claim_t;

typedef struct {
    uint32_t needed;
    claim_t *claims;
    uint32_t claim_count;
    uint64_t disagreements, pause_ms;
    char why[CLIENT_URLS_CAP][CHAIN_ERROR_MAX + 1]; /* a node could not be asked; "": it was */

    io_timer_t *timer; /* to the next round; while there is a client, to leave it */
    client_t *client;
    uint32_t url; /* that is asked */
    bool is_leaving;
    place_t final, at;    /* its finalized block, and the one that the question is about */
    place_t same;         /* its block of a number, as asked last */
    uint64_t ticket;      /* of the one question under way */
    uint64_t contract_id; /* that it is about */
    uint32_t number;
} witness_t;

void witness_start(chain_side_t *side);
void witness_stop(chain_side_t *side);

/* witness_claim destroys a contract as soon as enough other nodes say the same; witness_withdraw: the node
 * that is followed says at a later block that it is not over. */
void witness_claim(chain_side_t *side, uint64_t contract_id, const char *reason, const char *evidence,
                   const place_t *place);
void witness_withdraw(chain_side_t *side, uint64_t contract_id, const place_t *place);

/* witness_gap: the chain that is followed ends here now; what was claimed of later blocks is void. */
void witness_gap(chain_side_t *side, uint32_t number);

void witness_figures(const chain_side_t *side, chain_witness_t *figures);

/* ---- chain_report.c ---- */

typedef struct {
    int64_t id;
    uint64_t contract_id, bytes;
    int64_t at_s, window_s,
        dead; /* dead: the block by which an earlier try is in the chain or never will be */
} report_row_t;

/* What a contract was last reported to use, finalized. */
typedef struct {
    uint64_t contract_id;
    capacity_t used;
} reported_t;

/* One sender: a call with some rows, until it is final. */
typedef struct {
    report_row_t rows[REPORT_ROWS_CAP];
    capacity_t used[REPORT_ROWS_CAP];
    uint32_t count, at, most;
    uint64_t ticket, pause_ms;
    bool was_sent;
    io_timer_t *timer;
} sender_t;

typedef struct {
    bool is_started;
    uint64_t uptime_ticket, uptime_pause_ms, close_ticket;
    io_timer_t *uptime_timer, *close_timer;
    sender_t resources, traffic;
    reported_t *reported;
    uint32_t reported_count;
    uint64_t sent, failed;
} report_t;

/* report_prepare makes the tables; report_start begins to send: the node is on the chain. */
bool report_prepare(chain_side_t *side);
void report_start(chain_side_t *side);
void report_stop(chain_side_t *side);
void report_changed(chain_side_t *side, uint64_t contract_id);
void report_finalized(chain_side_t *side); /* a block became final: what waits for one goes on */
uint32_t report_backlog(const chain_side_t *side);

/* report_close turns what the counters said into rows, each window once: from the end of the last one to
 * now_s. */
void report_close(chain_side_t *side, int64_t now_s);

/* report_rows reads the oldest rows of a kind ("resources", "nru") that may be sent at a finalized block. */
uint32_t report_rows(chain_side_t *side, const char *kind, uint32_t finalized, uint32_t most,
                     report_row_t rows[REPORT_ROWS_CAP]);
void report_remove(chain_side_t *side, const report_row_t *row);

/* report_uptime_now does not wait for its time. */
void report_uptime_now(chain_side_t *side);

/* ---- chain_node.c ---- */

typedef struct {
    chain_node_t said, next; /* as read, and as it is being read */
    place_t place;
    size_t at;
    uint64_t ticket, power_ticket;
    uint32_t not_before; /* block of our last change */
    bool is_going_off;
    io_timer_t *timer;
} watch_node_t;

void node_start(chain_side_t *side);
void node_stop(chain_side_t *side);
void node_heard(chain_side_t *side, const runtime_event_t *event); /* of a finalized block */

/* ---- chain_verify.c ---- */

/* verify_wake asks again at once for every check that waits: a new best block is there. */
void verify_wake(chain_side_t *side);
void verify_stop(chain_side_t *side);

/* verify_reserve tells the engine which addresses a contract has: it gives no others. */
NODISCARD bool verify_reserve(chain_side_t *side, uint64_t contract_id,
                              const smart_contract_node_contract_t *contract);

/* verify_refusal says why a contract is not as expected, and cannot become so by waiting; NULL if nothing is
 * wrong. */
const char *verify_refusal(const chain_expected_t *expected, uint32_t node_id,
                           const smart_contract_contract_t *contract);

/* ---- chain_side.c ---- */

struct chain_side {
    chain_side_config_t config;
    keypair_t key;
    char *texts[CHAIN_TEXTS_CAP];
    uint32_t text_count;
    char relay[CHAIN_RELAY_CAP];
    uint8_t *memory; /* CHAIN_ARENA bytes */

    uint32_t twin_id, node_id;
    bool is_registered;
    uint64_t now_ms, paused, deleted;

    registration_t reg;
    watch_t watch;
    witness_t witness;
    report_t report;
    watch_node_t node;
    chain_check_t *checks;
};

/* chain_arena is the side's memory, empty again: what was decoded before is gone. */
arena_t chain_arena(chain_side_t *side);

bool chain_contract_decode(chain_side_t *side, bytes_t value, smart_contract_contract_t *contract);
uint64_t chain_read_time(chain_side_t *side, client_value_fn done);

/* chain_took_time keeps Timestamp.Now; false when it is none. */
bool chain_took_time(chain_side_t *side, const client_error_t *error, bytes_t value);

/* chain_registered is told once, by registration. */
void chain_registered(chain_side_t *side);

#endif
