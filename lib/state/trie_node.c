/* trie_node.c - the codec of trie nodes.  Polkadot spec 2.4.4, chain-host 3.1. */
#include "trie_node.h"

#include <string.h>

/* The kinds of node, by the top bits of the first byte; the bits below count nibbles. */
typedef struct {
    uint8_t bits, mask;
    bool is_branch;
    trie_value_kind_t value_kind;
} node_kind_t;

static const node_kind_t kinds[] = {
    {0x40, 0xc0, false, TRIE_VALUE     }, /* 01 */
    {0x80, 0xc0, true,  TRIE_NO_VALUE  }, /* 10 */
    {0xc0, 0xc0, true,  TRIE_VALUE     }, /* 11 */
    {0x20, 0xe0, false, TRIE_VALUE_HASH}, /* 001 */
    {0x10, 0xf0, true,  TRIE_VALUE_HASH}, /* 0001 */
};
#define KIND_COUNT (sizeof kinds / sizeof *kinds)

/* ------------------------------------------------------------------ decode */

static uint32_t get_nibble_count(scale_reader_t *r, uint8_t first, uint8_t most)
{
    uint32_t count = first & most;
    if (count < most) return count;
    uint8_t more;
    do {
        more = scale_get_u8(r);
        count += more;
        if (count > TRIE_NIBBLE_MAX) scale_fail(r);
    } while (more == 255 && !r->failed);
    return count;
}

static const uint8_t *get_nibbles(scale_reader_t *r, uint32_t count, arena_t *arena)
{
    bytes_t packed   = scale_get_slice(r, (count + 1) / 2);
    uint8_t *nibbles = r->failed ? NULL : arena_take(arena, count + 1);
    if (!nibbles || (count % 2 == 1 && packed.data[0] > 15)) {
        scale_fail(r);
        return NULL;
    }
    for (uint32_t i = 0, at = count % 2; i < count; i++, at++)
        nibbles[i] = at % 2 == 0 ? packed.data[at / 2] >> 4 : packed.data[at / 2] & 15;
    return nibbles;
}

static uint8_t count_bits(uint16_t bits)
{
    uint8_t count = 0;
    for (; bits; bits &= (uint16_t)(bits - 1))
        count++;
    return count;
}

bool trie_node_decode(bytes_t encoded, arena_t *arena, trie_node_t *node)
{
    scale_reader_t r = scale_reader(encoded, NULL);
    uint8_t first    = scale_get_u8(&r);
    uint32_t k       = 0;
    *node            = (trie_node_t){0};
    while (k < KIND_COUNT && (first & kinds[k].mask) != kinds[k].bits)
        k++;
    if (k == KIND_COUNT || r.failed) return false;

    node->value_kind   = kinds[k].value_kind;
    node->nibble_count = get_nibble_count(&r, first, (uint8_t)~kinds[k].mask);
    if (r.failed) return false;
    node->nibbles = get_nibbles(&r, node->nibble_count, arena);
    if (kinds[k].is_branch) node->children = scale_get_u16(&r);
    if (node->value_kind == TRIE_VALUE) node->value = scale_get_bytes(&r, UINT32_MAX);
    if (node->value_kind == TRIE_VALUE_HASH) node->value = scale_get_slice(&r, 32);
    for (uint32_t i = 0; i < 16; i++) {
        if (!(node->children >> i & 1)) continue;
        node->child[i] = scale_get_bytes(&r, 32);
        if (node->child[i].len == 0) scale_fail(&r);
    }
    uint8_t least = node->value_kind == TRIE_NO_VALUE ? 2 : 1;
    if (kinds[k].is_branch && count_bits(node->children) < least) scale_fail(&r);
    return scale_done(&r);
}

/* ------------------------------------------------------------------ encode */

static const node_kind_t *kind_of(const trie_node_t *node)
{
    for (uint32_t k = 0; k < KIND_COUNT; k++)
        if (kinds[k].is_branch == (node->children != 0) && kinds[k].value_kind == node->value_kind)
            return &kinds[k];
    return NULL;
}

/* encoded_len_max is at least what the node's encoding takes. */
static uint64_t encoded_len_max(const trie_node_t *node)
{
    uint64_t len = 8 + (uint64_t)node->nibble_count / 2 + node->nibble_count / 255 + 9 + node->value.len;
    return len + UINT64_C(33) * count_bits(node->children);
}

static void put_partial_key(scale_writer_t *w, const trie_node_t *node, const node_kind_t *kind)
{
    uint8_t most = (uint8_t)~kind->mask;
    if (node->nibble_count < most) {
        scale_put_u8(w, (uint8_t)(kind->bits | node->nibble_count));
    } else {
        scale_put_u8(w, (uint8_t)(kind->bits | most));
        uint32_t left = node->nibble_count - most;
        for (; left >= 255; left -= 255)
            scale_put_u8(w, 255);
        scale_put_u8(w, (uint8_t)left);
    }
    uint32_t i = 0;
    if (node->nibble_count % 2 == 1) scale_put_u8(w, node->nibbles[i++]);
    for (; i < node->nibble_count; i += 2)
        scale_put_u8(w, (uint8_t)(node->nibbles[i] << 4 | node->nibbles[i + 1]));
}

bool trie_node_encode(const trie_node_t *node, arena_t *arena, bytes_t *encoded)
{
    const node_kind_t *kind = kind_of(node);
    uint64_t cap            = encoded_len_max(node);
    uint8_t *room           = kind && cap <= UINT32_MAX ? arena_take(arena, (uint32_t)cap) : NULL;
    *encoded                = (bytes_t){0};
    if (!room) return false;

    scale_writer_t w = scale_writer(room, (uint32_t)cap);
    put_partial_key(&w, node, kind);
    if (kind->is_branch) scale_put_u16(&w, node->children);
    if (node->value_kind == TRIE_VALUE) scale_put_bytes(&w, node->value);
    if (node->value_kind == TRIE_VALUE_HASH) scale_put_raw(&w, node->value.data, 32);
    for (uint32_t i = 0; i < 16; i++)
        if (node->children >> i & 1) scale_put_bytes(&w, node->child[i]);
    if (w.failed) return false;
    arena->used = (uint32_t)(room - arena->start) + w.len; /* give back what was not needed */
    *encoded    = (bytes_t){room, w.len};
    return true;
}

/* ------------------------------------------------------------------ names */

bytes_t trie_path_key(const uint8_t *nibbles, uint32_t nibble_count, uint8_t *buffer)
{
    uint32_t len  = 0;
    buffer[len++] = (uint8_t)(nibble_count >> 8);
    buffer[len++] = (uint8_t)nibble_count;
    for (uint32_t i = 0; i < nibble_count; i += 2)
        buffer[len++] = (uint8_t)(nibbles[i] << 4 | (i + 1 < nibble_count ? nibbles[i + 1] : 0));
    return (bytes_t){buffer, len};
}

void trie_nibbles(bytes_t key, uint8_t *nibbles)
{
    for (uint32_t i = 0; i < key.len; i++) {
        *nibbles++ = key.data[i] >> 4;
        *nibbles++ = key.data[i] & 15;
    }
}
