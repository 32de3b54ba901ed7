/* oci_layout.c - index, manifest, configuration, layers. */
#include "oci_layout.h"
#include "hex.h"
#include "unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/openat2.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool fail(char error[IMAGE_ERROR_MAX + 1], const char *what, const char *which)
{
    snprintf(error, IMAGE_ERROR_MAX + 1, "%s%s%.200s", what, which[0] ? ": " : "", which);
    return false;
}

bool oci_file_digest(const char *path, char digest[IMAGE_DIGEST_LEN + 1])
{
    uint8_t piece[65536], sum[32];
    ssize_t got      = -1;
    int fd           = open(path, O_RDONLY | O_CLOEXEC);
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool is_ok       = fd >= 0 && hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1;
    while (is_ok && (got = read(fd, piece, sizeof piece)) > 0)
        is_ok = EVP_DigestUpdate(hash, piece, (size_t)got) == 1;
    is_ok = is_ok && got == 0 && EVP_DigestFinal_ex(hash, sum, NULL) == 1;
    EVP_MD_CTX_free(hash);
    if (fd >= 0) close(fd);
    if (is_ok) hex_encode(digest, (bytes_t){sum, sizeof sum});
    return is_ok;
}

/* The file of a blob whose bytes are what its descriptor says. */
static bool blob(const char *layout, const json_t *descriptor, char path[PATH_CAP],
                 char error[IMAGE_ERROR_MAX + 1])
{
    const char *digest = json_string_value(json_object_get(descriptor, "digest"));
    char real[IMAGE_DIGEST_LEN + 1];
    if (!digest || strncmp(digest, "sha256:", 7) != 0 || strlen(digest + 7) != IMAGE_DIGEST_LEN ||
        strspn(digest + 7, "0123456789abcdef") != IMAGE_DIGEST_LEN)
        return fail(error, "a descriptor has no sha256 digest", "");
    if (!path_join(path, "%s/blobs/sha256/%s", layout, digest + 7))
        return fail(error, "the path is too long", layout);
    if (!oci_file_digest(path, real)) return fail(error, "a blob cannot be read", digest);
    return strcmp(real, digest + 7) == 0 || fail(error, "a blob's bytes do not have its digest", digest);
}

static json_t *load(const char *path, char error[IMAGE_ERROR_MAX + 1])
{
    char *text   = malloc(OCI_JSON_MAX);
    json_t *json = text && file_read(path, text, OCI_JSON_MAX) ? json_loads(text, 0, NULL) : NULL;
    free(text);
    if (!json_is_object(json)) fail(error, "not JSON, or too long", path);
    return json;
}

static json_t *load_blob(const char *layout, const json_t *descriptor, char error[IMAGE_ERROR_MAX + 1])
{
    char path[PATH_CAP];
    return blob(layout, descriptor, path, error) ? load(path, error) : NULL;
}

static bool is_for_us(const json_t *descriptor)
{
    const json_t *platform = json_object_get(descriptor, "platform");
    const char *cpu        = json_string_value(json_object_get(platform, "architecture"));
    const char *os         = json_string_value(json_object_get(platform, "os"));
    return !platform || (cpu && os && strcmp(cpu, "amd64") == 0 && strcmp(os, "linux") == 0);
}

/* The manifest for this machine: an index may point to another index. */
static json_t *load_manifest(const char *layout, char error[IMAGE_ERROR_MAX + 1])
{
    char path[PATH_CAP];
    json_t *json = path_join(path, "%s/index.json", layout) ? load(path, error) : NULL;
    for (int depth = 0; json && depth < 3; depth++) {
        const json_t *list = json_object_get(json, "manifests"), *chosen = NULL;
        if (!list) return json;
        for (size_t i = 0; i < json_array_size(list) && !chosen; i++)
            if (is_for_us(json_array_get(list, i))) chosen = json_array_get(list, i);
        json_t *next = chosen ? load_blob(layout, chosen, error) : NULL;
        if (!chosen) fail(error, "the layout has no image for linux on amd64", "");
        json_decref(json);
        json = next;
    }
    return json;
}

