/* sim_actors.h - who speaks on the bus of the simulation, and what must be true of what they say.
 *
 * An actor is a program with a peer of rmb/ and a client of its own: it sends numbered notes to the others
 * and answers theirs.  All notes of a world are in one table, with what became of each: the checks read it.
 * The rogue is an actor with a session of its own that it abuses. */
#ifndef SIM_ACTORS_H
#define SIM_ACTORS_H
#include "keyring.h"
#include "rmb.h"
#include "sim.h"

#define ACTORS_CAP   12
#define ACTOR_RELAYS 3

typedef struct {
    const char *name;
    uint32_t twin;
    keypair_t key;
    const char *relays[ACTOR_RELAYS]; /* URLs */
    uint32_t relay_count;
    const char *const *nodes;
    uint32_t node_count;
    bool is_web;      /* its sessions are WebSockets, which say nothing of what arrived */
    bool is_roaming;  /* has several relays: no order is promised */
    bool is_fickle;   /* its key is on the chain at times only: what cannot be opened then may be refused */
    bool is_disputed; /* another actor has the same twin on another fork */
    machine_t *machine;
} actor_t;

void actors_start(void);
actor_t *actor_add(const actor_t *actor);
uint32_t actor_count(void);
actor_t *actor_at(uint32_t i);

/* actors_quiet: no more notes are sent. */
void actors_quiet(void);

/* actors_replayed: somebody else brings the envelope with this uid again; it may come out of order. */
void actors_replayed(const char *uid);

/* The rogue (sim_rogue.c) has a twin, a session by nng and the keys ("host:443") of inboxes; it listens on
 * the wire.  It sends in the name of others, with signatures that are not theirs, what is no envelope, and
 * what it heard before. */
machine_t *rogue_new(const keypair_t *key, uint32_t twin, const char *relay, const char *const *inboxes,
                     uint32_t inbox_count);
void rogue_end(void);

/* actors_lost is net_start's: a frame that had left the sender's hands and never arrived. */
void actors_lost(const char *key, bytes_t frame);

/* actors_check looks at all notes after the world was whole for a while.  The number of broken promises, each
 * printed; promises that break while the world runs are counted too. */
uint32_t actors_check(void);
uint32_t actors_broken(void);

typedef struct {
    uint32_t notes, safe, handled, answered, again, excused, forged;
} actors_stats_t;
void actors_stats(actors_stats_t *stats);

#endif
