/* string.h - what pure code may use of it when there is no libc. */
#ifndef TRELLIS_WASM_STRING_H
#define TRELLIS_WASM_STRING_H
#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);

#endif
