/* columns.h - what the database holds: one column family a kind of record.
 *
 * Numbers in keys are big-endian.  A versioned key ends with the number of the block that wrote it,
 * inverted, so that the newest version at or before a block is the first at or after a seek.  Before
 * it stands the path key of a node as it is (none starts another), or the storage key with each 00
 * written as 00 ff and 00 00 at its end: in the same order, and none starts another.
 * Change this and STORE_FORMAT with it; a database of format 1 is one of 2 that keeps everything. */
#ifndef COLUMNS_H
#define COLUMNS_H

#define STORE_FORMAT 2

typedef enum {
    COLUMN_META,          /* name -> record: format, genesis, best, finalized; "+" and a name of others */
    COLUMN_NUMBER,        /* block hash -> number, parent */
    COLUMN_CANONICAL,     /* number -> hash, on the chain that ends in the best block */
    COLUMN_HEADER,        /* number, hash -> header */
    COLUMN_BODY,          /* number, hash -> SCALE Vec of extrinsics */
    COLUMN_JUSTIFICATION, /* number, hash -> encoded justification */
    COLUMN_PENDING,       /* number, hash of an unfinalized block -> what it changes */
    COLUMN_VALUE,         /* storage key, inverted number -> 00, or 01 and the value */
    COLUMN_NODE,          /* path key, inverted number -> 00, or 01 and the node */
    COLUMN_PRUNE,         /* number, column, key without its number -> nothing: removed by that block */
    COLUMN_COUNT,
} column_t;

#define COLUMN_NAMES                                                                                         \
    {                                                                                                        \
        "default", "number", "canonical", "header", "body", "justification", "pending", "value", "node",     \
            "prune"                                                                                          \
    }

#endif
