/* fuzz_code.c - any bytes as a runtime's blob: what it says about itself lies within it, and is written again
 * the same. */
#include "system/system.h"
#include "wasm_section.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(bytes_t code, bytes_t part)
{
    assert(part.len == 0 || (part.data >= code.data && part.data + part.len <= code.data + code.len));
}

static void check_version(bytes_t code, const system_runtime_version_t *version)
{
    static uint8_t room[1 << 17];
    bytes_t section;
    system_runtime_version_t without = *version;
    without.apis.len                 = 0;
    check_within(code, version->spec_name);
    check_within(code, version->impl_name);
    scale_writer_t w = scale_writer(room, sizeof room);
    system_runtime_version_encode(&w, &without);
    assert(!w.failed && wasm_custom_section(code, BYTES("runtime_version"), &section));
    assert(bytes_equal(section, scale_written(&w)));
    assert(wasm_custom_section(code, BYTES("runtime_apis"), &section) &&
           section.len == version->apis.len * 12);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static _Alignas(16) uint8_t memory[1 << 16];
    if (size > 1 << 16) return 0;
    arena_t arena = {memory, sizeof memory, 0};
    bytes_t code  = {data, (uint32_t)size}, content;
    system_runtime_version_t version;
    if (wasm_custom_section(code, BYTES(""), &content)) check_within(code, content);
    if (system_code_version(code, &arena, &version)) check_version(code, &version);
    return 0;
}
