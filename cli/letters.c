/* letters.c - the edit distance of two words. */

#include "letters.h"

#include <stdint.h>
#include <string.h>

enum { LETTERS_MAX = 64 };

size_t letters_apart(const char *a, const char *b)
{
    size_t row[LETTERS_MAX], len = strlen(b);
    if (len >= LETTERS_MAX) return SIZE_MAX;
    for (size_t j = 0; j <= len; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0]          = i;
        for (size_t j = 1; j <= len; j++) {
            size_t above = row[j], best = diagonal + (a[i - 1] != b[j - 1]);
            if (above + 1 < best) best = above + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = above;
            row[j]   = best;
        }
    }
    return row[len];
}