/* ---- configuration ---- */

/* "uid[:gid]", or a name that the image's own passwd knows. */
static bool find_user(const char *tree, const char *user, json_int_t *uid, json_int_t *gid)
{
    char text[65536], name[128];
    int read = 0;
    *uid = *gid = 0;
    if (!user || user[0] == 0) return true;
    if (sscanf(user, "%lld:%lld%n", uid, gid, &read) == 2 && user[read] == 0) return true;
    *gid = 0;
    if (sscanf(user, "%lld%n", uid, &read) == 1 && user[read] == 0) return true;
    size_t len          = strcspn(user, ":");
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    int root = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;
    if (root >= 0) fd = (int)syscall(SYS_openat2, root, "etc/passwd", &how, sizeof how);
    ssize_t got = fd >= 0 ? pread(fd, text, sizeof text - 1, 0) : -1;
    if (fd >= 0) close(fd);
    if (root >= 0) close(root);
    if (got < 0 || len >= sizeof name - 2) return false;
    text[got] = 0;
    snprintf(name, sizeof name, "%.*s:", (int)len, user);
    for (const char *line = text; line; line = (line = strchr(line, '\n')) ? line + 1 : NULL)
        if (strncmp(line, name, len + 1) == 0)
            return sscanf(line + len + 1, "%*[^:]:%lld:%lld", uid, gid) == 2;
    return false;
}

static void append_texts(json_t *to, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_is_string(json_array_get(list, i))) json_array_append(to, json_array_get(list, i));
}

static char *make_config(const char *tree, const json_t *image, char error[IMAGE_ERROR_MAX + 1])
{
    const json_t *config = json_object_get(image, "config");
    const char *cwd      = json_string_value(json_object_get(config, "WorkingDir"));
    json_t *args = json_array(), *env = json_array();
    json_int_t uid, gid;
    append_texts(args, json_object_get(config, "Entrypoint"));
    append_texts(args, json_object_get(config, "Cmd"));
    append_texts(env, json_object_get(config, "Env"));
    bool is_ok   = find_user(tree, json_string_value(json_object_get(config, "User")), &uid, &gid);
    json_t *json = json_pack("{s:o,s:o,s:s,s:I,s:I}", "args", args, "env", env, "cwd",
                             cwd && cwd[0] == '/' ? cwd : "/", "uid", uid, "gid", gid);
    char *text   = is_ok && json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (!is_ok) fail(error, "the image's user is not in its /etc/passwd", "");
    return text;
}

/* ---- layers ---- */

static bool unpack_layers(const char *layout, const json_t *layers, const char *tree,
                          char error[IMAGE_ERROR_MAX + 1])
{
    char path[PATH_CAP];
    unpack_room_t room = {UNPACK_BYTES_MAX, UNPACK_FILES_MAX};
    if (json_array_size(layers) > OCI_LAYERS_MAX) return fail(error, "the image has too many layers", "");
    for (size_t i = 0; i < json_array_size(layers); i++) {
        const json_t *layer = json_array_get(layers, i);
        const char *type    = json_string_value(json_object_get(layer, "mediaType"));
        if (type && strstr(type, "zstd"))
            return fail(error, "layers compressed with zstd are not supported; use gzip", "");
        if (!blob(layout, layer, path, error) || !unpack_layer(path, tree, &room, error)) return false;
    }
    return true;
}

bool oci_layout_unpack(const char *layout, const char *tree, char **config, char error[IMAGE_ERROR_MAX + 1])
{
    json_t *manifest = load_manifest(layout, error);
    json_t *image    = manifest ? load_blob(layout, json_object_get(manifest, "config"), error) : NULL;
    bool is_ok       = image && unpack_layers(layout, json_object_get(manifest, "layers"), tree, error);
    *config          = is_ok ? make_config(tree, image, error) : NULL;
    json_decref(image);
    json_decref(manifest);
    return *config != NULL;
}
