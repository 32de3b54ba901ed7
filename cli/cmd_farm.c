/* cmd_farm.c - farms and their nodes. */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX 100000u

typedef struct {
    json_int_t id;
    json_t *value;
} row_t;

static int by_id(const void *a, const void *b)
{
    const row_t *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

/* values_sorted takes the values out of entries, which it drops, by rising id. */
static json_t *values_sorted(json_t *entries)
{
    size_t count = json_array_size(entries);
    row_t *rows  = calloc(count + 1, sizeof *rows);
    json_t *list = json_array();
    if (!rows) abort();
    for (size_t i = 0; i < count; i++) {
        rows[i].value = json_object_get(json_array_get(entries, i), "value");
        rows[i].id    = json_integer_value(json_object_get(rows[i].value, "id"));
    }
    qsort(rows, count, sizeof *rows, by_id);
    for (size_t i = 0; i < count; i++)
        json_array_append(list, rows[i].value);
    free(rows);
    json_decref(entries);
    return list;
}

static bool split_ip(const cli_t *cli, const char *text, char ip[64], char gateway[64])
{
    const char *comma = strchr(text, ',');
    if (!comma || comma - text > 60 || strlen(comma + 1) > 60)
        return !cli_usage(cli, "a public address is CIDR,GATEWAY: 185.206.122.33/24,185.206.122.1");
    snprintf(ip, 64, "%.*s", (int)(comma - text), text);
    snprintf(gateway, 64, "%s", comma + 1);
    return true;
}

int cmd_farm_create(cli_t *cli)
{
    const char *name = cli_argument(cli, 0), *text;
    json_t *ips      = json_array(), *result;
    char ip[64], gateway[64];
    if (!name) return cli_usage(cli, "the farm's name is missing");
    for (int i = 0; (text = cli_option_at(cli, "ip", i)); i++) {
        if (!split_ip(cli, text, ip, gateway)) return 2;
        json_array_append_new(ips, json_pack("{s:s,s:s}", "ip", ip, "gw", gateway));
    }
    if (!cli_call(cli, "TfgridModule", "create_farm", json_pack("{s:s,s:o}", "name", name, "public_ips", ips),
                  &result))
        return 1;
    json_t *farm = json_incref(cli_event(result, "TfgridModule", "FarmStored"));
    json_decref(result);
    if (!farm) return cli_fail(cli, "the chain did not tell the farm it made");
    json_object_set(farm, "farm_id", json_object_get(farm, "id"));
    return cli_print(cli, farm, NULL);
}

static int farm_updated(cli_t *cli, const char *call, json_t *arguments)
{
    json_t *result;
    if (!cli_call(cli, "TfgridModule", call, arguments, &result)) return 1;
    json_t *farm = json_incref(cli_event(result, "TfgridModule", "FarmUpdated"));
    json_decref(result);
    return farm ? cli_print(cli, farm, NULL) : cli_fail(cli, "the chain did not tell the farm it changed");
}

int cmd_farm_add_ip(cli_t *cli)
{
    uint64_t id;
    char ip[64], gateway[64];
    if (!cli_u64(cli, cli_argument(cli, 0), "the farm's id", &id)) return 2;
    if (!cli_argument(cli, 1) || !split_ip(cli, cli_argument(cli, 1), ip, gateway))
        return cli_usage(cli, "the address is missing");
    return farm_updated(cli, "add_farm_ip",
                        json_pack("{s:I,s:s,s:s}", "farm_id", (json_int_t)id, "ip", ip, "gw", gateway));
}

int cmd_farm_remove_ip(cli_t *cli)
{
    uint64_t id;
    if (!cli_u64(cli, cli_argument(cli, 0), "the farm's id", &id) || !cli_argument(cli, 1))
        return cli_usage(cli, "give the farm's id and the address as it was added");
    return farm_updated(cli, "remove_farm_ip",
                        json_pack("{s:I,s:s}", "farm_id", (json_int_t)id, "ip", cli_argument(cli, 1)));
}

/* farm_id reads an id, or finds a name. */
static bool farm_id(cli_t *cli, const char *text, uint64_t *id)
{
    json_t *found;
    if (!text) return !cli_usage(cli, "which farm? give its id or its name");
    if (strspn(text, "0123456789") == strlen(text)) return cli_u64(cli, text, "the farm's id", id);
    if (!cli_read(cli, "TfgridModule", "FarmIdByName", json_pack("[s]", text), NULL, &found)) return false;
    *id = (uint64_t)json_integer_value(found);
    json_decref(found);
    return *id || !cli_fail(cli, "there is no farm called %s", text);
}

int cmd_farm_show(cli_t *cli)
{
    uint64_t id = 0;
    json_t *farm;
    if (!farm_id(cli, cli_argument(cli, 0), &id) ||
        !cli_read(cli, "TfgridModule", "Farms", json_pack("[I]", (json_int_t)id), NULL, &farm))
        return 1;
    return json_is_null(farm) ? cli_fail(cli, "there is no farm %llu", (unsigned long long)id)
                              : cli_print(cli, farm, NULL);
}

int cmd_farm_list(cli_t *cli)
{
    json_t *entries;
    if (!cli_read_all(cli, "TfgridModule", "Farms", NULL, LIST_MAX, NULL, &entries)) return 1;
    return cli_print(cli, values_sorted(entries), "id name twin_id certification dedicated_farm public_ips");
}

int cmd_node_show(cli_t *cli)
{
    uint64_t id;
    json_t *node, *power, *fee;
    if (!cli_u64(cli, cli_argument(cli, 0), "the node's id", &id)) return 2;
    if (!cli_read(cli, "TfgridModule", "Nodes", json_pack("[I]", (json_int_t)id), NULL, &node)) return 1;
    if (json_is_null(node))
        return cli_fail(cli, "there is no node %llu (trellis node list)", (unsigned long long)id);
    if (!cli_read(cli, "TfgridModule", "NodePower", json_pack("[I]", (json_int_t)id), NULL, &power) ||
        !cli_read(cli, "SmartContractModule", "DedicatedNodesExtraFee", json_pack("[I]", (json_int_t)id),
                  NULL, &fee))
        return 1;
    json_object_set_new(node, "power", power);
    json_object_set_new(node, "extra_fee", fee);
    return cli_print(cli, node, NULL);
}

/* flat_resources brings what a person compares into the row itself. */
static void flat_resources(json_t *rows)
{
    static const char *const names[] = {"cru", "mru", "sru", "hru"};
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        json_t *resources = json_object_get(row, "resources"), *location = json_object_get(row, "location");
        for (size_t n = 0; n < 4; n++)
            json_object_set(row, names[n], json_object_get(resources, names[n]));
        json_object_set(row, "country", json_object_get(location, "country"));
    }
}

int cmd_node_list(cli_t *cli)
{
    uint64_t farm    = 0;
    const char *text = cli_option(cli, "farm");
    json_t *entries;
    if (text && !farm_id(cli, text, &farm)) return 1;
    if (!cli_read_all(cli, "TfgridModule", "Nodes", NULL, LIST_MAX, NULL, &entries)) return 1;
    json_t *rows = values_sorted(entries);
    for (size_t i = json_array_size(rows); farm && i > 0; i--)
        if ((uint64_t)json_integer_value(json_object_get(json_array_get(rows, i - 1), "farm_id")) != farm)
            json_array_remove(rows, i - 1);
    if (!cli->is_json) flat_resources(rows);
    return cli_print(cli, rows, "id farm_id twin_id cru mru sru hru country certification");
}
