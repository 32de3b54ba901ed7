/* relay_link_in.c - the side of a link that listens and takes; see relay_link.h. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link_frame.h"
#include "log.h"
#include "relay_link.h"

#define LINKS_MAX   64
#define TICK_MS     2000
#define HELLO_MS    10000
#define SILENCE_MS  30000
#define CLOSING_MS  200
#define RELISTEN_MS 200

typedef struct line line_t;

/* An envelope whose fate the relay has not told yet; it may outlive its line. */
typedef struct given {
    line_t *line; /* NULL: gone */
    uint32_t seq, len;
    struct given *next, **back;
} given_t;

struct line {
    relay_link_in_t *in;
    uint32_t pipe;
    enum { LINE_NEW, LINE_OPEN, LINE_CLOSING } state;
    uint64_t heard_ms;
    given_t *given;
    uint32_t given_count;
    uint64_t given_len;
    relay_gate_t *gate;
    bool is_waiting; /* for leave to send more acknowledgements */
    bus_writer_t acks;
    line_t *next;
};

struct relay_link_in {
    relay_link_config_t config;
    relay_t *relay;
    char url[RMB_URL_MAX];
    bus_t *bus;
    line_t *lines;
    uint32_t count;
    io_timer_t *tick_timer, *flush_timer, *listen_timer;
    bus_writer_t out;
};

static void end(line_t *line, const char *why)
{
    relay_link_in_t *in = line->in;
    if (line->state == LINE_CLOSING) return;
    line->state    = LINE_CLOSING;
    line->heard_ms = io_ticks_ms(in->config.io);
    bus_writer_reset(&in->out);
    link_write_text(&in->out, LINK_REFUSED, why);
    bool is_told = bus_send(in->bus, line->pipe, (bytes_t){in->out.data, in->out.len});
    log_warn(LOG_RELAY, is_told ? "link refused" : "link cut", LOG_TEXT("reason", why));
}

static void flush(void *self)
{
    relay_link_in_t *in = self;
    in->flush_timer     = NULL;
    for (line_t *line = in->lines; line; line = line->next) {
        if (line->state != LINE_OPEN || line->acks.len == 0 || line->is_waiting) continue;
        if (!bus_send(in->bus, line->pipe, (bytes_t){line->acks.data, line->acks.len}))
            end(line, "acknowledgements are not read");
        line->is_waiting = true;
        relay_gate_said(line->gate);
        bus_writer_reset(&line->acks);
    }
}

static void flush_soon(relay_link_in_t *in)
{
    if (!in->flush_timer) in->flush_timer = io_timer_start(in->config.io, 0, 0, flush, in);
}

static void on_fate(void *context, relay_in_t fate)
{
    given_t *given = context;
    line_t *line   = given->line;
    if (line) {
        relay_link_in_t *in = line->in;
        line->given_count--;
        line->given_len -= given->len;
        link_status_t status = fate == RELAY_IN_ACCEPTED ? LINK_TAKEN
                               : fate == RELAY_IN_BUSY   ? LINK_AGAIN
                                                         : LINK_FINAL;
        link_write_ack(&line->acks, given->seq, status);
        flush_soon(in);
        *given->back = given->next;
        if (given->next) given->next->back = given->back;
    }
    free(given);
}

static void take(line_t *line, const link_item_t *item)
{
    uint64_t len = line->given_len + item->envelope.len;
    if (line->given_count >= LINK_WINDOW || (line->given_count > 0 && len > LINK_BYTES)) {
        end(line, "more was sent than is let in");
        return;
    }
    given_t *given = calloc(1, sizeof *given);
    *given         = (given_t){line, item->seq, item->envelope.len, line->given, &line->given};
    if (given->next) given->next->back = &given->next;
    line->given = given;
    line->given_count++;
    line->given_len = len;
    relay_link_input(line->in->relay, line->gate, item->envelope, on_fate, given);
}

/* Does the list name one of ours? */
static bool is_of_ours(const relay_link_in_t *in, bytes_t domains)
{
    char list[LINK_DOMAINS_CAP + 1], theirs[RMB_RELAY_MAX + 1], ours[RMB_RELAY_MAX + 1];
    if (domains.len) memcpy(list, domains.data, domains.len);
    list[domains.len] = 0;
    for (uint32_t i = 0; relay_domain_next(list, &i, theirs);)
        for (uint32_t j = 0; relay_domain_next(in->config.own_domains, &j, ours);)
            if (strcmp(theirs, ours) == 0) return true;
    return false;
}

static void hello(line_t *line, const link_reader_t *reader)
{
    relay_link_in_t *in = line->in;
    if (reader->kind != LINK_HELLO || reader->text.len == 0) {
        end(line, "the first message must name the domains of a relay");
        return;
    }
    if (is_of_ours(in, reader->text)) {
        end(line, "a relay of this domain, or this relay itself");
        return;
    }
    line->state = LINE_OPEN;
    bus_writer_reset(&in->out);
    link_write_text(&in->out, LINK_WELCOME, in->config.own_domains);
    if (!bus_send(in->bus, line->pipe, (bytes_t){in->out.data, in->out.len})) end(line, "no room to send");
    log_info(LOG_RELAY, "link let in", LOG_BYTES("domains", reader->text.data, reader->text.len));
}

