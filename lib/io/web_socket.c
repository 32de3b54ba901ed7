/* web_socket.c - what the kernel counts of a socket; apart, since its header and libc's exclude each other.
 */
#include "web_socket.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

bool web_socket_read_len(int fd, uint64_t *len)
{
    struct tcp_info info;
    socklen_t info_len = sizeof info;
    int waiting        = 0;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &info_len) != 0) return false;
    if (info_len < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received)
        return false;
    if (ioctl(fd, FIONREAD, &waiting) != 0) return false;
    *len = (uint64_t)info.tcpi_bytes_received - (uint64_t)waiting;
    return true;
}
