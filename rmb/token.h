/* token.h - the login token of a relay: a JWT that calls itself RS512 and is signed by the twin's chain key.
 *
 * docs/formats/rmb.md 4.  Read first (twin, session, end of life), look up the twin, then verify. */
#ifndef TOKEN_H
#define TOKEN_H
#include "keyring.h"
#include "rmb.h"

#define TOKEN_MAX    2048 /* bytes of text; a token with the longest session name fits */
#define TOKEN_LIFE_S 300

typedef struct {
    uint32_t twin;
    uint64_t issued_s, expires_s;
    bool has_connection; /* false: the null session */
    char connection[RMB_CONNECTION_MAX + 1];
    bytes_t signed_text; /* points into the text that was read */
    uint8_t signature[65];
} token_t;

typedef enum {
    TOKEN_OK,
    TOKEN_MALFORMED,
    TOKEN_EXPIRED,
} token_status_t;

/* token_write makes a token of a twin for life_s seconds.  connection may be NULL.  Returns the length, or 0
 * when the connection is too long or the key cannot sign tokens (ecdsa). */
NODISCARD uint32_t token_write(const keypair_t *key, uint32_t twin, const char *connection, uint64_t now_s,
                               uint64_t life_s, char text[TOKEN_MAX + 1]);

/* token_read parses and checks the end of life, not the signature. */
NODISCARD token_status_t token_read(bytes_t text, uint64_t now_s, token_t *token);

/* token_verify: did the owner of the account sign it? */
NODISCARD bool token_verify(const token_t *token, const account_id_t *account);

#endif
