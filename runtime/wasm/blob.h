/* blob.h - the runtime as a wasm module, embedded: what genesis puts under ":code". */
#ifndef RUNTIME_BLOB_H
#define RUNTIME_BLOB_H
#include "base.h"

/* runtime_blob is the module that was built with this very program. */
bytes_t runtime_blob(void);

#endif
