/* Whatever decodes as a trie node encodes to the same bytes. */
#include "trie_node.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static _Alignas(16) uint8_t room[1 << 20];
    arena_t arena = {room, sizeof room, 0};
    trie_node_t node;
    bytes_t again;
    if (size > 1 << 16 || !trie_node_decode((bytes_t){data, (uint32_t)size}, &arena, &node)) return 0;
    if (!trie_node_encode(&node, &arena, &again)) abort();
    if (again.len != size || memcmp(again.data, data, size) != 0) abort();
    return 0;
}
