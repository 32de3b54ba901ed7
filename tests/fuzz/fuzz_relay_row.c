/* fuzz_relay_row.c - any pair of the relay's store: what is read lies within it, and is written as it was
 * read.
 *
 * Input: the length of the key as the sum of two bytes, the key, the value. */
#include "relay_row.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ends(bytes_t key)
{
    uint64_t end_s, seq;
    if (!relay_row_end_decode(key, &end_s, &seq)) return;
    relay_row_t row      = {.seq = seq, .deadline_s = end_s};
    relay_row_key_t same = relay_row_end_key(&row);
    assert(bytes_equal((bytes_t){same.b, same.len}, key));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 65536) return 0;
    uint32_t key_len = (uint32_t)data[0] + data[1], rest = (uint32_t)size - 2;
    if (key_len > rest) key_len = rest;
    bytes_t key = {data + 2, key_len}, value = {data + 2 + key_len, rest - key_len};
    relay_row_t row;
    ends(key);
    if (!relay_row_decode(key, value, &row)) return 0;
    assert(strlen(row.to.connection) <= RMB_CONNECTION_MAX);
    assert(row.to.has_connection || !row.to.connection[0]);
    relay_row_key_t same = relay_row_key(&row), head = relay_row_head(&row);
    assert(bytes_equal((bytes_t){same.b, same.len}, key));
    assert(head.len + row.wire.len == value.len && row.wire.data == value.data + head.len);
    assert(memcmp(head.b, value.data, head.len) == 0);
    if (row.is_outward) return 0;
    relay_row_key_t prefix = relay_row_prefix(&row.to), after = relay_row_after(&row.to, row.seq - 1);
    assert(memcmp(prefix.b, key.data, prefix.len) == 0);
    assert(bytes_equal((bytes_t){after.b, after.len}, key));
    return 0;
}
