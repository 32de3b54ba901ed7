/* letters.h - how near two words are, for what somebody may have meant. */
#ifndef LETTERS_H
#define LETTERS_H
#include <stddef.h>

/* letters_apart is how many letters must change, come or go to make a of b; SIZE_MAX when b has 64 or more.
 */
size_t letters_apart(const char *a, const char *b);

#endif
