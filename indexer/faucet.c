/* faucet.c - tokens for new accounts of a development grid. */
#include "faucet.h"
#include "balances_types.h"
#include "io.h"
#include "log.h"
#include "ss58.h"
#include "system_types.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS 60000u

typedef struct wait {
    struct wait *next;
    faucet_t *faucet;
    web_request_t *request; /* NULL: its peer left */
    account_id_t account;
    char address[SS58_TEXT_MAX + 1];
} wait_t;

struct faucet {
    io_t *io;
    client_t *client;
    keypair_t key;
    uint64_t amount;
    uint64_t minute;
    uint32_t in_minute;
    wait_t *waits;
};

static void reply(web_request_t *request, int status, const char *name, const char *text)
{
    char body[CLIENT_ERROR_MAX + 64];
    json_t *json = json_pack("{s:s}", name, text);
    char *out    = json ? json_dumps(json, JSON_COMPACT) : NULL;
    snprintf(body, sizeof body, "%s", out ? out : "{}");
    if (request) web_answer(request, status, "application/json", NULL, bytes_text(body));
    free(out);
    json_decref(json);
}

static void wait_end(wait_t *w, int status, const char *name, const char *text)
{
    wait_t **at = &w->faucet->waits;
    reply(w->request, status, name, text);
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    free(w);
}

static void on_sent(void *self, const client_outcome_t *outcome)
{
    wait_t *w = self;
    char text[CLIENT_ERROR_MAX + 1];
    bool is_in_block = outcome->stage == CLIENT_TX_IN_BLOCK;
    if (!outcome->is_last) return;
    if (outcome->stage == CLIENT_TX_FAILED && outcome->error.status == CLIENT_FREED) return;
    if ((is_in_block || outcome->stage == CLIENT_TX_FINALIZED) && outcome->is_success) {
        log_info(LOG_MAIN, "account activated", LOG_TEXT("address", w->address));
        wait_end(w, 200, "activation_code", w->address);
        return;
    }
    (void)client_outcome_text(outcome, text, sizeof text);
    log_warn(LOG_MAIN, "account not activated", LOG_TEXT("why", text));
    wait_end(w, 502, "error", text);
}

static void send(wait_t *w)
{
    uint8_t room[128];
    faucet_t *f                              = w->faucet;
    scale_writer_t s                         = scale_writer(room, sizeof room);
    balances_transfer_keep_alive_args_t args = {
        .dest = {.kind = SUPPORT_MULTI_ADDRESS_ID, .id = w->account},
          .value = f->amount
    };
    balances_transfer_keep_alive_call_encode(&s, &args);
    client_submit(f->client, &(client_submit_t){.key = &f->key, .call = scale_written(&s)}, on_sent, w);
}

static void on_account(void *self, const client_error_t *error, bytes_t value)
{
    wait_t *w = self;
    system_account_info_t info;
    if (error->status == CLIENT_FREED) return;
    if (error->status != CLIENT_OK) {
        wait_end(w, 502, "error", error->text);
        return;
    }
    scale_reader_t r = scale_reader(value, NULL);
    if (value.data) system_account_info_decode(&r, &info);
    if (value.data && scale_done(&r) && info.data.free >= w->faucet->amount / 2)
        wait_end(w, 200, "activation_code", w->address); /* it has enough */
    else
        send(w);
}

static bool is_within_limit(faucet_t *f)
{
    uint64_t minute = io_ticks_ms(f->io) / MINUTE_MS;
    if (minute != f->minute) f->in_minute = 0;
    f->minute = minute;
    return f->in_minute++ < FAUCET_A_MINUTE;
}

static bool is_waited_for(const faucet_t *f, const account_id_t *account)
{
    for (const wait_t *w = f->waits; w; w = w->next)
        if (memcmp(&w->account, account, sizeof *account) == 0) return true;
    return false;
}

void faucet_ask(faucet_t *faucet, web_request_t *request, bytes_t body)
{
    account_id_t account;
    uint8_t room[128];
    json_t *json     = json_loadb((const char *)body.data, body.len, 0, NULL);
    const char *text = json_string_value(json_object_get(json, "substrateAccountID"));
    bool is_account  = text && ss58_account_decode(bytes_text(text), &account);
    json_decref(json);
    if (!is_account) {
        reply(request, 400, "error", "substrateAccountID is an address");
        return;
    }
    if (is_waited_for(faucet, &account) || !is_within_limit(faucet)) {
        reply(request, 429, "error", "too many requests: try again in a minute");
        return;
    }
    wait_t *w = calloc(1, sizeof *w);
    if (!w) abort();
    *w = (wait_t){.next = faucet->waits, .faucet = faucet, .request = request, .account = account};
    ss58_account(w->address, &account);
    faucet->waits    = w;
    scale_writer_t s = scale_writer(room, sizeof room);
    system_account_key(&s, &account);
    client_storage(faucet->client, scale_written(&s), NULL, on_account, w);
}

void faucet_gone(faucet_t *faucet, web_request_t *request)
{
    for (wait_t *w = faucet->waits; w; w = w->next)
        if (w->request == request) w->request = NULL;
}

faucet_t *faucet_new(io_t *io, client_t *client, const keypair_t *key, uint64_t amount)
{
    faucet_t *f = calloc(1, sizeof *f);
    if (!f) abort();
    *f = (faucet_t){.io = io, .client = client, .key = *key, .amount = amount};
    return f;
}

/* After the client and the servers: nobody hears of those who wait any more. */
void faucet_free(faucet_t *faucet)
{
    while (faucet && faucet->waits) {
        wait_t *next = faucet->waits->next;
        free(faucet->waits);
        faucet->waits = next;
    }
    if (faucet) key_wipe(&faucet->key);
    free(faucet);
}
