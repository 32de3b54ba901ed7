/* api_internal.h - the commands of the bus, as their files share them. */
#ifndef API_INTERNAL_H
#define API_INTERNAL_H
#include "agent.h"
#include "limit.h"
#include "web.h"

#include <jansson.h>

typedef struct pending pending_t;

struct api {
    agent_t *agent;
    pending_t *pending;
    uint32_t pending_count;
    limit_t limit;
    web_pool_t *kyc; /* NULL: nobody is asked whether a twin is verified */
    bool is_ending;
};

/* Who may ask. */
typedef enum {
    FOR_ALL,
    FOR_FARMER, /* the twin of the node's farm, as the chain has it */
    FOR_ADMINS, /* and those that the operator named */
} api_right_t;

typedef struct {
    const char *name;
    api_right_t right;
    void (*answer)(api_t *api, const peer_incoming_t *request);
} api_command_t;

/* The last one has no name. */
extern const api_command_t api_node_commands[];  /* api_node.c: zos.system, zos.perf, zos.admin */
extern const api_command_t api_debug_commands[]; /* api_debug.c: zos.debug */

void api_reply(api_t *api, const peer_return_t *to, json_t *json); /* takes json over */
void api_refuse(api_t *api, const peer_return_t *to, const char *why);
json_t *api_payload(const peer_incoming_t *request); /* NULL when it is no JSON */

/* api_may says whether a twin may ask for what is for farmers or admins.  Nobody is before the chain was
 * read. */
bool api_may(const agent_t *agent, api_right_t right, uint32_t twin_id);

#endif
