/* ecdsa.h - what crypto.c alone needs of ecdsa.c. */
#ifndef ECDSA_H
#define ECDSA_H
#include "crypto.h"

/* ecdsa_init makes libsecp256k1's context, blinded by fresh randomness. */
NODISCARD bool ecdsa_init(void);

#endif
