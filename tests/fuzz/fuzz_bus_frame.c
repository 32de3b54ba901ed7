/* fuzz_bus_frame.c - any message of a session over nng: what it gives lies within it. */
#include "bus_frame.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 65536) return 0;
    bus_reader_t reader = bus_read((bytes_t){data, (uint32_t)size});
    bus_item_t item;
    uint32_t count = 0;
    while (bus_next(&reader, &item)) {
        assert(item.kind != BUS_BATCH);
        assert(!item.bytes.len ||
               (item.bytes.data >= data && item.bytes.data + item.bytes.len <= data + size));
        assert(item.kind != BUS_ACK || item.bytes.len <= RMB_UID_MAX);
        assert(++count <= size);
    }
    (void)bus_is_failed(&reader);
    return 0;
}
