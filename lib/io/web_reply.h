/* web_reply.h - an HTTP answer as it comes from the line (RFC 9112), for web_pool.c.
 *
 * Bytes go in as they come; the body is kept, up to WEB_REPLY_MAX.  An interim answer (100 to 199) is passed
 * by.  A head with two lengths, or one that nobody understands, is malformed: what came behind it would be
 * taken for another answer. */
#ifndef WEB_REPLY_H
#define WEB_REPLY_H
#include "base.h"
#include "web_chunks.h"

#define WEB_REPLY_HEAD_MAX    16384u
#define WEB_REPLY_MAX         (1u << 20)
#define WEB_REPLY_INTERIM_MAX 8

typedef struct {
    enum { REPLY_HEAD, REPLY_COUNTED, REPLY_CHUNKED, REPLY_TO_THE_END, REPLY_OVER } state;
    int status;
    bool is_kept; /* the connection may carry another request */
    uint64_t left;
    web_chunks_t chunks;
    uint32_t interim_count;
    uint32_t head_len, body_len, body_cap;
    uint8_t *body;
    char head[WEB_REPLY_HEAD_MAX];
} web_reply_t;

typedef enum { WEB_REPLY_MORE, WEB_REPLY_WHOLE, WEB_REPLY_MALFORMED } web_reply_status_t;

/* web_reply_take reads from the front of *in, and takes that off.  WEB_REPLY_MORE: *in is used up. */
web_reply_status_t web_reply_take(web_reply_t *reply, bytes_t *in);

/* web_reply_end: the other side closed.  True when the answer is whole by that. */
bool web_reply_end(web_reply_t *reply);

/* web_reply_reset is for the next answer; one that is all zero needs none. */
void web_reply_reset(web_reply_t *reply);
void web_reply_fini(web_reply_t *reply);

#endif
