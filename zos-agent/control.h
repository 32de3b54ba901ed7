/* control.h - what the operator of the machine asks the agent: a socket in the run directory, for zosctl.
 *
 * RUN_DIR/ctl.sock, mode 0660, of root and the group `zos` where there is one; who asks is known by the
 * kernel (SO_PEERCRED, SO_PEERGROUPS).  One connection is one question, a line of JSON {"ask":"status",...},
 * and one answer, a line of JSON; {"error":"..."} when it cannot be given. */
#ifndef CONTROL_H
#define CONTROL_H
#include "agent.h"

#define CONTROL_GROUP    "zos"
#define CONTROL_LINE_MAX 4096  /* of a question */
#define CONTROL_LOG_MAX  65536 /* of a log in one answer */

/* control_new begins to listen; NULL when the socket cannot be made. */
control_t *control_new(agent_t *agent);
void control_free(control_t *control);

/* control_answer is the answer to one question, the caller's to json_decref. */
struct json_t *control_answer(agent_t *agent, const struct json_t *question);

/* control_log is a piece of a machine's log from an offset on, a negative one counting from the end: text,
 * the caller's to free(), and in *next where the next piece begins.  NULL when it has no log. */
char *control_log(const agent_t *agent, const char *wid, int64_t from, int64_t *next);

#endif
