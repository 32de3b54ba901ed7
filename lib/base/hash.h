/* hash.h - the hashes of the chain: BLAKE2b, xxHash64 as "twox", keccak-256, SHA-2.
 *
 * Freestanding, little-endian.  Native builds take BLAKE2b from libb2 behind the same name. */
#ifndef HASH_H
#define HASH_H
#include "base.h"

/* blake2b writes the unkeyed BLAKE2b digest (RFC 7693) of digest_len bytes, 1 to 64.  The
 * length is part of the hash: a short digest is not the start of a longer one. */
void blake2b(uint8_t *digest, uint32_t digest_len, bytes_t message);

/* blake2_256 is the hash of headers, extrinsics, calls and trie nodes. */
hash_t blake2_256(bytes_t message);

/* twox_64 and twox_128 are xxHash64 with seed 0 (and 1), little-endian. */
void twox_64(uint8_t digest[8], bytes_t message);
void twox_128(uint8_t digest[16], bytes_t message);
void twox_256(uint8_t digest[32], bytes_t message);

/* keccak_f1600 permutes a state of 200 bytes; keccak_256 is Ethereum's hash. */
void keccak_f1600(uint64_t state[25]);
void keccak_256(uint8_t digest[32], bytes_t message);
void sha2_256(uint8_t digest[32], bytes_t message);

#endif
