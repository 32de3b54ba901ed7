/* reader.h - questions of many, answered beside the loop: threads with connections of their own that only
 * read.
 *
 * The loop goes on following blocks while a question is answered.  Each is answered from one snapshot, the
 * index as of one block, and takes at most so many steps of the database.  READER_COUNT are answered at a
 * time, the others wait in the order in which they came, except that one place is kept for questions of a
 * kind that was quick lately; too many of all, or of one address, are refused. */
#ifndef READER_H
#define READER_H
#include "db.h"
#include "io.h"
#include "web.h"

#define READER_COUNT     3
#define READER_QUEUE_MAX 512 /* questions that wait */
#define READER_OF_ONE    64  /* of one address, with those under way */

typedef struct reader reader_t;

typedef struct {
    const char *path, *query; /* of gridproxy; NULL: the body is GraphQL's */
    bytes_t body;
    const char *peer; /* the address that asks */
    uint32_t height;  /* of the index, for GraphQL */
} reader_question_t;

typedef struct {
    io_t *io;
    const char *where, *version; /* of the index; of this program */
    const char *headers;         /* of every answer */
    /* on_answer hears how every question ended, and when.  May be NULL. */
    void (*on_answer)(void *context, int status, uint64_t ms);
    /* on_quiet is called now and then while nothing is under way: only then can a log of changes that all
     * readers look through begin anew.  May be NULL. */
    void (*on_quiet)(void *context);
    void *context;
} reader_config_t;

/* reader_new opens the connections; the index must be there.  NULL: *error. */
reader_t *reader_new(const reader_config_t *config, char error[DB_ERROR_MAX + 1]);

/* reader_free waits for what is under way; nothing that waited is answered any more. */
void reader_free(reader_t *reader);

/* reader_ask answers a request by and by.  The question is copied.  False: too much waits, answer it
 * yourself. */
NODISCARD bool reader_ask(reader_t *reader, web_request_t *request, const reader_question_t *question);

/* reader_gone: the request must not be answered any more. */
void reader_gone(reader_t *reader, const web_request_t *request);

/* reader_waiting counts the questions that wait. */
uint32_t reader_waiting(const reader_t *reader);

#endif
