/* peer_queue.c - see peer_queue.h. */
#include "peer_queue.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "queue_json.h"

#define VERSION   "\"trellis 0.1.0\""
#define REPLY_TO  "msgbus.system.reply"
#define PREFIX    "msgbus."
#define ASKED_MAX 4096

/* A request of a local program, of one destination. */
typedef struct asked {
    peer_queue_t *queue;
    uint32_t twin;
    char reference[QUEUE_NAME_MAX + 1], reply_to[QUEUE_NAME_MAX + 1];
    bool has_reference;
    peer_queue_fn done; /* NULL: the answer goes to reply_to */
    void *context;
} asked_t;

struct peer_queue {
    peer_queue_config_t config;
    peer_t *peer;
    uint32_t asked;
};

static uint64_t now_s(const peer_queue_t *queue) { return queue->config.now_s(queue->config.self); }

/* ---- answers to local programs ---- */

static void tell(const peer_queue_t *queue, const asked_t *asked, const queue_answer_t *answer)
{
    char *text = queue_answer_write(answer);
    if (!text) return;
    bytes_t json = bytes_text(text);
    if (asked->done)
        asked->done(asked->context, json);
    else if (!queue->config.redis ||
             !redis_push(queue->config.redis, bytes_text(asked->reply_to), json, PEER_QUEUE_KEEP_S))
        log_warn(LOG_PEER, "no room for an answer", LOG_TEXT("queue", asked->reply_to));
    free(text);
}

static void tell_error(const peer_queue_t *queue, const asked_t *asked, const char *source, uint64_t then_s,
                       uint32_t code, const char *message)
{
    queue_answer_t answer = {.reference     = asked->has_reference ? asked->reference : NULL,
                             .source        = source,
                             .timestamp_s   = then_s,
                             .is_error      = true,
                             .error_code    = code,
                             .error_message = message};
    tell(queue, asked, &answer);
}

static void on_answer(void *context, const peer_answer_t *given)
{
    asked_t *asked            = context;
    const peer_queue_t *queue = asked->queue;
    char source[RMB_CONNECTION_MAX + 16], text[64];
    queue_answer_t answer = {.reference     = asked->has_reference ? asked->reference : NULL,
                             .source        = source,
                             .schema        = given->schema,
                             .timestamp_s   = given->timestamp_s,
                             .data          = given->payload,
                             .is_error      = given->status == PEER_REFUSED,
                             .error_code    = given->error_code,
                             .error_message = given->error};
    asked->queue->asked--;
    queue_source(given->twin, given->connection, source);
    switch (given->status) {
    case PEER_OK:
    case PEER_REFUSED: tell(queue, asked, &answer); break;
    case PEER_RELAY: tell_error(queue, asked, "0", now_s(queue), given->error_code, given->error); break;
    case PEER_NO_TWIN:
        snprintf(text, sizeof text, "unknown twin id '%" PRIu32 "'", asked->twin);
        tell_error(queue, asked, "", 0, PEER_ERROR_UNKNOWN_TWIN, text);
        break;
    case PEER_BAD_ANSWER: tell_error(queue, asked, "", 0, PEER_ERROR_E2E, given->error); break;
    case PEER_UNAVAILABLE:
    case PEER_TOO_LONG: tell_error(queue, asked, "", 0, PEER_ERROR_OTHER, given->error); break;
    case PEER_TIMEOUT: /* rmb-rs says nothing */
    case PEER_CLOSED:
        if (asked->done) tell_error(queue, asked, "", 0, PEER_ERROR_EXPIRED, given->error);
        break;
    }
    free(asked);
}

/* ---- requests of local programs ---- */

static asked_t *asked_new(peer_queue_t *queue, const queue_request_t *request, uint32_t twin,
                          peer_queue_fn done, void *context)
{
    asked_t *asked       = calloc(1, sizeof *asked);
    asked->queue         = queue;
    asked->twin          = twin;
    asked->has_reference = request->reference != NULL;
    asked->done          = done;
    asked->context       = context;
    snprintf(asked->reference, sizeof asked->reference, "%s", request->reference ? request->reference : "");
    snprintf(asked->reply_to, sizeof asked->reply_to, "%s", request->reply_to);
    return asked;
}

static void ask_all(peer_queue_t *queue, const queue_request_t *request, uint64_t life_s, peer_queue_fn done,
                    void *context)
{
    for (uint32_t i = 0; i < request->destination_count; i++) {
        uint32_t twin       = request->destinations[i];
        peer_request_t sent = {
            .twin         = twin,
            .command      = request->command,
            .payload      = {request->data, request->data_len},
            .expiration_s = life_s,
            .tags         = request->tags,
            .schema       = request->schema ? request->schema : ""
        };
        queue->asked++;
        (void)peer_request(queue->peer, &sent, on_answer, asked_new(queue, request, twin, done, context));
    }
}

