/* rmb_echo.c - a node for end-to-end tests: answers "echo" with what it got, "fail" with an error.
 *
 *     rmb_echo SUBSTRATE SURI KEY_TYPE TWIN RELAY_URL CA_FILE     until SIGTERM */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "io.h"
#include "peer.h"
#include "twin_cache.h"

static void answer(void *context, peer_t *peer, const peer_incoming_t *request)
{
    char text[64];
    (void)context;
    if (strcmp(request->command, "echo") == 0) {
        peer_reply(peer, &request->from, request->payload);
    } else if (strcmp(request->command, "who") == 0) {
        snprintf(text, sizeof text, "{\"twin\":%u,\"len\":%u}", request->from.twin, request->payload.len);
        peer_reply(peer, &request->from, bytes_text(text));
    } else {
        peer_reply_error(peer, &request->from, 0, "function is not found");
    }
}

int main(int argc, char **argv)
{
    keypair_t key;
    key_kind_t kind;
    if (argc != 7 || !crypto_init() || !key_kind_parse(argv[3], &kind) ||
        key_from_suri(argv[2], kind, &key) != KEY_OK)
        return 2;
    io_t *io = io_new();
    io_stop_on_signals(io, NULL, NULL);
    client_t *client    = client_new(&(client_config_t){.io = io, .urls = {argv[1]}, .url_count = 1});
    twin_chain_t *chain = twin_chain_new(client);
    twin_cache_t *twins = twin_cache_new(twin_chain_source(chain), 64);
    twin_chain_follow(chain, twins, false);
    peer_t *peer = peer_new(&(peer_config_t){.io          = io,
                                             .twin        = (uint32_t)strtoul(argv[4], NULL, 10),
                                             .key         = &key,
                                             .twins       = twins,
                                             .relays      = {argv[5]},
                                             .relay_count = 1,
                                             .ca_file     = argv[6][0] ? argv[6] : NULL,
                                             .on_request  = answer});
    if (!peer) return 1;
    io_run(io);
    peer_free(peer);
    twin_chain_free(chain);
    twin_cache_free(twins);
    client_free(client);
    for (int i = 0; i < 20; i++)
        io_step(io, 1);
    io_free(io);
    return 0;
}
