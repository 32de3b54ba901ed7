/* base58.h - bytes as base-58 text, with Bitcoin's alphabet.
 *
 * For short data, addresses: the time grows with the square of the length. */
#ifndef BASE58_H
#define BASE58_H
#include "base.h"

#define BASE58_BYTES_MAX 128
#define BASE58_TEXT_MAX  176 /* of that many bytes, without the zero */

/* base58_encode writes v, at most BASE58_BYTES_MAX bytes, and a zero.  Fails when text has no room. */
NODISCARD bool base58_encode(char *text, uint32_t cap, bytes_t v);

/* base58_decode fails on a character outside the alphabet, and when more than cap bytes come out. */
NODISCARD bool base58_decode(bytes_t text, uint8_t *out, uint32_t cap, uint32_t *len);

#endif
