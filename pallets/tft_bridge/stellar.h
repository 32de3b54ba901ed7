/* stellar.h - Stellar's text for public keys ("StrKey", SEP-23). */
#ifndef TFT_BRIDGE_STELLAR_H
#define TFT_BRIDGE_STELLAR_H
#include "base.h"

/* stellar_is_address: 56 characters of base 32 that hold a version byte 'G', 32 bytes of key, and their
 * CRC-16. */
bool stellar_is_address(bytes_t text);

#endif
