/* perf_iperf.c - how fast the node's line is: iperf3 against the servers that the operator names. */
#include "perf.h"
#include "files.h"
#include "runner.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SERVERS_MAX 8
#define REPORT_MAX  (256u << 10)
#define SPARE_MS    10000
#define UDP_RATE    "100M" /* a second: a flood would be all that the line does */

typedef struct {
    char host[INET6_ADDRSTRLEN], port[8];
} server_t;

/* IP:PORT or [IPv6]:PORT, up to a comma. */
static bool read_server(const char *text, size_t len, server_t *server)
{
    uint8_t address[16];
    bool is_v6        = len > 0 && text[0] == '[';
    const char *colon = memrchr(text, ':', len);
    size_t host_len = colon ? (size_t)(colon - text) : 0, port_len = colon ? len - host_len - 1 : 0;
    if (is_v6 && (host_len < 2 || text[host_len - 1] != ']')) return false;
    const char *host = is_v6 ? text + 1 : text;
    host_len -= is_v6 ? 2 : 0;
    if (!colon || host_len == 0 || host_len >= sizeof server->host || port_len < 1 || port_len > 5)
        return false;
    memcpy(server->host, host, host_len);
    server->host[host_len] = 0;
    memcpy(server->port, colon + 1, port_len);
    server->port[port_len] = 0;
    unsigned long port     = strtoul(server->port, NULL, 10);
    return strspn(server->port, "0123456789") == port_len && port >= 1 && port <= 65535 &&
           inet_pton(is_v6 ? AF_INET6 : AF_INET, server->host, address) == 1;
}

static double rate(const json_t *part) { return json_number_value(json_object_get(part, "bits_per_second")); }

static json_t *processor(const json_t *used)
{
    static const char *const names[] = {"host_total",   "host_user",   "host_system",
                                        "remote_total", "remote_user", "remote_system"};
    json_t *report                   = json_object();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        json_object_set_new(report, names[i], json_real(json_number_value(json_object_get(used, names[i]))));
    return report;
}

/* As zos tells it; node_id is that of a node of the grid, and these are none. */
static json_t *result_of(const char *host, bool is_udp, const json_t *said, const char *error)
{
    const json_t *end = json_object_get(said, "end");
    const char *why   = json_string_value(json_object_get(said, "error"));
    double down       = rate(json_object_get(end, "sum_received"));
    const json_t *udp = json_object_get(json_array_get(json_object_get(end, "streams"), 0), "udp");
    if (is_udp && udp) down = rate(udp);
    return json_pack("{s:f,s:f,s:i,s:s,s:s,s:s,s:o}", "upload_speed", rate(json_object_get(end, "sum_sent")),
                     "download_speed", down, "node_id", 0, "node_ip", host, "test_type",
                     is_udp ? "udp" : "tcp", "error", why ? why : error, "cpu_report",
                     processor(json_object_get(end, "cpu_utilization_percent")));
}

static json_t *read_report(int fd)
{
    char *text   = malloc(REPORT_MAX);
    ssize_t got  = text ? pread(fd, text, REPORT_MAX, 0) : 0;
    json_t *json = got > 0 ? json_loadb(text, (size_t)got, 0, NULL) : NULL;
    free(text);
    return json;
}

/* What a server says is read by a program without a right. */
static json_t *measure(const server_t *server, bool is_udp, uint32_t seconds)
{
    char time[12];
    spawn_result_t said;
    const char *argv[24] = {"setpriv",        "--reuid=65534",  "--regid=65534",
                            "--clear-groups", "--no-new-privs", "--"};
    size_t count         = geteuid() == 0 ? 6 : 0;
    int fd               = memfd_create("iperf3", MFD_CLOEXEC);
    snprintf(time, sizeof time, "%u", seconds);
    const char *const words[] = {"iperf3",      "--client", server->host, "--port", server->port,
                                 "--time",      time,       "--reverse",  "--json", is_udp ? "--udp" : NULL,
                                 "--bandwidth", UDP_RATE};
    for (size_t i = 0; i < sizeof words / sizeof *words && words[i]; i++)
        argv[count++] = words[i];
    argv[count]  = NULL;
    bool is_ok   = fd >= 0 && (spawn_logged(argv, seconds * 1000 + SPARE_MS, fd, &said) || said.is_done);
    json_t *json = is_ok ? read_report(fd) : NULL;
    json_t *out  = result_of(server->host, is_udp, json,
                            json    ? ""
                             : is_ok ? "iperf3 said nothing: it is not installed, or cannot run"
                                     : "iperf3 did not end in time");
    json_decref(json);
    if (fd >= 0) close(fd);
    return out;
}

json_t *perf_iperf(const char *servers, uint32_t seconds)
{
    json_t *list   = json_array();
    unsigned count = 0;
    for (const char *at = servers ? servers : ""; *at && count < SERVERS_MAX; count++) {
        server_t server;
        char text[80];
        size_t len = strcspn(at, ",");
        snprintf(text, sizeof text, "%.*s", (int)(len < 79 ? len : 79), at);
        bool is_one = read_server(at, len, &server);
        for (int is_udp = 0; is_udp < 2; is_udp++)
            json_array_append_new(list, is_one ? measure(&server, is_udp, seconds)
                                               : result_of(text, is_udp, NULL, "this is no IP:PORT"));
        at += len + (at[len] == ',');
    }
    if (count == 0)
        json_array_append_new(list,
                              result_of("", false, NULL, "no iperf servers are configured on this node"));
    return list;
}
