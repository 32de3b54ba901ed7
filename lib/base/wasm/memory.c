/* memory.c - mem* for wasm32, where there is no libc.  Copies go by words of eight bytes. */
#include <stdint.h>
#include <string.h>

typedef uint64_t __attribute__((aligned(1), may_alias)) word_t;

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    uint8_t *t       = to;
    const uint8_t *f = from;
    for (; n >= 8; n -= 8, t += 8, f += 8)
        *(word_t *)t = *(const word_t *)f;
    for (; n > 0; n--)
        *t++ = *f++;
    return to;
}

void *memmove(void *to, const void *from, size_t n)
{
    uint8_t *t       = to;
    const uint8_t *f = from;
    if ((uintptr_t)t <= (uintptr_t)f || (uintptr_t)t >= (uintptr_t)f + n) {
        for (; n > 0; n--)
            *t++ = *f++;
        return to;
    }
    while (n-- > 0)
        t[n] = f[n];
    return to;
}

void *memset(void *to, int byte, size_t n)
{
    uint8_t *t    = to;
    uint64_t word = UINT64_C(0x0101010101010101) * (uint8_t)byte;
    for (; n >= 8; n -= 8, t += 8)
        *(word_t *)t = word;
    for (; n > 0; n--)
        *t++ = (uint8_t)byte;
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;
    for (; n > 0; n--, x++, y++)
        if (*x != *y) return *x < *y ? -1 : 1;
    return 0;
}
