/* web_socket.h - what the kernel counts of a socket. */
#ifndef WEB_SOCKET_H
#define WEB_SOCKET_H
#include <stdbool.h>
#include <stdint.h>

/* web_socket_read_len is how many bytes were read from a TCP socket; false where the kernel does not tell. */
bool web_socket_read_len(int fd, uint64_t *len);

#endif
