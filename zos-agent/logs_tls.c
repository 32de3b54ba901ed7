/* logs_tls.c - a client of TLS 1.2 and 1.3, by OpenSSL. */
#include "logs_tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define DEBIAN_AUTHORITIES "/etc/ssl/certs/ca-certificates.crt"

struct logs_tls {
    const logs_target_t *target;
    SSL_CTX *context;
    SSL *ssl; /* NULL between connections */
    short events;
};

static bool read_authorities(SSL_CTX *context, const char *file)
{
    if (file) return SSL_CTX_load_verify_file(context, file) == 1;
    return SSL_CTX_load_verify_file(context, X509_get_default_cert_file()) == 1 ||
           SSL_CTX_load_verify_file(context, DEBIAN_AUTHORITIES) == 1;
}

logs_tls_t *logs_tls_new(const logs_target_t *target, const char *authorities)
{
    logs_tls_t *tls = calloc(1, sizeof *tls);
    if (!tls) return NULL;
    tls->target  = target;
    tls->context = SSL_CTX_new(TLS_client_method());
    bool is_ok   = tls->context && SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION) == 1;
    if (is_ok && !target->is_pinned) {
        is_ok = read_authorities(tls->context, authorities);
        SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
    }
    ERR_clear_error();
    if (is_ok) return tls;
    logs_tls_free(tls);
    return NULL;
}

void logs_tls_free(logs_tls_t *tls)
{
    if (!tls) return;
    logs_tls_end(tls);
    SSL_CTX_free(tls->context);
    free(tls);
}

bool logs_tls_start(logs_tls_t *tls, int fd)
{
    logs_tls_end(tls);
    tls->ssl    = SSL_new(tls->context);
    tls->events = POLLOUT;
    if (!tls->ssl || SSL_set_fd(tls->ssl, fd) != 1) return false;
    SSL_set_connect_state(tls->ssl);
    SSL_set_mode(tls->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return tls->target->is_pinned ||
           X509_VERIFY_PARAM_set1_ip(SSL_get0_param(tls->ssl), tls->target->ip, sizeof tls->target->ip) == 1;
}

void logs_tls_end(logs_tls_t *tls)
{
    if (!tls || !tls->ssl) return;
    SSL_free(tls->ssl);
    tls->ssl = NULL;
    ERR_clear_error();
}

/* The SHA-256 of the key that the target has proved to have. */
static bool is_pinned_key(const logs_tls_t *tls)
{
    unsigned char hash[32], *der = NULL;
    unsigned int len  = 0;
    X509 *certificate = SSL_get0_peer_certificate(tls->ssl);
    int der_len       = certificate ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der) : -1;
    bool is_it = der_len > 0 && EVP_Digest(der, (size_t)der_len, hash, &len, EVP_sha256(), NULL) == 1 &&
                 len == sizeof hash && memcmp(hash, tls->target->pin, sizeof hash) == 0;
    OPENSSL_free(der);
    return is_it;
}

/* Whether the call that returned `code` is to be repeated, and when. */
static bool waits(logs_tls_t *tls, int code)
{
    int error = SSL_get_error(tls->ssl, code);
    ERR_clear_error();
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return false;
    tls->events = error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
    return true;
}

logs_tls_step_t logs_tls_shake(logs_tls_t *tls)
{
    int code = SSL_do_handshake(tls->ssl);
    if (code != 1) return waits(tls, code) ? LOGS_TLS_WAITS : LOGS_TLS_FAILED;
    tls->events = POLLIN;
    return !tls->target->is_pinned || is_pinned_key(tls) ? LOGS_TLS_DONE : LOGS_TLS_FAILED;
}

short logs_tls_events(const logs_tls_t *tls) { return tls->events; }

static ssize_t moved(logs_tls_t *tls, int code, size_t len)
{
    if (code == 1) return (ssize_t)len;
    errno = waits(tls, code) ? EAGAIN : ECONNRESET;
    return -1;
}

ssize_t logs_tls_send(logs_tls_t *tls, const void *data, size_t len)
{
    size_t sent = 0;
    int code    = SSL_write_ex(tls->ssl, data, len, &sent);
    return moved(tls, code, sent);
}

ssize_t logs_tls_recv(logs_tls_t *tls, void *room, size_t cap)
{
    size_t got = 0;
    int code   = SSL_read_ex(tls->ssl, room, cap, &got);
    return moved(tls, code, got);
}
