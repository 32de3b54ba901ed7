/* gateway.h - names of the web that lead to workloads: one haproxy for all of them.
 *
 * The program is started with an idle backend of each slot; names and addresses are put in over its control
 * socket, so nothing is reloaded and no connection is cut when a gateway comes or goes. It outlives the
 * agent; one that died is started and filled again. */
#ifndef GATEWAY_H
#define GATEWAY_H
#include "plan.h"

struct host;

/* How a node is a gateway. */
typedef struct {
    bool is_on;
    char program[PATH_CAP];            /* haproxy */
    char domain[GATEWAY_HOST_MAX + 1]; /* names of name gateways are below it */
    char address[46];                  /* to listen on */
    uint16_t http_port, https_port;
    char certificate[PATH_CAP]; /* a PEM file with its key, or a folder of such; "": made here, signed by
                                   itself */
} gateway_settings_t;

/* gateway_text writes haproxy's configuration; folder holds its maps and sockets.  The caller's to free(). */
char *gateway_text(const gateway_settings_t *settings, const char *folder, const char *certificate);

#endif
