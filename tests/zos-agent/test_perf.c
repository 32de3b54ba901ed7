/* What a node measures of itself, one task at a time, and what its firmware says. */
#include "dmi.h"
#include "files.h"
#include "perf.h"
#include "runner.h"
#include "test.h"

#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[64];

TEST(tasks_measure_what_is_there)
{
    json_t *cpu = perf_cpu(2, 20, 3);
    OK(json_real_value(json_object_get(cpu, "single")) > 0 &&
       json_real_value(json_object_get(cpu, "multi")) > 0);
    EQ(json_integer_value(json_object_get(cpu, "threads")), 2);
    EQ(json_integer_value(json_object_get(cpu, "workloads")), 3);
    json_decref(cpu);
    const char *urls[] = {"substrate=ws://127.0.0.1:1", "substrate=ws://[::1]:1/x", "relay=not a url"};
    json_t *health = perf_health(folder, urls, 3), *network = json_object_get(health, "network");
    EQ(json_array_size(json_object_get(health, "cache")), 0);
    EQ(json_array_size(network), 2);
    OK(strstr(json_string_value(json_array_get(network, 0)), "all substrate instances are unreachable"));
    OK(strstr(json_string_value(json_array_get(network, 1)), "invalid URL"));
    json_decref(health);
    health = perf_health("/proc/none", NULL, 0);
    EQ(json_array_size(json_object_get(health, "cache")), 1);
    json_decref(health);
    chain_node_t node = {
        .farm_ips      = {{"185.206.122.3/24", "185.206.122.1", 0},
                          {"185.206.122.4/24", "185.206.122.1", 9},
                          {"185.206.122/24", "185.206.122.1", 0},
                          {"185.206.122.1/24", "185.206.122.1", 0}},
        .farm_ip_count = 4
    };
    static const char *const states[] = {"skipped", "skipped", "invalid", "invalid"};
    json_t *ips                       = perf_public_ips(&node);
    for (size_t i = 0; i < 4; i++)
        OK(strcmp(json_string_value(json_object_get(json_object_get(ips, node.farm_ips[i].ip), "state")),
                  states[i]) == 0);
    json_decref(ips);
}

/* Numbers of a real iperf3; a server that is not there, and one that is none, say why. */
TEST(the_line_is_measured_with_the_servers_of_the_operator)
{
    spawn_result_t said;
    json_t *list = perf_iperf(NULL, 1), *one = json_array_get(list, 0);
    EQ(json_array_size(list), 1);
    OK(strcmp(json_string_value(json_object_get(one, "error")),
              "no iperf servers are configured on this node") == 0);
    json_decref(list);
    list = perf_iperf("127.0.0.1:1,host:5201,[::1:5201", 1);
    EQ(json_array_size(list), 6);
    for (size_t i = 0; i < 6; i++) {
        one = json_array_get(list, i);
        EQ(json_number_value(json_object_get(one, "download_speed")), 0);
        OK(json_string_length(json_object_get(one, "error")) > 0);
        OK(i < 2 || strcmp(json_string_value(json_object_get(one, "error")), "this is no IP:PORT") == 0);
    }
    json_decref(list);
    if (!SPAWN(&said, 5000, "iperf3", "--version")) {
        printf("skipped: no iperf3\n");
        return;
    }
    OK(SPAWN(&said, 5000, "iperf3", "--server", "--daemon", "--port", "27255", "--bind", "127.0.0.1",
             "--idle-timeout", "3", "--one-off"));
    for (int i = 0; i < 100; i++) {
        list = perf_iperf("127.0.0.1:27255", 1);
        one  = json_array_get(list, 0);
        if (json_number_value(json_object_get(one, "download_speed")) > 0) break;
        json_decref(list);
        list = NULL;
        poll(NULL, 0, 50);
    }
    OK(list);
    OK(json_number_value(json_object_get(one, "download_speed")) > 1e6 &&
       json_number_value(json_object_get(one, "upload_speed")) > 1e6);
    OK(strcmp(json_string_value(json_object_get(one, "test_type")), "tcp") == 0);
    OK(strcmp(json_string_value(json_object_get(one, "node_ip")), "127.0.0.1") == 0);
    OK(json_string_length(json_object_get(one, "error")) == 0);
    OK(json_number_value(json_object_get(json_object_get(one, "cpu_report"), "host_total")) > 0);
    json_decref(list);
}

TEST(firmware_tables_are_read_and_what_is_cut_is_not)
{
    static const uint8_t tables[] = {
        0,   24,  0,   0,   1,   2,    0,   0,   3,   0,   0,    0, 0, 0,    0,    0, 0, 0, 0, 0, 0,
        0,   0,   0, /* BIOS */
        'A', 'c', 'm', 'e', 0,   'v',  '1', 0,   'n', 'o', 'w',  0, 0, 17,   27,   1, 0, 0, 0, 0, 0,
        64,  0,   64,  0,   0,   0x20, 9,   0,   1,   2,   0x1a, 0, 0, 0x80, 0x0c, 0, 0, 0, 0, /* memory */
        'D', '1', 0,   'B', '1', 0,    0,   127, 4,   2,   0,    0, 0,                         /* the end */
        1,   2,   3};
    json_t *json = dmi_decode((bytes_t){tables, sizeof tables}), *list = json_object_get(json, "sections");
    EQ(json_array_size(list), 3);
    const json_t *bios = json_array_get(list, 0);
    OK(strcmp(json_string_value(json_object_get(bios, "handleline")),
              "Handle 0x0000, DMI type 0, 24 bytes") == 0);
    OK(strcmp(json_string_value(json_object_get(bios, "typestr")), "BIOS") == 0);
    const json_t *part   = json_array_get(json_object_get(bios, "subsections"), 0),
                 *vendor = json_object_get(json_object_get(part, "properties"), "Vendor");
    OK(strcmp(json_string_value(json_object_get(vendor, "value")), "Acme") == 0);
    part = json_array_get(json_object_get(json_array_get(list, 1), "subsections"), 0);
    OK(strcmp(json_string_value(
                  json_object_get(json_object_get(json_object_get(part, "properties"), "Size"), "value")),
              "8192 MB") == 0);
    json_decref(json);
    for (uint32_t len = 0; len < sizeof tables; len++) { /* never beyond its end */
        uint8_t *cut = malloc(len ? len : 1);
        memcpy(cut, tables, len);
        json = dmi_decode((bytes_t){cut, len});
        OK(json_array_size(json_object_get(json, "sections")) <= 3);
        json_decref(json);
        free(cut);
    }
}

int main(int argc, char **argv)
{
    snprintf(folder, sizeof folder, "/tmp/trellis-perf-XXXXXX");
    if (!mkdtemp(folder)) return 1;
    int status = test_main_(argc, argv);
    folder_remove(folder);
    return status;
}
