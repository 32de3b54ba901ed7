/* fuzz_runtime_calls.c - bytes choose what everybody does to a chain; whatever they do, the properties of
 * tests/pallets/property hold. */
#include "chain.h"

#include <stdio.h>
#include <stdlib.h>

enum { CALLS_MAX = 400 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    chain_t *chain   = chain_new(chance_of_bytes((bytes_t){data, (uint32_t)size}));
    const bool holds = chain_run(chain, CALLS_MAX);
    if (!holds) {
        printf("not so: %s\n", chain_fault(chain));
        abort();
    }
    chain_free(chain);
    return 0;
}
