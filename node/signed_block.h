/* signed_block.h - a block in a file, as Substrate's export-blocks --binary has it.
 *
 * A file: u64 count, then that many of: header | Vec<OpaqueExtrinsic> | Option<Vec<([u8; 4], Vec<u8>)>>. */
#ifndef SIGNED_BLOCK_H
#define SIGNED_BLOCK_H
#include "scale.h"

#define SIGNED_BLOCK_MAX (64u << 20) /* bytes of one; a body is at most 5 MiB, a justification far less */

typedef struct {
    bytes_t header, body, justification; /* of GRANDPA, empty: none; all point into what was read */
    uint32_t number;
} signed_block_t;

/* signed_block_read takes one block from the front of bytes; *len is what it took.  False: it does not
 * decode, or bytes end before it does. */
NODISCARD bool signed_block_read(bytes_t bytes, signed_block_t *block, uint32_t *len);

/* signed_block_write writes one. */
void signed_block_write(scale_writer_t *w, const signed_block_t *block);

#endif
