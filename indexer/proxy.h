/* proxy.h - questions over HTTP as ThreeFold's gridproxy answers them: nodes, farms, contracts and so on.
 *
 * docs/formats/gridproxy.md lists the paths, filters and answers. */
#ifndef PROXY_H
#define PROXY_H
#include "db.h"

#include <jansson.h>

#define PROXY_PARAMS_MAX 64u     /* of one question */
#define PROXY_ROWS_MAX   100000u /* of one page */

typedef struct {
    db_t *db;
    uint64_t now_s; /* the time that a node's status is told at */
    const char *version;
    double balance; /* of who asks, in dollars: prices are told with the discount for it */
} proxy_t;

typedef struct {
    int status;
    char headers[256]; /* further lines of the answer; may be empty */
} proxy_result_t;

/* proxy_answer answers GET path?query; query is as web_head_t has it.  NULL: it is none of gridproxy's paths.
 * Else the caller's to json_decref; an error is {"error": text}. */
json_t *proxy_answer(const proxy_t *proxy, const char *path, const char *query, proxy_result_t *result);

/* proxy_node_twin finds a node's twin and whether the node is up, for questions that the node itself answers.
 */
bool proxy_node_twin(const proxy_t *proxy, uint32_t node_id, uint32_t *twin_id, bool *is_up);

#endif
