/* hex.h - bytes as hexadecimal text. */
#ifndef HEX_H
#define HEX_H
#include "base.h"

/* hex_encode writes 2 * v.len lower-case digits and a zero. */
void hex_encode(char *text, bytes_t v);

/* hex_decode reads an even number of digits, upper or lower case, with or without "0x" before them.
 * Fails on any other character and when more than cap bytes come out. */
NODISCARD bool hex_decode(bytes_t text, uint8_t *out, uint32_t cap, uint32_t *len);

/* hex_decode_exact is hex_decode for exactly len bytes. */
NODISCARD bool hex_decode_exact(bytes_t text, uint8_t *out, uint32_t len);

#endif
