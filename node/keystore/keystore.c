/* keystore.c - keys as files. */
#define _GNU_SOURCE /* scandir */

#include "keystore.h"

#include "hex.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool keystore_path(const char *chain_path, char path[KEYSTORE_PATH_CAP])
{
    int len = snprintf(path, KEYSTORE_PATH_CAP, "%s/keystore", chain_path);
    return len > 0 && len < KEYSTORE_PATH_CAP;
}

#define FILE_CAP (KEYSTORE_PATH_CAP + 2 * (4 + 33) + 2)

static void file_of(char file[FILE_CAP], const char *path, const char type[4], bytes_t public_key)
{
    char name[2 * (4 + 33) + 1];
    hex_encode(name, (bytes_t){(const uint8_t *)type, 4});
    hex_encode(name + 8, public_key);
    snprintf(file, FILE_CAP, "%s/%s", path, name);
}

bool keystore_has(const char *path, const char type[4], bytes_t public_key)
{
    char file[FILE_CAP];
    if (public_key.len < 32 || public_key.len > 33) return false;
    file_of(file, path, type, public_key);
    return access(file, F_OK) == 0;
}

bool keystore_insert(const char *path, const char type[4], bytes_t public_key, const char *suri)
{
    char file[FILE_CAP];
    file_of(file, path, type, public_key);
    if (mkdir(path, 0700) != 0 && errno != EEXIST) return false;
    json_t *text   = json_string(suri);
    char *content  = text ? json_dumps(text, JSON_ENCODE_ANY) : NULL;
    int fd         = content ? open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    bool is_stored = fd >= 0 && fchmod(fd, 0600) == 0 &&
                     write(fd, content, strlen(content)) == (ssize_t)strlen(content) && fsync(fd) == 0;
    if (fd >= 0 && close(fd) != 0) is_stored = false;
    if (content) crypto_wipe(content, strlen(content));
    free(content);
    json_decref(text);
    return is_stored;
}

/* read_key reads one file; its public key must be the one that its name tells. */
static bool read_key(const char *file, const char *public_hex, key_kind_t kind, keypair_t *key)
{
    uint8_t wanted[33];
    json_error_t reason;
    json_t *text  = json_load_file(file, JSON_DECODE_ANY, &reason);
    bool is_whole = json_is_string(text) && key_from_suri(json_string_value(text), kind, key) == KEY_OK &&
                    hex_decode_exact((bytes_t){(const uint8_t *)public_hex, (uint32_t)strlen(public_hex)},
                                     wanted, key_public_len(kind)) &&
                    memcmp(wanted, key->public_key, key_public_len(kind)) == 0;
    json_decref(text);
    return is_whole;
}

uint32_t keystore_list(const char *path, const char *type, key_kind_t kind, keypair_t *keys, uint32_t cap)
{
    char prefix[9], file[KEYSTORE_PATH_CAP + 300];
    struct dirent **entries;
    uint32_t found = 0;
    int count      = scandir(path, &entries, NULL, alphasort);
    hex_encode(prefix, (bytes_t){(const uint8_t *)type, 4});
    for (int i = 0; i < count; i++) {
        snprintf(file, sizeof file, "%s/%s", path, entries[i]->d_name);
        if (found < cap && strncmp(entries[i]->d_name, prefix, 8) == 0 &&
            read_key(file, entries[i]->d_name + 8, kind, &keys[found]))
            found++;
        free(entries[i]);
    }
    if (count >= 0) free(entries);
    return found;
}

bool keystore_find(const char *path, const char *type, key_kind_t kind, keypair_t *key)
{
    return keystore_list(path, type, kind, key, 1) == 1;
}
