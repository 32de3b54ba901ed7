/* federation_io.h - the federation's world: HTTPS posts, links, clock and timer of the loop. */
#ifndef FEDERATION_IO_H
#define FEDERATION_IO_H
#include "federation.h"
#include "io.h"

typedef struct federation_io federation_io_t;

/* federation_io_new: at and ca_file may be NULL; they must outlive it.  period_s as in federation_new. */
federation_io_t *federation_io_new(io_t *io, const relay_at_t *at, const char *ca_file, uint32_t period_s);
federation_t *federation_io_core(federation_io_t *world);
void federation_io_free(federation_io_t *world); /* the federation with it; links before it */

#endif
