/* logs.h - what a machine prints, sent on: one process per workload, which outlives the agent.
 *
 * The agent writes logs.json into the workload's folder and runs `zos-logs FOLDER`.  That returns when the
 * sender runs (0) or could not be started (1, and why on standard error).  The sender holds FOLDER/lock, is
 * named by FOLDER/run as a machine is by its shim, and reads the machine's log: what waits for a target that
 * is slow or away waits there, at most LOGS_BEHIND_MAX of it; what is older is skipped, counted and said. */
#ifndef LOGS_H
#define LOGS_H
#include "host.h"

#define LOGS_BEHIND_MAX (1u << 20)
#define LOGS_KEPT       (256u << 10) /* of what waits, when the rest is skipped */
#define LOGS_PIECE      8192         /* one message: a datagram, a PUBLISH, a frame */
#define LOGS_TAIL       256
#define LOGS_WORD_MAX   127 /* of a channel, a path, a user, a password */

typedef enum { LOGS_TCP, LOGS_UDP, LOGS_REDIS, LOGS_WS, LOGS_WSS } logs_kind_t;

typedef struct {
    logs_kind_t kind;
    uint8_t ip[4];
    uint16_t port;
    char user[LOGS_WORD_MAX + 1], password[LOGS_WORD_MAX + 1]; /* of redis */
    uint32_t database;                                         /* of redis */
    char path[LOGS_WORD_MAX + 1];                              /* the channel, or the path with its '/' */
    bool is_pinned;  /* of wss: its key is the one with this SHA-256 */
    uint8_t pin[32]; /* of the SubjectPublicKeyInfo */
} logs_target_t;

/* logs_target_parse reads tcp://IP:PORT, udp://IP:PORT, redis://[[USER]:PASSWORD@]IP[:PORT][/DB]/CHANNEL,
 * ws://IP[:PORT][/PATH] or wss://IP[:PORT][/PATH][#sha256=HEX].  False, and error is for the user: names are
 * not looked up. */
NODISCARD bool logs_target_parse(const char *url, logs_target_t *target, char error[128]);

/* logs_ensure makes the sender run, with this target and in its network as it is now. */
host_result_t logs_ensure(const host_t *host, const logs_plan_t *plan);

/* What FOLDER/sent holds: where in the log it is, and what became of the rest. */
typedef struct {
    uint64_t offset;        /* the next byte of the log */
    uint64_t sent, skipped; /* bytes, ever */
    uint32_t tail_len;
    uint8_t tail[LOGS_TAIL]; /* the bytes before the offset: a log that was cut is known by them */
} logs_state_t;
NODISCARD bool logs_state(const host_t *host, const char *wid, logs_state_t *state);

#endif
