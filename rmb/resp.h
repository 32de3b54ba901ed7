/* resp.h - the Redis protocol, version 2: commands are read, answers are written.
 *
 * A command is an array of bulk strings, or one line of words (for people).  What a program may send has
 * limits; whoever passes them is not a Redis client. */
#ifndef RESP_H
#define RESP_H
#include "bus_frame.h"

#define RESP_WORDS_MAX   256
#define RESP_BULK_MAX    (24u << 20) /* a longest envelope in base64, with room for its JSON */
#define RESP_COMMAND_MAX (32u << 20)
#define RESP_LINE_MAX    4096

typedef struct {
    uint32_t count; /* at least 1 */
    bytes_t word[RESP_WORDS_MAX];
} resp_command_t;

typedef enum { RESP_OK, RESP_MORE, RESP_MALFORMED } resp_status_t;

/* resp_read reads one command at the start of input; words point into it.  *used is what it took, of RESP_OK.
 * An empty line or array is skipped (count is 0). */
NODISCARD resp_status_t resp_read(bytes_t input, resp_command_t *command, uint32_t *used);

void resp_status(bus_writer_t *out, const char *text);
void resp_error(bus_writer_t *out, const char *text);
void resp_number(bus_writer_t *out, int64_t number);
void resp_bulk(bus_writer_t *out, bytes_t bulk);
void resp_null(bus_writer_t *out);       /* no such string */
void resp_null_array(bus_writer_t *out); /* a wait that ended */
void resp_array(bus_writer_t *out, uint32_t count);

#endif
