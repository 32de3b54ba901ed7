/* capture.h - what really went over a link, seen from outside: every IPv4 packet from or to one address, by
 * its own length.  Packets to groups stay on the link. */
#ifndef CAPTURE_H
#define CAPTURE_H
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CAPTURE_ROOM     (64 << 20)
#define CAPTURE_QUIET_MS 80

/* capture_open gives a descriptor that keeps what passes a link; -1 when there is no such link. */
static inline int capture_open(const char *link)
{
    int room                = CAPTURE_ROOM;
    struct sockaddr_ll from = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(link)};
    int fd = from.sll_ifindex ? socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    if (bind(fd, (const struct sockaddr *)&from, sizeof from) == 0) return fd;
    close(fd);
    return -1;
}

static inline bool capture_is_of(const uint8_t head[20], const uint8_t address[4])
{
    bool is_group = head[16] >= 224;
    return !is_group && (memcmp(head + 12, address, 4) == 0 || memcmp(head + 16, address, 4) == 0);
}

/* capture_close waits until it is quiet and gives the bytes of all packets of an address; false when it
 * missed some. */
static inline bool capture_close(int fd, const uint8_t address[4], uint64_t *bytes)
{
    struct tpacket_stats missed = {0};
    socklen_t len               = sizeof missed;
    struct pollfd waiting       = {.fd = fd, .events = POLLIN};
    *bytes                      = 0;
    while (poll(&waiting, 1, CAPTURE_QUIET_MS) > 0) {
        uint8_t head[20];
        struct sockaddr_ll from;
        socklen_t from_len = sizeof from;
        ssize_t got        = recvfrom(fd, head, sizeof head, MSG_TRUNC, (struct sockaddr *)&from, &from_len);
        if (got >= 20 && ntohs(from.sll_protocol) == ETH_P_IP && capture_is_of(head, address))
            *bytes += (uint32_t)head[2] << 8 | head[3];
    }
    bool is_ok = getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &missed, &len) == 0 && missed.tp_drops == 0;
    close(fd);
    return is_ok;
}

#endif