static void open_message(line_t *line, bytes_t message)
{
    relay_link_in_t *in = line->in;
    link_reader_t reader;
    link_item_t item;
    if (message.len == 0) {
        if (line->state == LINE_OPEN && !bus_send(in->bus, line->pipe, message)) end(line, "no room to send");
        return;
    }
    bool is_known = link_read(message, &reader);
    if (is_known && line->state == LINE_NEW) {
        hello(line, &reader);
        return;
    }
    if (is_known && reader.kind == LINK_HEARD) {
        line->is_waiting = false;
        relay_gate_heard(line->gate);
        flush_soon(in);
        return;
    }
    if (!is_known || reader.kind != LINK_ENVELOPE) {
        end(line, "a frame of no known kind");
        return;
    }
    while (line->state == LINE_OPEN && link_next(&reader, &item))
        take(line, &item);
    if (reader.is_failed) end(line, "a malformed batch");
}

static line_t *line_get(relay_link_in_t *in, uint32_t pipe)
{
    line_t *line = in->lines;
    while (line && line->pipe != pipe)
        line = line->next;
    return line;
}

static void on_message(void *self, uint32_t pipe, bytes_t message)
{
    line_t *line = line_get(self, pipe);
    if (!line || line->state == LINE_CLOSING) return;
    line->heard_ms = io_ticks_ms(line->in->config.io);
    open_message(line, message);
}

static void on_open(void *self, uint32_t pipe)
{
    relay_link_in_t *in = self;
    if (in->count >= LINKS_MAX) {
        bus_close(in->bus, pipe);
        return;
    }
    line_t *line   = calloc(1, sizeof *line);
    line->in       = in;
    line->pipe     = pipe;
    line->gate     = relay_gate_new();
    line->heard_ms = io_ticks_ms(in->config.io);
    line->next     = in->lines;
    in->lines      = line;
    in->count++;
}

static void line_free(line_t *line)
{
    relay_link_in_t *in = line->in;
    line_t **at         = &in->lines;
    while (*at != line)
        at = &(*at)->next;
    *at = line->next;
    in->count--;
    for (given_t *given = line->given; given; given = given->next)
        given->line = NULL;
    relay_gate_free(in->relay, line->gate);
    bus_writer_fini(&line->acks);
    free(line);
}

static void on_close(void *self, uint32_t pipe)
{
    line_t *line = line_get(self, pipe);
    if (line) line_free(line);
}

static void tick(void *self)
{
    relay_link_in_t *in = self;
    uint64_t now_ms     = io_ticks_ms(in->config.io);
    for (line_t *line = in->lines; line; line = line->next) {
        uint64_t silent_ms = now_ms - line->heard_ms;
        if (line->state == LINE_CLOSING && silent_ms >= CLOSING_MS)
            bus_close(in->bus, line->pipe);
        else if (silent_ms >= (line->state == LINE_NEW ? HELLO_MS : SILENCE_MS))
            end(line, "nothing was heard");
    }
}

static bool listen_now(relay_link_in_t *in, const char **error)
{
    bus_handler_t handler = {in, on_open, on_message, on_close};
    in->bus               = bus_listen_to(in->config.io, in->url, &in->config.tls, &handler, error);
    return in->bus != NULL;
}

static void stop_listening(relay_link_in_t *in)
{
    while (in->lines)
        line_free(in->lines);
    bus_free(in->bus);
    in->bus = NULL;
}

/* The address may be taken for a moment still. */
static void listen_again(void *self)
{
    relay_link_in_t *in = self;
    const char *error   = "";
    in->listen_timer    = NULL;
    if (listen_now(in, &error)) return;
    log_error(LOG_RELAY, "link cannot listen", LOG_TEXT("url", in->url), LOG_TEXT("reason", error));
    in->listen_timer = io_timer_start(in->config.io, RELISTEN_MS, 0, listen_again, in);
}

void relay_link_reload(relay_link_in_t *in)
{
    if (!in->bus) return;
    stop_listening(in);
    listen_again(in);
}

relay_link_in_t *relay_link_listen(const relay_link_config_t *config, const char *url, relay_t *relay,
                                   const char **error)
{
    *error = "the URL is too long";
    if (strlen(url) >= RMB_URL_MAX) return NULL;
    relay_link_in_t *in = calloc(1, sizeof *in);
    in->config          = *config;
    in->relay           = relay;
    memcpy(in->url, url, strlen(url) + 1);
    if (!listen_now(in, error)) {
        free(in);
        return NULL;
    }
    in->tick_timer = io_timer_start(config->io, TICK_MS, TICK_MS, tick, in);
    return in;
}

uint32_t relay_link_count(const relay_link_in_t *in) { return in->count; }

void relay_link_close(relay_link_in_t *in)
{
    if (!in) return;
    if (in->bus) stop_listening(in);
    if (in->flush_timer) io_timer_stop(in->flush_timer);
    if (in->listen_timer) io_timer_stop(in->listen_timer);
    io_timer_stop(in->tick_timer);
    bus_writer_fini(&in->out);
    free(in);
}
