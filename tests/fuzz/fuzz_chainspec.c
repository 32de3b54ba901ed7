/* fuzz_chainspec.c - chain specs: any text is read or refused with a reason. */
#include "chainspec.h"

#include <assert.h>
#include <stddef.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[CHAINSPEC_ERROR_CAP] = "";
    chainspec_t spec;
    if (size > 1 << 20) return 0;
    if (!chainspec_parse((bytes_t){data, (uint32_t)size}, &spec, error)) {
        assert(error[0] != 0);
        return 0;
    }
    assert(spec.id[0] != 0 && (spec.is_raw ? spec.raw.count > 0 : spec.genesis.authority_count > 0));
    chainspec_free(&spec);
    return 0;
}
