/* node_input.c - what a node may say about itself (spec tfgrid 2.1 and 6.4). */
#include "address.h"
#include "grid.h"
#include "text.h"
#include "timestamp_pallet.h"

#define GIB (UINT64_C(1) << 30)

enum {
    COUNTRY_MIN    = 2,
    COUNTRY_MAX    = 56,
    CITY_MIN       = 1,
    CITY_MAX       = 58,
    COORDINATE_MAX = 50,
    SERIAL_MAX     = 128
};
enum { INTERFACES_MAX = 10, NAME_MIN = 3, NAME_MAX = 20, MAC_LEN = 17, IP_MIN = 7, IP_MAX = 42 };

uint64_t grid_now_s(rt_t *rt) { return timestamp_now_get(rt) / 1000; }

void *grid_room(rt_t *rt, uint32_t count, size_t item_size)
{
    uint64_t size = (uint64_t)count * item_size;
    void *room    = size > UINT32_MAX ? NULL : arena_take(&rt->arena, (uint32_t)size);
    if (!room && size > 0) rt_exhaust(rt, "tfgrid: no room in the block's memory");
    return room;
}

dispatch_t grid_country_check(bytes_t country)
{
    ENSURE(country.len >= COUNTRY_MIN, TFGRID_COUNTRY_NAME_TOO_SHORT);
    ENSURE(country.len <= COUNTRY_MAX, TFGRID_COUNTRY_NAME_TOO_LONG);
    return DISPATCH_OK;
}

dispatch_t grid_city_check(bytes_t city)
{
    ENSURE(city.len >= CITY_MIN, TFGRID_CITY_NAME_TOO_SHORT);
    ENSURE(city.len <= CITY_MAX, TFGRID_CITY_NAME_TOO_LONG);
    return DISPATCH_OK;
}

/* A node needs a disk or a flash of 100 GiB; either is enough. */
static dispatch_t check_resources(const support_resources_t *resources)
{
    ENSURE(resources->hru >= 100 * GIB || resources->sru >= 100 * GIB, TFGRID_INVALID_STORAGE_INPUT);
    ENSURE(resources->cru >= 1, TFGRID_INVALID_CRU_INPUT);
    ENSURE(resources->mru >= 2 * GIB, TFGRID_INVALID_MRU_INPUT);
    return DISPATCH_OK;
}

static dispatch_t check_location(const tfgrid_location_input_t *location)
{
    TRY(grid_city_check(location->city));
    TRY(grid_country_check(location->country));
    ENSURE(location->latitude.len >= 1, TFGRID_LATITUDE_INPUT_TOO_SHORT);
    ENSURE(location->latitude.len <= COORDINATE_MAX, TFGRID_LATITUDE_INPUT_TOO_LONG);
    ENSURE(text_is_coordinate(location->latitude, 90), TFGRID_INVALID_LATITUDE_INPUT);
    ENSURE(location->longitude.len >= 1, TFGRID_LONGITUDE_INPUT_TOO_SHORT);
    ENSURE(location->longitude.len <= COORDINATE_MAX, TFGRID_LONGITUDE_INPUT_TOO_LONG);
    ENSURE(text_is_coordinate(location->longitude, 180), TFGRID_INVALID_LONGITUDE_INPUT);
    return DISPATCH_OK;
}

static dispatch_t check_interface_ip(bytes_t ip)
{
    address_t address;
    ENSURE(ip.len >= IP_MIN, TFGRID_INTERFACE_IP_TOO_SHORT);
    ENSURE(ip.len <= IP_MAX, TFGRID_INTERFACE_IP_TOO_LONG);
    ENSURE(address_parse_ip4(ip, &address) || address_parse_ip6(ip, &address), TFGRID_INVALID_INTERFACE_IP);
    return DISPATCH_OK;
}

static dispatch_t check_interface(const support_interface_t *interface)
{
    ENSURE(interface->name.len >= NAME_MIN, TFGRID_INTERFACE_NAME_TOO_SHORT);
    ENSURE(interface->name.len <= NAME_MAX, TFGRID_INTERFACE_NAME_TOO_LONG);
    ENSURE(text_is_interface_name(interface->name), TFGRID_INVALID_INTERFACE_NAME);
    ENSURE(interface->mac.len >= MAC_LEN, TFGRID_INTERFACE_MAC_TOO_SHORT);
    ENSURE(interface->mac.len <= MAC_LEN, TFGRID_INTERFACE_MAC_TOO_LONG);
    ENSURE(text_is_mac(interface->mac), TFGRID_INVALID_MAC_ADDRESS);
    ENSURE(interface->ips.len <= INTERFACES_MAX, TFGRID_INVALID_INTERFACE_IP);
    for (uint32_t i = 0; i < interface->ips.len; i++)
        TRY(check_interface_ip(interface->ips.items[i]));
    return DISPATCH_OK;
}

dispatch_t grid_node_input_check(const node_input_t *input)
{
    TRY(check_resources(input->resources));
    TRY(check_location(input->location));
    ENSURE(input->interfaces.len <= INTERFACES_MAX, TFGRID_INVALID_INTERFACE_NAME);
    for (uint32_t i = 0; i < input->interfaces.len; i++)
        TRY(check_interface(&input->interfaces.items[i]));
    ENSURE(!input->serial_number.some || input->serial_number.value.len <= SERIAL_MAX,
           TFGRID_SERIAL_NUMBER_TOO_LONG);
    return DISPATCH_OK;
}
