/* bus_frame.h - what one nng message of a session holds (docs/formats/rmb.md 5).
 *
 * An envelope byte for byte, or a small frame.  No envelope begins with a byte below 8 (no protobuf field has
 * the number 0), so that the first byte tells; an empty message only says that its sender lives. */
#ifndef BUS_FRAME_H
#define BUS_FRAME_H
#include "rmb.h"

#define BUS_MESSAGE_MAX (RMB_MESSAGE_MAX + (2u << 20)) /* acknowledgements, and a longest envelope */
#define BUS_BATCH_LEN   (1u << 20) /* a batch with more than this takes no further envelope */
#define BUS_BATCH_COUNT 256
#define BUS_ACKS_LEN    (512u << 10) /* acknowledgements that one peer may leave unread */
#define BUS_REASON_MAX  255

typedef enum {
    BUS_WELCOME  = 1, /* relay: the token is good */
    BUS_REFUSED  = 2, /* relay: it is not, or the session ends; text says why */
    BUS_ACK      = 3, /* both: (status, uid) of envelopes */
    BUS_BATCH    = 4, /* relay: envelopes and acknowledgements, each with its length before it */
    BUS_ENVELOPE = 8,
} bus_kind_t;

typedef enum { BUS_STORED = 0, BUS_DROPPED = 1 } bus_ack_t;

/* One thing in a message. */
typedef struct {
    bus_kind_t kind; /* never BUS_BATCH */
    bytes_t bytes;   /* of BUS_ENVELOPE, BUS_REFUSED (text), and the uid of BUS_ACK */
    bus_ack_t ack;
} bus_item_t;

typedef struct {
    bytes_t left, acks;
    bool is_batch, is_failed;
} bus_reader_t;

/* bus_read starts to read a message; bus_next gives its items until it is false, and bus_is_failed then says
 * whether the message was malformed. */
bus_reader_t bus_read(bytes_t message);
NODISCARD bool bus_next(bus_reader_t *reader, bus_item_t *item);
bool bus_is_failed(const bus_reader_t *reader);

/* A message that is being written; grows as needed, bus_writer_fini frees it. */
typedef struct {
    uint8_t *data;
    uint32_t len, cap;
} bus_writer_t;

void bus_writer_fini(bus_writer_t *writer);
void bus_writer_reset(bus_writer_t *writer); /* to an empty message */
void bus_writer_add(bus_writer_t *writer, const void *data, uint32_t len);
void bus_write_welcome(bus_writer_t *writer);
void bus_write_refused(bus_writer_t *writer, const char *reason);

/* bus_write_acks begins a frame of acknowledgements, which may stay empty. */
void bus_write_acks(bus_writer_t *writer);

/* bus_write_ack adds to a frame of acknowledgements that is the message so far, or begins one. */
void bus_write_ack(bus_writer_t *writer, bus_ack_t ack, const char *uid);

/* bus_write_batch begins a batch with the given acknowledgement frame (may be empty); then envelopes are
 * added. */
void bus_write_batch(bus_writer_t *writer, bytes_t acks);
void bus_write_envelope(bus_writer_t *writer, bytes_t envelope);

#endif
