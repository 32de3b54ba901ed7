/* fuzz_url.c - any text as a URL: what is taken has a host, a port and a path, and no byte that ends a
 * header. */
#include "web.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[4096];
    web_url_t url;
    if (size >= sizeof text) return 0;
    memcpy(text, data, size);
    text[size] = 0;
    if (!web_url_decode(text, &url)) return 0;
    assert(url.host[0] && url.port > 0 && url.path[0] == '/');
    assert(url.is_secure == (strcmp(url.scheme, "wss") == 0 || strcmp(url.scheme, "https") == 0));
    for (const char *at = url.host; *at; at++)
        assert((unsigned char)*at > ' ' && *at != '@' && *at != '/');
    for (const char *at = url.path; *at; at++)
        assert((unsigned char)*at > ' ');
    return 0;
}
