/* parse.h - reading a deployment's JSON with sticky failure: the first thing that is wrong is kept. */
#ifndef DEPLOYMENT_PARSE_H
#define DEPLOYMENT_PARSE_H
#include "deployment.h"

#include <jansson.h>

typedef struct {
    arena_t *arena;
    char where[24]; /* what is being read */
    char *error;    /* "" until something is wrong */
} parser_t;

/* key is a fixed text: what a user sends does not come back in an error.  parse_fail keeps "WHERE: KEY: WHAT"
 * when nothing was wrong before. */
void parse_fail(parser_t *p, const char *key, const char *what);

/* A key that is missing or null gives "", 0, false or an empty list, as in Go. */
const char *parse_text(parser_t *p, const json_t *object, const char *key);
uint64_t parse_number(parser_t *p, const json_t *object, const char *key, uint64_t most);
bool parse_flag(parser_t *p, const json_t *object, const char *key);

/* parse_object gives NULL when the key is missing; parse_list NULL and 0 when it is missing or empty. */
const json_t *parse_object(parser_t *p, const json_t *object, const char *key);
const json_t *parse_list(parser_t *p, const json_t *object, const char *key, uint32_t *count);

/* parse_take is arena_take that fails the parser; NULL for nothing. */
void *parse_take(parser_t *p, size_t count, size_t size);
const char *const *parse_texts(parser_t *p, const json_t *object, const char *key, uint32_t *count);

/* parse_ip reads an address, parse_network one with a prefix length; empty text is "not given". */
void parse_ip(parser_t *p, const char *key, const char *text, deployment_ip_t *ip);
void parse_network(parser_t *p, const char *key, const char *text, deployment_ip_t *ip);

/* parse_data reads the data of a workload of its kind. */
void parse_data(parser_t *p, const json_t *data, workload_t *workload);

#endif
