/* fuzz_token.c - any text as a login token. */
#include "token.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    token_t token;
    account_id_t nobody = {.b = {0}};
    if (size > 4096 || token_read((bytes_t){data, (uint32_t)size}, 1700000000, &token) == TOKEN_MALFORMED)
        return 0;
    assert(token.signed_text.len < size);
    assert(token.has_connection || token.connection[0] == 0);
    assert(strlen(token.connection) <= RMB_CONNECTION_MAX);
    bool is_signed = token_verify(&token, &nobody);
    assert(!is_signed || token.signature[0] == 'e' || token.signature[0] == 's');
    return 0;
}
