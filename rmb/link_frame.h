/* link_frame.h - what one nng message between two relays of one operator holds (docs/formats/rmb.md 8).
 *
 * The first byte says what it is; an empty message only says that its sender lives. */
#ifndef LINK_FRAME_H
#define LINK_FRAME_H
#include "bus_frame.h"

#define LINK_WINDOW      2048        /* envelopes that are not acknowledged */
#define LINK_BYTES       (32u << 20) /* of them, but that one fits always */
#define LINK_BATCH_LEN   (512u << 10)
#define LINK_DOMAINS_CAP 2048

typedef enum {
    LINK_WELCOME  = 1, /* listener: domains */
    LINK_REFUSED  = 2, /* listener: text */
    LINK_HELLO    = 5, /* dialer: domains */
    LINK_ENVELOPE = 6, /* dialer: (seq u32, length u32, envelope), any number */
    LINK_HEARD    = 8, /* dialer: leave to send the next LINK_ACK, as nng drops what waits */
    LINK_ACK      = 7, /* listener: (seq u32, status u8), any number */
} link_kind_t;

typedef enum { LINK_TAKEN = 0, LINK_FINAL = 1, LINK_AGAIN = 2 } link_status_t;

typedef struct {
    uint32_t seq;
    bytes_t envelope;     /* of LINK_ENVELOPE */
    link_status_t status; /* of LINK_ACK */
} link_item_t;

typedef struct {
    link_kind_t kind;
    bytes_t text; /* of LINK_WELCOME, LINK_HELLO (domains joined by '_') and LINK_REFUSED */
    bytes_t left;
    bool is_failed;
} link_reader_t;

/* link_read is false when a message has no known form; link_next then gives the items of LINK_ENVELOPE and
 * LINK_ACK until it is false, and is_failed says whether what was left was malformed. */
NODISCARD bool link_read(bytes_t message, link_reader_t *reader);
NODISCARD bool link_next(link_reader_t *reader, link_item_t *item);

/* Writing; bus_writer_reset before the first. */
void link_write_text(bus_writer_t *writer, link_kind_t kind, const char *text);
void link_write_envelope(bus_writer_t *writer, uint32_t seq, bytes_t envelope);
void link_write_ack(bus_writer_t *writer, uint32_t seq, link_status_t status);

#endif
