/* relay_link_out.c - the side of a link that dials and sends; see relay_link.h. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link_frame.h"
#include "log.h"
#include "relay_link.h"

#define PAUSE_MS     200
#define PAUSE_MS_MAX 5000
#define TICK_MS      2000
#define HELLO_MS     10000
#define QUIET_MS     10000 /* then we say that we live */
#define UNACKED_MS   60000
#define SILENCE_MS   30000 /* then the other side is taken for lost */

typedef struct {
    federation_item_t *item; /* NULL: acknowledged, or none yet */
    uint32_t len;
} slot_t;

struct relay_link_out {
    relay_link_config_t config;
    federation_t *federation;
    char domain[RMB_RELAY_MAX + 1], url[RMB_URL_MAX];
    bus_t *bus;
    uint32_t pipe;
    bool is_up;
    uint32_t seq, unacked;
    uint64_t acked_ms; /* when one came, or the first that waits was sent */
    uint64_t unacked_len, heard_ms, said_ms, pause_ms;
    slot_t slots[LINK_WINDOW];
    bus_writer_t out;
    io_timer_t *tick_timer, *dial_timer, *flush_timer;
};

static void dial(void *self);

static uint64_t ticks(const relay_link_out_t *link) { return io_ticks_ms(link->config.io); }

static void lost(relay_link_out_t *link, const char *why)
{
    bool was_up = link->is_up;
    uint32_t random;
    if (link->bus) bus_free(link->bus);
    link->bus   = NULL;
    link->pipe  = 0;
    link->is_up = false;
    if (link->flush_timer) io_timer_stop(link->flush_timer);
    link->flush_timer = NULL;
    bus_writer_reset(&link->out);
    memset(link->slots, 0, sizeof link->slots);
    link->unacked     = 0;
    link->unacked_len = 0;
    io_random(&random, sizeof random);
    uint64_t pause_ms = link->pause_ms / 2 + random % (link->pause_ms / 2 + 1);
    link->pause_ms    = link->pause_ms * 2 > PAUSE_MS_MAX ? PAUSE_MS_MAX : link->pause_ms * 2;
    if (!link->dial_timer) link->dial_timer = io_timer_start(link->config.io, pause_ms, 0, dial, link);
    if (was_up) {
        log_warn(LOG_RELAY, "link lost", LOG_TEXT("domain", link->domain), LOG_TEXT("reason", why));
        federation_link(link->federation, link->domain, NULL);
    } else {
        log_debug(LOG_RELAY, "link not up", LOG_TEXT("domain", link->domain), LOG_TEXT("reason", why));
    }
}

static bool send_out(relay_link_out_t *link)
{
    if (link->out.len == 0) return true;
    if (!bus_send(link->bus, link->pipe, (bytes_t){link->out.data, link->out.len})) return false;
    bus_writer_reset(&link->out);
    link->said_ms = ticks(link);
    return true;
}

static void flush(void *self)
{
    relay_link_out_t *link = self;
    link->flush_timer      = NULL;
    if (!send_out(link)) lost(link, "no room to send");
}

bool relay_link_send(relay_link_out_t *link, federation_item_t *item, bytes_t wire)
{
    slot_t *slot = &link->slots[link->seq % LINK_WINDOW];
    if (!link->is_up || slot->item || link->unacked >= LINK_WINDOW) return false;
    if (link->unacked > 0 && link->unacked_len + wire.len > LINK_BYTES) return false;
    *slot = (slot_t){item, wire.len};
    if (link->unacked == 0) link->acked_ms = ticks(link);
    link->unacked++;
    link->unacked_len += wire.len;
    link_write_envelope(&link->out, link->seq++, wire);
    /* What one turn of the loop brings leaves in one message. */
    bool is_full = link->out.len >= LINK_BATCH_LEN;
    if (link->flush_timer && !is_full) return true;
    if (link->flush_timer) io_timer_stop(link->flush_timer);
    link->flush_timer = NULL;
    if (is_full && send_out(link)) return true;
    link->flush_timer = io_timer_start(link->config.io, 0, 0, flush, link);
    return true;
}

static bool take_acks(relay_link_out_t *link, link_reader_t *reader)
{
    link_item_t ack;
    const bus_t *bus = link->bus;
    while (link->bus == bus && link_next(reader, &ack)) {
        slot_t *slot            = &link->slots[ack.seq % LINK_WINDOW];
        federation_item_t *item = slot->item;
        uint32_t age            = link->seq - ack.seq;
        if (age == 0 || age > LINK_WINDOW || !item) return false;
        link->unacked--;
        link->unacked_len -= slot->len;
        *slot = (slot_t){0};
        federation_posted(link->federation, item,
                          ack.status == LINK_TAKEN   ? FEDERATION_TAKEN
                          : ack.status == LINK_FINAL ? FEDERATION_REFUSED
                                                     : FEDERATION_FAILED);
    }
    return !reader->is_failed;
}

