/* local_nng.c - nng's threads hand over to the loop; each context of REP is one conversation. */
#include "local_nng.h"

#include <assert.h>
#include <nng/nng.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/reqrep0/rep.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX (24u << 20)
#define IPC_MODE    0600

struct local_ask {
    local_nng_t *local;
    nng_ctx context;
    nng_aio *aio;
    enum { ASK_RECEIVING, ASK_HELD, ASK_SENDING } state;
};

struct local_nng {
    io_t *io;
    nng_socket rep, pub;
    bool has_rep, has_pub, is_closed;
    local_ask_fn on_ask;
    void *self;
    local_ask_t asks[LOCAL_ASKS_MAX];
};

static void receive(local_ask_t *ask)
{
    ask->state = ASK_RECEIVING;
    nng_ctx_recv(ask->context, ask->aio);
}

/* What could not be sent is still ours. */
static void on_loop(void *self)
{
    local_ask_t *ask   = self;
    local_nng_t *local = ask->local;
    int result         = nng_aio_result(ask->aio);
    if (local->is_closed) return;
    if (ask->state == ASK_SENDING && result != 0) nng_msg_free(nng_aio_get_msg(ask->aio));
    if (ask->state == ASK_SENDING || result != 0) {
        receive(ask);
        return;
    }
    nng_msg *message = nng_aio_get_msg(ask->aio);
    ask->state       = ASK_HELD;
    local->on_ask(local->self, ask, (bytes_t){nng_msg_body(message), (uint32_t)nng_msg_len(message)});
    nng_msg_free(message);
}

/* On a thread of nng. */
static void on_aio(void *self)
{
    local_ask_t *ask = self;
    int result       = nng_aio_result(ask->aio);
    if (result == NNG_ECLOSED || result == NNG_ECANCELED) return;
    io_post(ask->local->io, on_loop, ask);
}

void local_nng_answer(local_ask_t *ask, bytes_t json)
{
    nng_msg *message;
    assert(ask->state == ASK_HELD);
    if (nng_msg_alloc(&message, json.len) != 0) abort();
    if (json.len) memcpy(nng_msg_body(message), json.data, json.len);
    ask->state = ASK_SENDING;
    nng_aio_set_msg(ask->aio, message);
    nng_ctx_send(ask->context, ask->aio);
}

void local_nng_publish(local_nng_t *local, const char *topic, bytes_t json)
{
    nng_msg *message;
    size_t len = strlen(topic);
    if (!local->has_pub || nng_msg_alloc(&message, len + 1 + json.len) != 0) return;
    char *body = nng_msg_body(message);
    memcpy(body, topic, len);
    body[len] = ' ';
    memcpy(body + len + 1, json.data, json.len);
    if (nng_sendmsg(local->pub, message, NNG_FLAG_NONBLOCK) != 0) nng_msg_free(message);
}

static int listen_at(nng_socket socket, const char *url)
{
    nng_listener listener;
    int result = nng_listener_create(&listener, socket, url);
    if (result == 0) result = nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, IPC_MODE);
    return result ? result : nng_listener_start(listener, 0);
}

static int rep_open(local_nng_t *local, const char *url)
{
    int result = nng_rep0_open(&local->rep);
    if (result) return result;
    local->has_rep = true;
    result         = nng_socket_set_size(local->rep, NNG_OPT_RECVMAXSZ, MESSAGE_MAX);
    for (uint32_t i = 0; i < LOCAL_ASKS_MAX && result == 0; i++) {
        local_ask_t *ask = &local->asks[i];
        ask->local       = local;
        result           = nng_aio_alloc(&ask->aio, on_aio, ask);
        if (result == 0) result = nng_ctx_open(&ask->context, local->rep);
    }
    if (result == 0) result = listen_at(local->rep, url);
    for (uint32_t i = 0; i < LOCAL_ASKS_MAX && result == 0; i++)
        receive(&local->asks[i]);
    return result;
}

static int pub_open(local_nng_t *local, const char *url)
{
    int result     = nng_pub0_open(&local->pub);
    local->has_pub = result == 0;
    return result ? result : listen_at(local->pub, url);
}

local_nng_t *local_nng_new(io_t *io, const char *rep_url, const char *pub_url, local_ask_fn on_ask,
                           void *self, const char **error)
{
    local_nng_t *local = calloc(1, sizeof *local);
    local->io          = io;
    local->on_ask      = on_ask;
    local->self        = self;
    int result         = rep_url ? rep_open(local, rep_url) : 0;
    if (result == 0 && pub_url) result = pub_open(local, pub_url);
    if (result == 0) return local;
    *error = nng_strerror(result);
    local_nng_free(local);
    return NULL;
}

/* The loop calls what was posted in order: nothing of ours comes after this. */
static void end(void *self) { free(self); }

void local_nng_free(local_nng_t *local)
{
    if (!local) return;
    local->is_closed = true;
    if (local->has_rep) nng_close(local->rep);
    if (local->has_pub) nng_close(local->pub);
    for (uint32_t i = 0; i < LOCAL_ASKS_MAX; i++) {
        local_ask_t *ask = &local->asks[i];
        if (!ask->aio) continue;
        nng_aio_stop(ask->aio);
        nng_msg *message = nng_aio_get_msg(ask->aio);
        bool is_ours     = ask->state == ASK_SENDING
                               ? nng_aio_result(ask->aio) != 0
                               : ask->state == ASK_RECEIVING && nng_aio_result(ask->aio) == 0;
        if (message && is_ours) nng_msg_free(message);
        nng_aio_free(ask->aio);
    }
    io_post(local->io, end, local);
}
