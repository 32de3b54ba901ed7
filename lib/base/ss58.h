/* ss58.h - addresses as text: a network's prefix, an account or key, two bytes of checksum.
 *
 * docs/formats/keys.md 1.  Prefixes are 0 to 16383; 42 means any Substrate chain. */
#ifndef SS58_H
#define SS58_H
#include "base.h"

#define SS58_PREFIX   42
#define SS58_TEXT_MAX 52 /* of a 33-byte payload, without the zero */

/* ss58_encode writes a payload of 32 or 33 bytes and a zero.  text has SS58_TEXT_MAX + 1 bytes.
 * Fails on a prefix or a payload length that cannot be. */
NODISCARD bool ss58_encode(char *text, uint16_t prefix, bytes_t payload);

/* ss58_decode reads an address of any network; *len is 32 or 33. */
NODISCARD bool ss58_decode(bytes_t text, uint16_t *prefix, uint8_t payload[33], uint32_t *len);

/* ss58_account and ss58_account_decode do it for an account with prefix 42; decoding takes any prefix. */
void ss58_account(char text[SS58_TEXT_MAX + 1], const account_id_t *account);
NODISCARD bool ss58_account_decode(bytes_t text, account_id_t *account);

#endif
