/* fuzz_web_reply.c - any bytes as an HTTP answer: the same in one piece and byte by byte. */
#include "web_reply.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static web_reply_status_t take_all(web_reply_t *reply, bytes_t in, uint32_t step, uint32_t *left)
{
    web_reply_status_t status = WEB_REPLY_MORE;
    while (status == WEB_REPLY_MORE && in.len > 0) {
        bytes_t piece   = {in.data, step < in.len ? step : in.len};
        uint32_t before = piece.len;
        status          = web_reply_take(reply, &piece);
        assert(status != WEB_REPLY_MORE || piece.len == 0);
        in.data += before - piece.len;
        in.len -= before - piece.len;
    }
    *left = in.len;
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 65536) return 0;
    static web_reply_t whole, pieces;
    uint32_t left[2];
    web_reply_reset(&whole);
    web_reply_reset(&pieces);
    bytes_t in                  = {data, (uint32_t)size};
    web_reply_status_t status[] = {take_all(&whole, in, UINT32_MAX, &left[0]),
                                   take_all(&pieces, in, 1, &left[1])};
    assert(status[0] == status[1]);
    assert(status[0] != WEB_REPLY_WHOLE || left[0] == left[1]);
    if (status[0] == WEB_REPLY_MALFORMED) return 0;
    assert(web_reply_end(&whole) == web_reply_end(&pieces));
    assert(whole.status == pieces.status && whole.is_kept == pieces.is_kept &&
           whole.body_len == pieces.body_len);
    assert(whole.body_len <= size);
    assert(!whole.body_len || memcmp(whole.body, pieces.body, whole.body_len) == 0);
    return 0;
}
