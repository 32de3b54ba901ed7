/* text.h - which texts the grid accepts: names, relays, links, interfaces, places.
 *
 * Pure functions of bytes (spec tfgrid 6.1 to 6.4).  Lengths are the caller's matter where the chain has
 * an error of its own for them. */
#ifndef TFGRID_TEXT_H
#define TFGRID_TEXT_H
#include "base.h"

bool text_is_farm_name(bytes_t v);      /* a-z A-Z 0-9 - _ */
bool text_is_interface_name(bytes_t v); /* a-z 0-9 - _ */
bool text_is_domain(bytes_t v);         /* a-z A-Z 0-9 . -, possibly empty */
bool text_is_link(bytes_t v);           /* the characters of RFC 3986, without % */

/* text_is_relay: labels of a-z A-Z 0-9 - _ between single dots; dots neither lead nor trail. */
bool text_is_relay(bytes_t v);

/* text_is_mac: six pairs of hexadecimal digits, all joined by ':' or all by '-'. */
bool text_is_mac(bytes_t v);

/* text_is_coordinate: "Unknown", or a number that lies within -limit .. limit once it is rounded to
 * binary32.  limit is 90 or 180.  Decided on the decimal digits, without floating point. */
bool text_is_coordinate(bytes_t v, uint32_t limit);

#endif
