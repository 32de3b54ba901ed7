/* relay_row.h - a waiting message as the store on disk has it: keys, and the value (docs/formats/rmb.md 6).
 *
 *     'm' address seq     a message that waits for a session here     value: end, address, envelope
 *     'o' seq             one that waits for another relay            value: the same
 *     'd' end seq         the end of an 'm' row                       value: the key of that row
 *
 * An address is the twin (4), whether it has a connection (1), the connection's length (1) and its bytes.
 * Numbers are big-endian, so that keys are in order of their numbers. */
#ifndef RELAY_ROW_H
#define RELAY_ROW_H
#include "relay.h"

#define RELAY_ROW_KEY_MAX  (1 + 4 + 1 + 1 + RMB_CONNECTION_MAX + 8)
#define RELAY_ROW_HEAD_MAX (8 + 4 + 1 + 1 + RMB_CONNECTION_MAX)

/* Room for a key, and for what is before the envelope in a value. */
typedef struct {
    uint8_t b[RELAY_ROW_KEY_MAX];
    uint32_t len;
} relay_row_key_t;

relay_row_key_t relay_row_key(const relay_row_t *row);
relay_row_key_t relay_row_end_key(const relay_row_t *row);   /* of a row that is not outward */
relay_row_key_t relay_row_head(const relay_row_t *row);      /* the value without the envelope */
relay_row_key_t relay_row_prefix(const relay_address_t *to); /* of the keys of one address; seq follows */
relay_row_key_t relay_row_after(const relay_address_t *to, uint64_t seq); /* the first key behind seq */

/* relay_row_decode reads what relay_row_key and relay_row_head wrote; false for anything else.  row->wire
 * lies in value. */
NODISCARD bool relay_row_decode(bytes_t key, bytes_t value, relay_row_t *row);

/* relay_row_end_decode reads the key of an end. */
NODISCARD bool relay_row_end_decode(bytes_t key, uint64_t *end_s, uint64_t *seq);

#endif
