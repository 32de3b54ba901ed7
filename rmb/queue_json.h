/* queue_json.h - what local programs and rmb-peer tell each other: rmb-rs's JSON messages, to the byte.
 *
 * docs/formats/rmb.md 10.  Read messages own their memory; written ones are text that the caller frees. */
#ifndef QUEUE_JSON_H
#define QUEUE_JSON_H
#include "rmb.h"

#define QUEUE_DESTINATIONS_MAX 256
#define QUEUE_NAME_MAX         255 /* bytes of a command, a reference, a queue's name */
#define QUEUE_JSON_MAX         (24u << 20)

typedef struct json_t queue_json_t;

/* A request of a local program.  Texts are NULL when they were left out or null. */
typedef struct {
    queue_json_t *json; /* what the texts are of */
    const char *reference, *command, *tags, *reply_to, *schema;
    uint64_t expiration_s, timestamp_s;
    uint32_t destinations[QUEUE_DESTINATIONS_MAX], destination_count;
    uint8_t *data; /* decoded */
    uint32_t data_len;
} queue_request_t;

/* An answer of a local program to a request that came. */
typedef struct {
    queue_json_t *json;
    const char *reference, *schema;
    uint32_t twin;
    const char *connection; /* NULL: the null session */
    uint8_t *data;
    uint32_t data_len;
    bool is_error;
    uint32_t error_code;
    const char *error_message;
} queue_response_t;

/* queue_request_read and queue_response_read: NULL, or why not. */
NODISCARD const char *queue_request_read(bytes_t text, queue_request_t *request);
void queue_request_fini(queue_request_t *request);
NODISCARD const char *queue_response_read(bytes_t text, queue_response_t *response);
void queue_response_fini(queue_response_t *response);

/* queue_request_life_s is how long a request still lives; 0: it has expired. */
uint64_t queue_request_life_s(const queue_request_t *request, uint64_t now_s);

/* What is told to a local program of a request that came: reply_to is the queue for its answer. */
typedef struct {
    const char *reference, *command, *tags, *reply_to, *schema;
    uint32_t twin;
    const char *connection;
    uint64_t expiration_s, timestamp_s;
    bytes_t data;
} queue_incoming_t;
char *queue_incoming_write(const queue_incoming_t *incoming);

/* What is told of an answer.  source: "twin", "twin:connection", "0" of a relay, "" of nobody. */
typedef struct {
    const char *reference, *source, *schema;
    uint64_t timestamp_s;
    bytes_t data;
    bool is_error;
    uint32_t error_code;
    const char *error_message;
} queue_answer_t;
char *queue_answer_write(const queue_answer_t *answer);

/* queue_source writes "twin" or "twin:connection". */
void queue_source(uint32_t twin, const char *connection, char text[RMB_CONNECTION_MAX + 16]);

#endif
