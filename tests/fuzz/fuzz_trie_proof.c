/* A proof from a stranger: root (the hash of the first item), a key, and the encoded proof. */
#include "hash.h"
#include "trie_proof.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static _Alignas(16) uint8_t room[1 << 20];
    arena_t arena = {room, sizeof room, 0};
    trie_proof_t proof;
    bytes_t value;
    if (size < 1 || size > 1 << 14 || size < 1u + data[0]) return 0;
    bytes_t key = {data + 1, data[0]}, encoded = {key.data + key.len, (uint32_t)size - 1 - key.len};
    if (!trie_proof_decode(encoded, &arena, &proof) || proof.count == 0) return 0;
    hash_t root = blake2_256(proof.items[0]);
    (void)trie_proof_read(&proof, &root, key, &arena, &value);
    return 0;
}
