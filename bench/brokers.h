/* brokers.h - what bench_brokers.c measures: servers that pass messages, each with a client of raw sockets.
 *
 * All clients are one loop over two sockets, a sender's and a receiver's, so that what differs is the server.
 * A client writes into buf_t out and reads what is in buf_t in. */
#ifndef BROKERS_H
#define BROKERS_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define BROKER_PAYLOAD 500 /* bytes of a message, as its receiver gets it */

typedef struct {
    uint8_t *data;
    uint32_t len, cap, at; /* at: what was written or read already */
} buf_t;

void buf_add(buf_t *buf, const void *data, uint32_t len);
void buf_text(buf_t *buf, const char *text);
void buf_take(buf_t *buf, uint32_t len); /* forgets the first bytes that are not taken */
uint32_t buf_left(const buf_t *buf);
const uint8_t *buf_at(const buf_t *buf);

typedef struct {
    int fd;
    bool is_receiver, is_ready;
    uint32_t number; /* of the session, when there are many */
    buf_t in, out;
} peer_socket_t;

/* One server.  pid is the process whose processor time is counted. */
typedef struct {
    const char *name, *what;
    uint16_t port;
    pid_t (*start)(const char *folder, uint16_t port);
    void (*hello)(peer_socket_t *peer); /* right after connecting */
    void (*publish)(peer_socket_t *peer, uint64_t number);
    /* input takes whole messages out of in; counts those that came (receiver) or are acknowledged (sender).
     * It may write to out, and sets is_ready. */
    uint32_t (*input)(peer_socket_t *peer);

    bool has_no_receiver;
} broker_t;

extern const broker_t broker_nats, broker_mosquitto, broker_redis_memory, broker_redis_durable;
extern const broker_t broker_relay_nng, broker_relay_web, broker_relay_acked, broker_relay_offline;

/* The relay's side, for what others have not. */
pid_t relay_start(const char *folder, uint16_t port);
void relay_prepare(void);

/* relay_pair_start runs two relays of different domains that know each other. */
typedef enum { PAIR_LINK, PAIR_HTTP, PAIR_HTTPS } relay_pair_t;
void relay_pair_start(const char *folder, uint16_t port, relay_pair_t by, pid_t pids[2]);
uint32_t relay_input_each(peer_socket_t *peer, void (*each)(void *context, const uint8_t *wire, uint32_t len),
                          void *context);
void relay_request(peer_socket_t *peer, uint32_t from, uint32_t to, uint64_t number);
#endif
