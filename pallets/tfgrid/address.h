/* address.h - internet addresses as text, read strictly, and which of them a farm may lend.
 *
 * IPv4 is four decimal numbers without leading zeros; IPv6 as RFC 4291 writes it, "::" and a dotted tail
 * included.  A mask is one or more digits without a leading zero (spec tfgrid 2.2). */
#ifndef TFGRID_ADDRESS_H
#define TFGRID_ADDRESS_H
#include "base.h"

/* An address of 4 or 16 bytes, most significant first. */
typedef struct {
    uint8_t bytes[16];
    uint8_t len;  /* 4 or 16 */
    uint8_t mask; /* leading bits of the network; len * 8 when the text has none */
} address_t;

NODISCARD bool address_parse_ip4(bytes_t text, address_t *out);
NODISCARD bool address_parse_ip6(bytes_t text, address_t *out);
NODISCARD bool address_parse_cidr4(bytes_t text, address_t *out); /* the mask is required */
NODISCARD bool address_parse_cidr6(bytes_t text, address_t *out);

/* address_is_public: not private, shared, loopback, link-local, reserved for documents or tests, or
 * multicast. */
bool address_is_public(const address_t *address);

/* address_holds tells whether `address` lies in the network of `network`. */
bool address_holds(const address_t *network, const address_t *address);

/* address_pair_is_valid_ip4 and _ip6 judge what a farmer lends: ip an address with mask, gateway one in the
 * same network, both public and not the same. */
bool address_pair_is_valid_ip4(bytes_t ip, bytes_t gateway);
bool address_pair_is_valid_ip6(bytes_t ip, bytes_t gateway);

#endif
