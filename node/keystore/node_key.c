/* node_key.c - the node's own identity on disk. */

#include "node_key.h"

#include "base58.h"
#include "crypto.h"
#include "hex.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEED_LEN = 32, DIGITS = 2 * SEED_LEN };

bool node_key_path(const char *chain_path, char path[NODE_KEY_PATH_CAP])
{
    int len = snprintf(path, NODE_KEY_PATH_CAP, "%s/network/secret_ed25519", chain_path);
    return len > 0 && len < NODE_KEY_PATH_CAP;
}

bool node_key_parse(const char *text, uint8_t seed[32])
{
    size_t len = strlen(text);
    return len == DIGITS && hex_decode_exact((bytes_t){(const uint8_t *)text, DIGITS}, seed, SEED_LEN);
}

bool node_key_read(const char *path, uint8_t seed[32])
{
    char text[DIGITS + 3]; /* and a line's end, and one more to see that it is too long */
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t len = read(fd, text, sizeof text - 1);
    int reason  = errno;
    (void)close(fd);
    errno = len < 0 ? reason : 0;
    if (len < 0) return false;
    if (len == SEED_LEN) memcpy(seed, text, SEED_LEN);
    text[len]                   = 0;
    bool is_bytes               = len == SEED_LEN;
    text[strcspn(text, "\r\n")] = 0;
    bool is_read                = is_bytes || node_key_parse(text, seed);
    crypto_wipe(text, sizeof text);
    return is_read;
}

/* make_folder makes the folder of a file, for the owner alone. */
static bool make_folder(const char *path)
{
    char folder[NODE_KEY_PATH_CAP];
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path) return true;
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    return mkdir(folder, 0700) == 0 || errno == EEXIST;
}

bool node_key_make(const char *path, uint8_t seed[32])
{
    if (strlen(path) >= NODE_KEY_PATH_CAP) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (!make_folder(path)) return false;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return false;
    crypto_random(seed, SEED_LEN);
    errno          = 0;
    bool is_stored = write(fd, seed, SEED_LEN) == SEED_LEN && fsync(fd) == 0;
    int reason     = errno ? errno : ENOSPC;
    if (close(fd) != 0 && is_stored) {
        reason    = errno;
        is_stored = false;
    }
    if (!is_stored) {
        (void)unlink(path);
        errno = reason;
    }
    return is_stored;
}

void peer_id_text(const uint8_t seed[32], char text[PEER_ID_TEXT_MAX + 1])
{
    /* The identity multihash of 36 bytes, which are the key's kind (1: ed25519) and its 32 bytes in protobuf.
     */
    uint8_t id[6 + SEED_LEN] = {0x00, 0x24, 0x08, 0x01, 0x12, 0x20};
    ed25519_public(seed, id + 6);
    if (!base58_encode(text, PEER_ID_TEXT_MAX + 1, (bytes_t){id, sizeof id})) text[0] = 0;
}
