/* envelope.h - one message of the bus: its bytes, its life, its signature.
 *
 * The bytes are rmb-rs's protobuf (docs/formats/rmb.md 1).  A decoded envelope points into the arena that
 * it was decoded with; texts end with a zero, NULL is "not present", which is not the same as empty. */
#ifndef ENVELOPE_H
#define ENVELOPE_H
#include "keyring.h"
#include "rmb.h"

#define ENVELOPE_SIGNATURE_LEN 65 /* prefix 'e' or 's', then 64 bytes */
#define ENVELOPE_RELAYS_CAP    16
#define ENVELOPE_ARENA_SPARE   (16u << 10) /* what decoding needs beside the length of the envelope */

typedef struct {
    uint32_t twin;          /* 0 as a source: a report of a relay */
    const char *connection; /* NULL: the null session */
} envelope_address_t;

typedef enum {
    ENVELOPE_NONE,
    ENVELOPE_REQUEST,
    ENVELOPE_RESPONSE,
    ENVELOPE_ERROR,
    ENVELOPE_PING,
    ENVELOPE_PONG
} envelope_kind_t;
typedef enum { PAYLOAD_NONE, PAYLOAD_PLAIN, PAYLOAD_CIPHER } envelope_payload_t;

typedef struct {
    const char *uid;
    const char *tags;
    uint64_t timestamp_s;
    uint64_t expiration_s; /* seconds of life from timestamp_s */
    bool has_source, has_destination;
    envelope_address_t source, destination;
    envelope_kind_t kind;
    const char *command; /* of a request */
    uint32_t error_code; /* of an error */
    const char *error_message;
    bytes_t signature; /* data NULL: not present */
    const char *schema;
    const char *federation;
    envelope_payload_t payload_kind;
    bytes_t payload;
    uint32_t relay_count;
    const char *relays[ENVELOPE_RELAYS_CAP];
} envelope_t;

typedef enum {
    ENVELOPE_OK,
    ENVELOPE_TOO_LONG,  /* above RMB_MESSAGE_MAX, or a text above its limit */
    ENVELOPE_MALFORMED, /* no protobuf of this message, text that is not UTF-8, or more fields than the arena
                           holds */
} envelope_status_t;

/* envelope_decode reads all of wire.  The arena should have wire.len + ENVELOPE_ARENA_SPARE bytes left;
 * nothing is taken from anywhere else. */
NODISCARD envelope_status_t envelope_decode(bytes_t wire, arena_t *arena, envelope_t *envelope);

/* envelope_encode writes the fields in order of their number (the JavaScript client writes errors and pings
 * in another order, which means the same).  envelope_encoded_len bytes come out; the caller has room for
 * them. */
uint32_t envelope_encoded_len(const envelope_t *envelope);
void envelope_encode(const envelope_t *envelope, uint8_t *wire);

/* envelope_challenge is the MD5 that is signed (docs/formats/rmb.md 2). */
void envelope_challenge(const envelope_t *envelope, uint8_t challenge[16]);

/* envelope_sign writes a signature by an ed25519 or sr25519 pair into signature and points the envelope to
 * it. */
NODISCARD bool envelope_sign(envelope_t *envelope, const keypair_t *key,
                             uint8_t signature[ENVELOPE_SIGNATURE_LEN]);

/* envelope_verify: did the owner of the account sign this envelope?  The prefix byte says the kind of key. */
NODISCARD bool envelope_verify(const envelope_t *envelope, const account_id_t *account);

/* envelope_uid writes a fresh random uid (UUID, version 4). */
void envelope_uid(char uid[37]);

/* envelope_left_s is how many seconds an envelope still lives; zero or less: it is expired. */
int64_t envelope_left_s(const envelope_t *envelope, uint64_t now_s);

/* envelope_stamp sets the timestamp to now and keeps the deadline: the seconds already lived are taken
 * from the expiration.  A timestamp of 0 or in the future is set to now, with all of its life left.
 * False when it is expired. */
NODISCARD bool envelope_stamp(envelope_t *envelope, uint64_t now_s);

/* envelope_expiration clamps what a sender asks for: 0 is RMB_EXPIRATION_S, at most RMB_EXPIRATION_S_MAX. */
uint64_t envelope_expiration(uint64_t asked_s);

/* envelope_has_tag looks for a word in the tags (split at commas and spaces, case matters). */
bool envelope_has_tag(const envelope_t *envelope, const char *tag);

#endif
