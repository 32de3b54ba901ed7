/* fuzz_logs_url.c - any text as the target of a log: what is taken has a port, and no byte that ends a line
 * or a word of the protocols that it goes into. */
#include "logs.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_word(const char *word)
{
    assert(strlen(word) <= LOGS_WORD_MAX);
    for (const char *at = word; *at; at++)
        assert((unsigned char)*at > ' ' && (unsigned char)*at < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[LOGS_URL_MAX + 1], error[128];
    logs_target_t target;
    if (size > LOGS_URL_MAX) return 0;
    memcpy(text, data, size);
    text[size] = 0;
    if (!logs_target_parse(text, &target, error)) {
        assert(error[0] && strlen(error) < sizeof error);
        return 0;
    }
    assert(target.port > 0);
    check_word(target.path);
    check_word(target.user);
    check_word(target.password);
    assert(target.kind != LOGS_REDIS || target.path[0]);
    assert((target.kind != LOGS_WS && target.kind != LOGS_WSS) || target.path[0] == '/');
    assert(!target.is_pinned || target.kind == LOGS_WSS);
    return 0;
}
