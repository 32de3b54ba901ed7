/* probe.h - what only nodes know, asked from them over the bus: features, GPUs, health, IPv6, hardware,
 * speed.
 *
 * Each node that is up is asked when it is new and then each PROBE_EVERY_S; what it said stands in the table
 * probe, beside the rows of the chain.  A node that does not answer is not healthy, and keeps what it said.
 */
#ifndef PROBE_H
#define PROBE_H
#include "client.h"
#include "store.h"
#include "twin_cache.h"
#include "web.h"

#define PROBE_EVERY_S 300u

typedef struct probe probe_t;

typedef struct {
    io_t *io;
    client_t *client;
    store_t *store;
    const keypair_t *key; /* of a twin; copied */
    const char *relay;    /* URL of a relay of that twin */
    const char *ca_file;
} probe_config_t;

/* probe_new finds the key's twin on the chain, then joins the bus. */
probe_t *probe_new(const probe_config_t *config);

/* probe_free before the client. */
void probe_free(probe_t *probe);
bool probe_is_connected(const probe_t *probe);

/* probe_look asks nodes that are new, or were asked long ago; call it after blocks and now and then. */
void probe_look(probe_t *probe);

/* What a node is asked, in order. */
typedef struct {
    const char *command, *payload;
} probe_question_t;
#define PROBE_QUESTIONS 8u
extern const probe_question_t probe_questions[PROBE_QUESTIONS];

/* probe_keep writes what a node's twin said to a question into its row of the table probe, which is there; an
 * answer of another form than zos gives changes nothing.  False: the database failed. */
NODISCARD bool probe_keep(db_t *db, uint32_t twin_id, uint32_t question, const struct json_t *answer);

/* probe_ask answers the request with what the node's twin says to the command. */
void probe_ask(probe_t *probe, web_request_t *request, uint32_t twin_id, const char *command);
void probe_gone(probe_t *probe, web_request_t *request);

#endif