/* has_domain: is it one of those that the other side named? */
static bool has_domain(bytes_t domains, const char *domain)
{
    char list[LINK_DOMAINS_CAP + 1], name[RMB_RELAY_MAX + 1];
    uint32_t at = 0;
    if (domains.len) memcpy(list, domains.data, domains.len);
    list[domains.len] = 0;
    while (relay_domain_next(list, &at, name))
        if (strcmp(name, domain) == 0) return true;
    return false;
}

static void on_message(void *self, uint32_t pipe, bytes_t message)
{
    relay_link_out_t *link = self;
    link_reader_t reader;
    if (pipe != link->pipe) return;
    link->heard_ms = ticks(link);
    if (message.len == 0) return;
    if (!link_read(message, &reader)) {
        lost(link, "a frame of no known kind");
    } else if (link->is_up && reader.kind == LINK_ACK) {
        /* Behind what was given to the link before: what comes behind it knows these answers. */
        static const uint8_t heard = LINK_HEARD;
        link->acked_ms             = link->heard_ms;
        if (!take_acks(link, &reader))
            lost(link, "an acknowledgement of what was not sent");
        else if (link->is_up && (!send_out(link) || !bus_send(link->bus, link->pipe, (bytes_t){&heard, 1})))
            lost(link, "no room to send");
    } else if (!link->is_up && reader.kind == LINK_WELCOME && has_domain(reader.text, link->domain)) {
        link->is_up    = true;
        link->pause_ms = PAUSE_MS;
        log_info(LOG_RELAY, "link up", LOG_TEXT("domain", link->domain), LOG_TEXT("url", link->url));
        federation_link(link->federation, link->domain, link);
    } else {
        bool is_reason = reader.kind == LINK_REFUSED, is_welcome = reader.kind == LINK_WELCOME;
        log_warn(LOG_RELAY, is_welcome ? "link is not to this domain" : "link refused",
                 LOG_TEXT("domain", link->domain),
                 LOG_BYTES("reason", reader.text.data, is_reason || is_welcome ? reader.text.len : 0));
        lost(link, "refused");
    }
}

static void on_open(void *self, uint32_t pipe)
{
    relay_link_out_t *link = self;
    link->pipe             = pipe;
    link->heard_ms = link->said_ms = ticks(link);
    bus_writer_reset(&link->out);
    link_write_text(&link->out, LINK_HELLO, link->config.own_domains);
    bool is_sent = bus_send(link->bus, pipe, (bytes_t){link->out.data, link->out.len});
    bus_writer_reset(&link->out);
    if (!is_sent) lost(link, "no room to send");
}

static void on_close(void *self, uint32_t pipe)
{
    relay_link_out_t *link = self;
    if (pipe == link->pipe) lost(link, "closed");
}

static void dial(void *self)
{
    relay_link_out_t *link = self;
    bus_handler_t handler  = {link, on_open, on_message, on_close};
    const char *error      = "";
    link->dial_timer       = NULL;
    link->bus              = bus_dial_as(link->config.io, link->url, &link->config.tls, &handler, &error);
    if (link->bus) return;
    log_warn(LOG_RELAY, "link cannot be dialled", LOG_TEXT("url", link->url), LOG_TEXT("reason", error));
    lost(link, error);
}

static void tick(void *self)
{
    relay_link_out_t *link = self;
    if (!link->pipe) return;
    uint64_t now_ms = ticks(link), silent_ms = now_ms - link->heard_ms;
    if (silent_ms > (link->is_up ? SILENCE_MS : HELLO_MS)) {
        lost(link, "nothing was heard");
        return;
    }
    if (link->unacked > 0 && now_ms - link->acked_ms > UNACKED_MS) {
        lost(link, "nothing was acknowledged");
        return;
    }
    if (!link->is_up || (now_ms - link->said_ms < QUIET_MS && silent_ms < QUIET_MS)) return;
    link->said_ms = now_ms;
    if (!bus_send(link->bus, link->pipe, (bytes_t){0})) lost(link, "no room to send");
}

relay_link_out_t *relay_link_dial(const relay_link_config_t *config, const char *domain, const char *url,
                                  federation_t *federation)
{
    if (strlen(domain) > RMB_RELAY_MAX || strlen(url) >= RMB_URL_MAX) return NULL;
    relay_link_out_t *link = calloc(1, sizeof *link);
    link->config           = *config;
    link->federation       = federation;
    link->pause_ms         = PAUSE_MS;
    memcpy(link->domain, domain, strlen(domain) + 1);
    memcpy(link->url, url, strlen(url) + 1);
    link->tick_timer = io_timer_start(config->io, TICK_MS, TICK_MS, tick, link);
    link->dial_timer = io_timer_start(config->io, 0, 0, dial, link);
    return link;
}

const char *relay_link_domain(const relay_link_out_t *link) { return link->domain; }
bool relay_link_is_up(const relay_link_out_t *link) { return link->is_up; }

void relay_link_hang_up(relay_link_out_t *link)
{
    if (!link) return;
    if (link->bus) bus_free(link->bus);
    if (link->dial_timer) io_timer_stop(link->dial_timer);
    if (link->flush_timer) io_timer_stop(link->flush_timer);
    io_timer_stop(link->tick_timer);
    if (link->is_up) federation_link(link->federation, link->domain, NULL);
    bus_writer_fini(&link->out);
    free(link);
}
