/* fuzz_call.c - any bytes as a call, through the structs and through JSON: what is accepted comes back. */
#include "runtime_json.h"
#include "runtime_types.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void through_structs(bytes_t in)
{
    static uint8_t memory[1 << 20], room[1 << 16];
    arena_t arena    = {.start = memory, .size = sizeof memory};
    scale_reader_t r = scale_reader(in, &arena);
    scale_writer_t w = scale_writer(room, sizeof room);
    runtime_call_t call;

    runtime_call_decode(&r, &call);
    if (r.failed) return;
    assert(call.encoded.len == in.len - scale_left(&r));
    call.encoded = (bytes_t){0};
    runtime_call_encode(&w, &call);
    assert(!w.failed && w.len == in.len - scale_left(&r) && memcmp(room, in.data, w.len) == 0);
}

static void through_json(bytes_t in, uint16_t type)
{
    static uint8_t room[1 << 16];
    runtime_json_error_t error;
    scale_reader_t r = scale_reader(in, NULL);
    scale_writer_t w = scale_writer(room, sizeof room);
    json_t *json     = runtime_json_decode(&r, type);

    if (!json) return;
    assert(runtime_json_encode(&w, type, json, &error));
    assert(w.len == in.len - scale_left(&r) && memcmp(room, in.data, w.len) == 0);
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bytes_t in = {data, (uint32_t)size};

    if (size < 3 || size > 1 << 15) return 0;
    through_structs(in);
    through_json(in, runtime_type_call);
    through_json((bytes_t){data + 2, in.len - 2},
                 (uint16_t)((data[0] | data[1] << 8) % (int)runtime_type_count));
    return 0;
}
