/* web_chunks.h - a body that comes in chunks, without its length before it (RFC 9112, 7.1).
 *
 * Bytes go in as they come from the line, pieces of the body come out; nothing is kept of them. */
#ifndef WEB_CHUNKS_H
#define WEB_CHUNKS_H
#include "base.h"

typedef struct {
    enum { CHUNKS_SIZE, CHUNKS_EXTENSION, CHUNKS_DATA, CHUNKS_DATA_END, CHUNKS_TRAILER, CHUNKS_OVER } state;
    uint64_t left; /* of the chunk */
    uint32_t line_len, trailer_len;
    bool has_cr;
} web_chunks_t;

typedef enum { CHUNKS_MORE, CHUNKS_PIECE, CHUNKS_END, CHUNKS_MALFORMED } web_chunks_status_t;

/* web_chunks_take reads from the front of *in, and takes that off.  CHUNKS_PIECE: *piece is of the body, call
 * again; CHUNKS_MORE: *in is used up; CHUNKS_END: the body is whole, what is left of *in comes after it. */
web_chunks_status_t web_chunks_take(web_chunks_t *chunks, bytes_t *in, bytes_t *piece);

#endif
