/* key_file.c - a secret URI kept on disk, sealed with a password (docs/formats/keys.md 4).
 *
 * One line of text: "trellis-key-1 KIND SALT NONCE BOX", the last three in hex.  BOX is a secretbox of
 * "KIND SURI" under argon2id(password, SALT) with libsodium's interactive limits. */
#include "hex.h"
#include "keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC     "trellis-key-1"
#define SALT_LEN  crypto_pwhash_SALTBYTES
#define NONCE_LEN crypto_secretbox_NONCEBYTES
#define TAG_LEN   crypto_secretbox_MACBYTES
#define PLAIN_MAX (SURI_TEXT_MAX + 16)
#define BOX_MAX   (PLAIN_MAX + TAG_LEN)
#define FILE_MAX  (2 * (BOX_MAX + SALT_LEN + NONCE_LEN) + 64)

static bool seal_key(const char *password, const uint8_t salt[SALT_LEN], uint8_t key[32])
{
    return crypto_pwhash(key, 32, password, strlen(password), salt, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                         crypto_pwhash_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2ID13) == 0;
}

static bool write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, text, len);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        text += written;
        len -= (size_t)written;
    }
    return fsync(fd) == 0;
}

static key_status_t create_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return errno == EEXIST ? KEY_FILE_EXISTS : KEY_FILE_UNREADABLE;
    bool is_written = write_all(fd, text, strlen(text));
    int error       = errno;
    close(fd);
    if (is_written) return KEY_OK;
    unlink(path);
    errno = error;
    return KEY_FILE_UNREADABLE;
}

key_status_t key_file_write(const char *path, const char *suri, key_kind_t kind, const char *password)
{
    char plain[PLAIN_MAX], text[FILE_MAX], salt_text[2 * SALT_LEN + 1], nonce_text[2 * NONCE_LEN + 1];
    char box_text[2 * BOX_MAX + 1];
    uint8_t key[32], salt[SALT_LEN], nonce[NONCE_LEN], box[BOX_MAX];
    if (strlen(suri) > SURI_TEXT_MAX) return KEY_BAD_PATH;
    randombytes_buf(salt, sizeof salt);
    randombytes_buf(nonce, sizeof nonce);
    if (!seal_key(password, salt, key)) return KEY_FILE_UNREADABLE; /* errno: no memory */
    size_t plain_len = (size_t)snprintf(plain, sizeof plain, "%s %s", key_kind_text(kind), suri);
    crypto_secretbox_easy(box, (const uint8_t *)plain, plain_len, nonce, key);
    hex_encode(salt_text, (bytes_t){salt, SALT_LEN});
    hex_encode(nonce_text, (bytes_t){nonce, NONCE_LEN});
    hex_encode(box_text, (bytes_t){box, (uint32_t)(plain_len + TAG_LEN)});
    snprintf(text, sizeof text, MAGIC " %s %s %s %s\n", key_kind_text(kind), salt_text, nonce_text, box_text);
    sodium_memzero(plain, sizeof plain);
    sodium_memzero(key, sizeof key);
    return create_file(path, text);
}

/* read_file gives the file's text, ended by a zero. */
static key_status_t read_file(const char *path, char text[FILE_MAX])
{
    struct stat info;
    key_status_t status = KEY_OK;
    size_t len          = 0;
    int fd              = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return KEY_FILE_UNREADABLE;
    if (fstat(fd, &info) != 0)
        status = KEY_FILE_UNREADABLE;
    else if (!S_ISREG(info.st_mode) || info.st_size >= FILE_MAX)
        status = KEY_FILE_MALFORMED;
    else if (info.st_mode & 077)
        status = KEY_FILE_TOO_OPEN;
    while (status == KEY_OK && len < FILE_MAX - 1) {
        ssize_t got = read(fd, text + len, FILE_MAX - 1 - len);
        if (got < 0 && errno != EINTR) status = KEY_FILE_UNREADABLE;
        if (got == 0) break;
        len += got > 0 ? (size_t)got : 0;
    }
    text[len] = 0;
    close(fd);
    return status;
}

/* next_field takes the text up to the next space or line end. */
static bytes_t next_field(const char **at)
{
    size_t len    = strcspn(*at, " \n");
    bytes_t field = {(const uint8_t *)*at, (uint32_t)len};
    *at += len + ((*at)[len] == ' ');
    return field;
}

/* open_plain splits "KIND SURI". */
static key_status_t open_plain(char *plain, char suri[SURI_TEXT_MAX + 1], key_kind_t *kind)
{
    char *space = strchr(plain, ' ');
    if (!space || strlen(space + 1) > SURI_TEXT_MAX) return KEY_FILE_MALFORMED;
    *space = 0;
    if (!key_kind_parse(plain, kind)) return KEY_FILE_MALFORMED;
    memcpy(suri, space + 1, strlen(space + 1) + 1);
    return KEY_OK;
}

key_status_t key_file_read(const char *path, const char *password, char suri[SURI_TEXT_MAX + 1],
                           key_kind_t *kind)
{
    char text[FILE_MAX], plain[PLAIN_MAX + 1] = {0};
    uint8_t key[32], salt[SALT_LEN], nonce[NONCE_LEN], box[BOX_MAX];
    uint32_t box_len;
    const char *at      = text;
    key_status_t status = read_file(path, text);
    if (status != KEY_OK) return status;
    bool is_ours = bytes_equal(next_field(&at), BYTES(MAGIC));
    (void)next_field(&at); /* the kind, for people: the sealed one counts */
    is_ours = is_ours && hex_decode_exact(next_field(&at), salt, SALT_LEN);
    is_ours = is_ours && hex_decode_exact(next_field(&at), nonce, NONCE_LEN);
    is_ours = is_ours && hex_decode(next_field(&at), box, sizeof box, &box_len);
    if (!is_ours || box_len < TAG_LEN) return KEY_FILE_MALFORMED;
    if (!seal_key(password, salt, key)) return KEY_FILE_UNREADABLE;
    if (crypto_secretbox_open_easy((uint8_t *)plain, box, box_len, nonce, key) != 0)
        status = KEY_FILE_WRONG_PASSWORD;
    else
        status = open_plain(plain, suri, kind);
    sodium_memzero(plain, sizeof plain);
    sodium_memzero(key, sizeof key);
    return status;
}
