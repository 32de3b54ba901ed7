/* country.h - countries and their regions, which nodes are found by. */
#ifndef COUNTRY_H
#define COUNTRY_H
#include <stdint.h>

typedef struct {
    const char *code, *name, *region, *subregion;
} country_t;

extern const country_t countries[];
extern const uint32_t country_count;

/* country_region finds the region of a country by its name, in any case; "" when it is not known. */
const char *country_region(const char *name);

#endif
