/* hash.c - the hashes that are one call away from others. */
#include "hash.h"

hash_t blake2_256(bytes_t message)
{
    hash_t hash;
    blake2b(hash.b, sizeof hash.b, message);
    return hash;
}
