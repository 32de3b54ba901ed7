/* Texts that farmers, nodes and users give: none may confuse their readers, and what is read agrees with the
 * C library. */
#include "tfgrid/address.h"
#include "tfgrid/text.h"
#include "tft_bridge/stellar.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same_address(const char *text, bytes_t bytes, int family, bool (*parse)(bytes_t, address_t *))
{
    address_t address;
    uint8_t want[16];
    const bool is_address = inet_pton(family, text, want) == 1;
    if (parse(bytes, &address) != is_address) abort();
    if (is_address && memcmp(address.bytes, want, address.len) != 0) abort();
}

/* strtof reads more than the chain does (spaces, inf, nan, hexadecimal), so only numbers are compared. */
static void same_number(const char *text, bytes_t bytes)
{
    char *end;
    if (bytes.len == 0 || bytes.len > 50 || strspn(text, "0123456789+-.eE") != bytes.len) return;
    const float value = strtof(text, &end);
    if (*end) return;
    if (text_is_coordinate(bytes, 90) != (value >= -90.0F && value <= 90.0F)) abort();
    if (text_is_coordinate(bytes, 180) != (value >= -180.0F && value <= 180.0F)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[128];
    address_t address;
    if (size >= sizeof text) return 0;
    memcpy(text, data, size);
    text[size]          = 0;
    const bytes_t bytes = {(const uint8_t *)text, (uint32_t)size};
    if (strlen(text) == size) {
        same_address(text, bytes, AF_INET, address_parse_ip4);
        same_address(text, bytes, AF_INET6, address_parse_ip6);
        same_number(text, bytes);
    }
    if (address_parse_cidr4(bytes, &address) && (address.len != 4 || address.mask > 32)) abort();
    if (address_parse_cidr6(bytes, &address) && (address.len != 16 || address.mask > 128)) abort();
    if (text_is_mac(bytes) && size != 17) abort();
    if (stellar_is_address(bytes) && size != 56) abort();
    if (text_is_relay(bytes) && (size == 0 || text[0] == '.' || text[size - 1] == '.')) abort();
    return 0;
}
