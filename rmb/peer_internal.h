/* peer_internal.h - what the files of the peer share; see peer.h. */
#ifndef PEER_INTERNAL_H
#define PEER_INTERNAL_H
#include "envelope.h"
#include "io.h"
#include "peer.h"
#include "peer_link.h"

#define PEER_TICK_MS    250
#define PEER_INPUTS_MAX 1024 /* envelopes that wait for the record of their sender, and their bytes */
#define PEER_INPUTS_LEN (64u << 20)
#define PEER_OUT_MAX    4096 /* envelopes of ours that wait; more are refused */
#define REPLAY_SETS_MIN 64
#define REPLAY_SETS_MAX (1u << 18) /* a million requests within the life of one; 24 MiB */
#define REPLAY_WAYS     4

/* An envelope of ours, until it is answered, acknowledged or expired. */
typedef struct out {
    peer_t *peer;
    uint64_t ticket;
    bool is_request; /* else a reply, which only has to be sent */
    bool is_error;
    enum { OUT_NEW, OUT_LOOKING_SELF, OUT_LOOKING, OUT_READY, OUT_PAUSED, OUT_SENT, OUT_DONE } stage;
    bool is_acked, is_dropped, is_forged;
    bool is_encryptable;  /* our own key is on the chain */
    peer_status_t status; /* of OUT_DONE */
    peer_link_t *link;    /* of OUT_SENT */
    uint64_t deadline_s, dropped_ms;
    uint32_t refusals; /* of a reply; in OUT_PAUSED dropped_ms is when the last one came */
    peer_return_t to;  /* uid and destination */
    char command[PEER_COMMAND_MAX + 1];
    char *tags, *schema; /* of schema NULL: application/json, empty: none */
    uint32_t error_code;
    char *error_message;
    uint8_t *payload;
    uint32_t payload_len;
    uint8_t *wire; /* once the destination is known */
    uint32_t wire_len;
    void (*on_safe)(void *context);
    peer_answer_fn done;
    void *context;
    struct out *next;
} out_t;

/* An envelope that came, until its sender's record is there. */
typedef struct in {
    peer_t *peer;
    peer_link_t *link; /* to be told when it was dealt with, by its ticket */
    uint64_t ticket;
    bool is_open;  /* the link waits for it */
    bool is_asked; /* the chain, and it did not answer yet */
    bool *is_gone; /* set when it is freed: of who looks at it still */
    envelope_t envelope;
    uint8_t *memory; /* what the envelope points into */
    uint32_t len;
    struct in *next, **back;
} in_t;

/* Requests that were handled: who sends one again within its life is not heard. */
typedef struct {
    uint8_t id[16];
    uint64_t deadline_s; /* 0: free */
} replay_t;

struct peer {
    peer_config_t config;
    keypair_t key;
    char connection[RMB_CONNECTION_MAX + 1];
    char ca_file[4096];
    char urls[PEER_RELAYS_CAP][RMB_URL_MAX];
    bool has_pk;
    uint8_t secret[32], pk[RMB_PK_LEN];
    peer_link_t *links[PEER_RELAYS_CAP];
    uint32_t link_count;
    out_t *outs, **outs_end;
    uint32_t out_count;
    in_t *ins, **ins_end; /* in the order that they came */
    uint32_t in_count;
    size_t in_len;
    uint64_t in_asked_ms; /* when the chain was asked again last */
    uint64_t last_ticket;
    io_timer_t *tick_timer, *work_timer;
    struct {
        char uid[RMB_UID_MAX + 1];
        uint64_t sent_ms;
        peer_pong_fn done; /* NULL: none is under way */
        void *context;
    } ping;
    replay_t (*replays)[REPLAY_WAYS]; /* grows when it is needed */
    uint32_t replay_sets;
    uint64_t replay_count; /* requests that were dropped */
    bool is_closing;
    bool *is_freed; /* set when it is freed: of who looks at it still */
};

/* ---- peer_out.c: what we send ---- */

/* peer_work_soon has what is to be sent sent from the loop. */
void peer_work_soon(peer_t *peer);
out_t *peer_out_new(peer_t *peer, const peer_return_t *to, bool is_request, bytes_t payload, uint64_t life_s);
out_t *peer_out_get(peer_t *peer, const char *uid);
void peer_out_done(out_t *out, peer_status_t status);
/* peer_out_pause has a reply that the relay refused sent again later; false: it was often enough. */
bool peer_out_pause(out_t *out);
void peer_outs_free(peer_t *peer);
void peer_outs_resend(peer_t *peer, const peer_link_t *lost);
void peer_outs_tick(peer_t *peer);

/* peer_link_choose is the link to send by, or NULL. */
peer_link_t *peer_link_choose(const peer_t *peer);

/* peer_out_tell calls done of a request, and takes it off. */
void peer_out_tell(out_t *out, const peer_answer_t *answer);

/* ---- peer_in.c: what comes ---- */

bool peer_input(void *self, peer_link_t *link, uint64_t ticket, bytes_t wire, char uid[RMB_UID_MAX + 1]);
void peer_ins_free(peer_t *peer);

/* peer_ins_lost drops what a lost session brought and is not taken: the relay brings it again. */
void peer_ins_lost(peer_t *peer, const peer_link_t *link);

/* peer_ins_tick asks the chain again for senders that it did not tell, and drops what expired. */
void peer_ins_tick(peer_t *peer);

/* peer_ponged ends the ping that is under way. */
void peer_ponged(peer_t *peer, bool is_answered);

/* peer_now_s is Unix time. */
uint64_t peer_now_s(const peer_t *peer);

#endif