const char *peer_queue_ask(peer_queue_t *queue, bytes_t json, peer_queue_fn done, void *context,
                           uint32_t *count)
{
    queue_request_t request;
    const char *why = queue_request_read(json, &request);
    if (why) return why;
    uint64_t life_s = queue_request_life_s(&request, now_s(queue));
    *count          = request.destination_count;
    if (!queue->peer)
        why = "the peer is not ready";
    else if (queue->asked + request.destination_count > ASKED_MAX)
        why = "too many requests wait for their answers";
    else if (life_s == 0)
        why = "the request has expired";
    else if (!done && !*request.reply_to)
        why = "ret names no queue";
    else
        ask_all(queue, &request, life_s, done, context);
    queue_request_fini(&request);
    return why;
}

const char *peer_queue_reply(peer_queue_t *queue, bytes_t json)
{
    queue_response_t response;
    const char *why = queue_response_read(json, &response);
    if (why) return why;
    peer_return_t to = {.twin = response.twin, .has_connection = response.connection != NULL};
    snprintf(to.uid, sizeof to.uid, "%s", response.reference);
    if (response.connection) snprintf(to.connection, sizeof to.connection, "%s", response.connection);
    if (!queue->peer)
        why = "the peer is not ready";
    else if (response.is_error)
        peer_reply_error(queue->peer, &to, response.error_code, response.error_message);
    else
        peer_reply_as(queue->peer, &to, response.schema ? response.schema : "",
                      (bytes_t){response.data, response.data_len});
    queue_response_fini(&response);
    return why;
}

/* What cannot be sent is told to its queue, if it names one; rmb-rs says it in its log alone. */
static void tell_why(peer_queue_t *queue, bytes_t json, const char *why)
{
    queue_request_t request;
    if (queue_request_read(json, &request) != NULL) return;
    if (*request.reply_to) {
        bool is_late   = queue_request_life_s(&request, now_s(queue)) == 0;
        asked_t *asked = asked_new(queue, &request, 0, NULL, NULL);
        tell_error(queue, asked, "", 0, is_late ? PEER_ERROR_EXPIRED : PEER_ERROR_OTHER, why);
        free(asked);
    }
    queue_request_fini(&request);
}

void peer_queue_local(peer_queue_t *queue, bool is_reply, bytes_t json)
{
    uint32_t count;
    const char *why =
        is_reply ? peer_queue_reply(queue, json) : peer_queue_ask(queue, json, NULL, NULL, &count);
    if (!why) return;
    log_warn(LOG_PEER,
             is_reply ? "answer of a local program not sent" : "request of a local program not sent",
             LOG_TEXT("reason", why));
    if (!is_reply) tell_why(queue, json, why);
}

/* ---- requests that come ---- */

/* A command becomes the name of a list: those of the bus itself are not for others to write. */
static bool is_reserved(const char *command)
{
    return !*command || strncmp(command, "system.", 7) == 0 || strncmp(command, "backlog.", 8) == 0;
}

static void hand_over(const peer_queue_t *queue, peer_t *peer, const peer_incoming_t *request, bytes_t json)
{
    char key[sizeof PREFIX + PEER_COMMAND_MAX];
    uint64_t now = now_s(queue), left_s = request->deadline_s > now ? request->deadline_s - now : 1;
    bool is_kept = false;
    if (queue->config.redis && strlen(request->command) <= PEER_COMMAND_MAX) {
        snprintf(key, sizeof key, PREFIX "%s", request->command);
        is_kept = redis_push(queue->config.redis, bytes_text(key), json, left_s);
    }
    if (queue->config.publish) queue->config.publish(queue->config.self, request->command, json);
    if (!is_kept && !queue->config.publish)
        peer_reply_error(peer, &request->from, PEER_ERROR_OTHER, "no room for more requests");
}

void peer_queue_incoming(void *context, peer_t *peer, const peer_incoming_t *request)
{
    peer_queue_t *queue = context;
    if (strcmp(request->command, "rmb.version") == 0) {
        peer_reply(peer, &request->from, BYTES(VERSION));
        return;
    }
    if (is_reserved(request->command) || strncmp(request->command, "rmb.", 4) == 0) {
        peer_reply_error(peer, &request->from, 0, "unknown command");
        return;
    }
    queue_incoming_t incoming = {.reference  = request->from.uid,
                                 .command    = request->command,
                                 .tags       = request->tags,
                                 .reply_to   = REPLY_TO,
                                 .schema     = request->schema,
                                 .twin       = request->from.twin,
                                 .connection = request->from.has_connection ? request->from.connection : NULL,
                                 .expiration_s = request->expiration_s,
                                 .timestamp_s  = request->timestamp_s,
                                 .data         = request->payload};
    char *text                = queue_incoming_write(&incoming);
    if (text) hand_over(queue, peer, request, bytes_text(text));
    free(text);
}

peer_queue_t *peer_queue_new(const peer_queue_config_t *config)
{
    peer_queue_t *queue = calloc(1, sizeof *queue);
    queue->config       = *config;
    return queue;
}

void peer_queue_set_peer(peer_queue_t *queue, peer_t *peer) { queue->peer = peer; }
void peer_queue_free(peer_queue_t *queue) { free(queue); }
