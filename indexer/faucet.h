/* faucet.h - the activation service of a development grid: an account that has nothing gets some tokens.
 *
 * POST {"substrateAccountID": SS58} sends them from the faucet's account, once for each account while it has
 * less than half of that, and at most FAUCET_A_MINUTE times a minute. */
#ifndef FAUCET_H
#define FAUCET_H
#include "client.h"
#include "web.h"

#define FAUCET_A_MINUTE 30u

typedef struct faucet faucet_t;

/* faucet_new: the key is copied; amount in units of 1e-7 TFT.  The client must outlive it. */
faucet_t *faucet_new(io_t *io, client_t *client, const keypair_t *key, uint64_t amount);
void faucet_free(faucet_t *faucet);

/* faucet_ask answers the request, now or when the transfer is in a block. */
void faucet_ask(faucet_t *faucet, web_request_t *request, bytes_t body);

/* faucet_gone: the request's peer left; it is not answered any more. */
void faucet_gone(faucet_t *faucet, web_request_t *request);

#endif
