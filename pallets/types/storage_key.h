/* storage_key.h - how the key of a map entry is hashed; for generated key builders.
 *
 * A key is 32 bytes of prefix and, for each part, its hash and the part itself:
 * open leaves room for the hash, the part is written, then the hash is filled in.  */
#ifndef STORAGE_KEY_H
#define STORAGE_KEY_H
#include "scale.h"

/* storage_key_open leaves hash_len bytes and tells where they are. */
uint32_t storage_key_open(scale_writer_t *w, uint32_t hash_len);

/* These fill in the hash at `at` of all that was written after it. */
void storage_key_blake2_128_concat(scale_writer_t *w, uint32_t at);
void storage_key_twox_64_concat(scale_writer_t *w, uint32_t at);
void storage_key_identity(scale_writer_t *w, uint32_t at);

#endif
