/* inbox_limit.h - how much one address may post to the inbox of other relays in a minute.
 *
 * An address is an IPv4 address or an IPv6 network of 64 bits.  Of more than INBOX_ADDRESSES_MAX in one
 * minute the later ones share one count. */
#ifndef INBOX_LIMIT_H
#define INBOX_LIMIT_H
#include "base.h"

#define INBOX_ADDRESSES_MAX 16384

typedef struct inbox_limit inbox_limit_t;

/* inbox_limit_new: envelopes and bytes a minute; 0: no limit. */
inbox_limit_t *inbox_limit_new(uint32_t count, uint64_t bytes);
void inbox_limit_free(inbox_limit_t *limit);

/* inbox_limit_take counts one envelope; false: it is above the limit of its address (numeric text). */
NODISCARD bool inbox_limit_take(inbox_limit_t *limit, const char *address, uint32_t len, uint64_t now_s);

/* inbox_limit_refused is how many were above it. */
uint64_t inbox_limit_refused(const inbox_limit_t *limit);

#endif
