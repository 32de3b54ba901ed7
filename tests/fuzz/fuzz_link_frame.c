/* fuzz_link_frame.c - any message of a link between relays: what it gives lies within it. */
#include "link_frame.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    link_reader_t reader;
    link_item_t item;
    uint32_t count = 0;
    if (size > 65536 || !link_read((bytes_t){data, (uint32_t)size}, &reader)) return 0;
    assert(reader.text.len <= LINK_DOMAINS_CAP);
    while (link_next(&reader, &item)) {
        assert(!item.envelope.len ||
               (item.envelope.data >= data && item.envelope.data + item.envelope.len <= data + size));
        assert(item.status <= LINK_AGAIN);
        assert(++count <= size);
    }
    return 0;
}
