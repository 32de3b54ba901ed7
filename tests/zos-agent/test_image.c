/* Images come in whole and checked, or not at all: OCI layouts, squashfs files, layers that try to get out.
 */
#include "image.h"
#include "oci_layout.h"
#include "runner.h"
#include "test.h"
#include "unpack.h"

#include <jansson.h>
#include <sys/stat.h>
#include <time.h>
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

/* A layer of one file of zeros: some thousand times smaller than what comes out. */
static void bomb(const char *path, const char *name, unsigned mib)
{
    static uint8_t zeros[1 << 20];
    entry(name, '0', "", "");
    snprintf((char *)tar + 124, 12, "%011o", mib << 20);
    memset(tar + 148, ' ', 8);
    unsigned sum = 0;
    for (int i = 0; i < 512; i++)
        sum += tar[i];
    snprintf((char *)tar + 148, 8, "%06o", sum);
    gzFile out = gzopen(path, "wb9");
    bool is_ok = out && gzwrite(out, tar, 512) == 512;
    for (unsigned i = 0; i < mib && is_ok; i++)
        is_ok = gzwrite(out, zeros, sizeof zeros) == (int)sizeof zeros;
    if (!is_ok || gzwrite(out, zeros, 1024) != 1024 || gzclose(out) != Z_OK) exit(1);
    memset(tar, 0, tar_len);
    tar_len = 0;
}

TEST(a_little_that_becomes_very_much_is_stopped)
{
    struct stat st;
    char path[PATH_CAP];
    unpack_room_t room = {16 << 20, 10};
    folder_remove(at("tree"));
    OK(folder_make(at("tree"), 0755) && path_join(path, "%s/zeros", at("tree")));
    bomb(at("layer0"), "zeros", 100);
    OK(stat(at("layer0"), &st) == 0 && st.st_size < 1 << 20);
    OK(!unpack_layer(at("layer0"), at("tree"), &room, error));
    OK(strstr(error, "too large") && !file_exists(path));
    bomb(at("layer0"), "zeros", 10); /* twice, each would be small enough */
    OK(unpack_layer(at("layer0"), at("tree"), &room, error));
    EQ(room.bytes, 6 << 20);
    EQ(room.files, 9);
    OK(!unpack_layer(at("layer0"), at("tree"), &room, error));
    OK(strstr(error, "too large"));
    for (int i = 0; i < 10; i++)
        entry("a", '5', "", "");
    tar_write(at("layer0"), true);
    OK(!unpack_layer(at("layer0"), at("tree"), &room, error));
    OK(strstr(error, "too many files"));
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

/* ---- what clients call images ---- */

/* A row with a file of its own; the digest is that of the bytes. */
static const char *small_image(db_t *db, const char *name, const char *text, int64_t created_s)
{
    static char digest[IMAGE_DIGEST_LEN + 1];
    char img[PATH_CAP], path[PATH_CAP], fresh[PATH_CAP];
    if (!path_join(img, "%s/img", dir) || !folder_make(img, 0755) || !path_join(fresh, "%s/fresh", img) ||
        !file_replace(fresh, text, strlen(text), 0644) || !oci_file_digest(fresh, digest) ||
        !path_join(path, "%s/%s.sqfs", img, digest) || rename(fresh, path) != 0)
        exit(1);
    db_do(db,
          "INSERT OR REPLACE INTO image(name, digest, size, config, created) VALUES(?1, ?2, ?3, '{}', ?4)",
          "ttii", name, digest, (int64_t)strlen(text), created_s);
    image_checked(db, digest, path);
    return digest;
}

static const char *found(db_t *db, const char *flist)
{
    static char name[IMAGE_NAME_MAX + 1];
    image_t image;
    name[0] = 0;
    if (!image_find(db, dir, flist, &image)) return "";
    db_rows_t *rows = db_ask(db, "SELECT name FROM image WHERE digest = ?1", "t", image.digest);
    if (db_next(&rows)) {
        snprintf(name, sizeof name, "%s", db_text(rows, 0));
        db_stop(rows);
    }
    free(image.config);
    return name;
}

static db_t *fresh_store(void)
{
    char path[PATH_CAP], why[256];
    folder_remove(at("img"));
    if (path_join(path, "%s/state.db", dir)) unlink(path);
    if (path_join(path, "%s/state.db-wal", dir)) unlink(path);
    if (path_join(path, "%s/state.db-shm", dir)) unlink(path);
    db_t *db = db_open(dir, false, why);
    if (!db) exit(1);
    return db;
}

TEST(urls_of_clients_lead_to_images_by_rules)
{
    db_t *db = fresh_store();
    small_image(db, "alpine", "a", 1);
    small_image(db, "debian", "b", 1);
    small_image(db, "other", "c", 1);
    OK(image_map(db, dir, "https://hub.grid.tf/*", "other", error));
    OK(image_map(db, dir, "https://hub.grid.tf/*/debian-*.flist", "oci:debian", error));
    OK(image_map(db, dir, "https://hub.grid.tf/tf-official-vms/debian-12.flist", "alpine", error));
    OK(strcmp(found(db, "https://hub.grid.tf/tf-official-vms/debian-12.flist"), "alpine") ==
       0); /* exact first */
    OK(strcmp(found(db, "https://hub.grid.tf/tf-official-vms/debian-11.flist"), "debian") ==
       0); /* then the closest */
    OK(strcmp(found(db, "https://hub.grid.tf/any"), "other") == 0);
    OK(found(db, "https://hub.grid.tg/any")[0] == 0);
    OK(found(db, "xhttps://hub.grid.tf/any")[0] == 0);
    OK(strcmp(found(db, "alpine"), "alpine") == 0); /* a name is a name, whatever rules say */
    OK(image_map(db, dir, "*", "other", error) == false && strstr(error, "stars alone"));
    OK(!image_map(db, dir, "a*b*c*d*e*", "other", error));
    OK(!image_map(db, dir, "a b", "other", error));
    OK(!image_map(db, dir, "x*", "nothing", error) && strstr(error, "no image of the store"));
    OK(!image_map(db, dir, "x*", "https://hub.grid.tf/any", error)); /* rules do not lead to rules */
    OK(!image_map(db, dir, "x*", "/etc/passwd", error));
    OK(image_map(db, dir, "https://hub.grid.tf/*", "alpine", error)); /* changed */
    OK(strcmp(found(db, "https://hub.grid.tf/any"), "alpine") == 0);
    json_t *rules = image_rules(db, dir);
    EQ(json_array_size(rules), 3);
    json_decref(rules);
    OK(image_remove(db, dir, "alpine"));
    OK(found(db, "https://hub.grid.tf/any")[0] == 0); /* a rule whose image went leads nowhere */
    OK(image_unmap(db, "https://hub.grid.tf/*") && !image_unmap(db, "https://hub.grid.tf/*"));
    char text[IMAGE_NAME_MAX + 1];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = 0;
    OK(image_map(db, dir, "*a*a*a*b", "other", error));
    OK(found(db, text)[0] == 0); /* and no pattern takes long */
    db_close(db);
}

TEST(an_image_whose_file_changed_is_not_started)
{
    image_t image;
    db_t *db           = fresh_store();
    const char *digest = small_image(db, "web", "bytes", 1);
    OK(image_find(db, dir, "web", &image) && image_check(db, &image, error));
    db_do(db, "DELETE FROM image_file", ""); /* as in a store of an older agent: read once, then known */
    OK(image_check(db, &image, error));
    db_rows_t *rows = db_ask(db, "SELECT 1 FROM image_file WHERE digest = ?1", "t", digest);
    OK(db_next(&rows));
    db_stop(rows);
    OK(chmod(image.path, 0644) == 0 && file_write(image.path, "Bytes"));
    OK(!image_check(db, &image, error) && strstr(error, "damaged"));
    json_t *list = image_verify(db, dir);
    EQ(json_array_size(list), 1);
    OK(!json_is_true(json_object_get(json_array_get(list, 0), "is_sound")));
    json_decref(list);
    OK(file_write(image.path, "bytes") && image_check(db, &image, error));
    list = image_verify(db, dir);
    OK(json_is_true(json_object_get(json_array_get(list, 0), "is_sound")));
    json_decref(list);
    OK(unlink(image.path) == 0 && !image_check(db, &image, error) && strstr(error, "missing"));
    free(image.config);
    db_close(db);
}

/* ---- collecting ---- */

#define DAY INT64_C(86400)

static uint32_t collect(db_t *db, uint64_t bytes, int64_t days, int64_t now_s, const char *wanted)
{
    char list[1][IMAGE_DIGEST_LEN + 1] = {""};
    image_limits_t limits              = {bytes, days * DAY};
    if (wanted) snprintf(list[0], sizeof list[0], "%s", wanted);
    image_garbage_t garbage =
        image_collect(db, dir, &limits, now_s, (const char(*)[IMAGE_DIGEST_LEN + 1]) list, wanted ? 1 : 0);
    uint32_t count = garbage.forgotten;
    image_delete(&garbage);
    image_delete(&garbage); /* twice is once */
    image_garbage_fini(&garbage);
    return count;
}

static bool is_kept(const char *digest)
{
    char path[PATH_CAP];
    return path_join(path, "%s/img/%s.sqfs", dir, digest) && file_exists(path);
}

TEST(images_that_nobody_uses_are_collected_when_released_and_never_one_in_use)
{
    char old[IMAGE_DIGEST_LEN + 1], young[IMAGE_DIGEST_LEN + 1], twice[IMAGE_DIGEST_LEN + 1];
    db_t *db      = fresh_store();
    int64_t now_s = (int64_t)time(NULL) + 2 * 3600; /* the files are old enough */
    snprintf(old, sizeof old, "%s", small_image(db, "old", "0123456789", now_s - 40 * DAY));
    snprintf(young, sizeof young, "%s", small_image(db, "young", "01234567890123456789", now_s - DAY));
    snprintf(twice, sizeof twice, "%s", small_image(db, "twice", "x", now_s - 90 * DAY));
    small_image(db, "mine", "x", now_s - 90 * DAY); /* the same bytes under a name that is kept */
    EQ(collect(db, 0, 0, now_s, NULL), 0);          /* what was imported stays */
    OK(is_kept(old) && is_kept(young) && is_kept(twice));
    OK(image_release(db, "old", true) && image_release(db, "young", true) &&
       image_release(db, "twice", true));
    OK(!image_release(db, "none", true));
    EQ(collect(db, 1000, 30, now_s, old), 0);             /* in use */
    EQ(collect(db, 1000, 30, now_s + 29 * DAY, NULL), 0); /* and its time begins anew */
    EQ(collect(db, 1000, 30, now_s + 31 * DAY, young), 1);
    OK(!is_kept(old) && is_kept(young) && is_kept(twice));
    OK(found(db, "old")[0] == 0);
    EQ(collect(db, 5, 3000, now_s + 32 * DAY, young), 0); /* the limit is of what nobody uses */
    OK(image_release(db, "young", false));
    EQ(collect(db, 5, 3000, now_s + 32 * DAY, NULL), 0); /* kept after all */
    OK(image_release(db, "young", true));
    EQ(collect(db, 5, 3000, now_s + 33 * DAY, NULL), 1);
    OK(!is_kept(young) && is_kept(twice));
    small_image(db, "mine", "y", 1);
    OK(image_release(db, "mine", true) && image_remove(db, dir, "mine"));
    const char *again = small_image(db, "mine", "z", 1); /* a name that comes anew is kept, as every one */
    EQ(collect(db, 0, 0, now_s + 99 * DAY, NULL), 1);    /* "twice" has no kept name beside it now */
    OK(is_kept(again) && !is_kept(twice));
    db_close(db);
}

TEST(a_table_that_cannot_be_read_costs_no_image)
{
    static const char *const tables[] = {"image", "workload"};
    char digest[IMAGE_DIGEST_LEN + 1], away[64], back[64];
    db_t *db      = fresh_store();
    int64_t now_s = (int64_t)time(NULL) + 2 * 3600;
    snprintf(digest, sizeof digest, "%s", small_image(db, "one", "1", now_s - 40 * DAY));
    OK(image_release(db, "one", true));
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        snprintf(away, sizeof away, "ALTER TABLE %s RENAME TO away", tables[i]);
        snprintf(back, sizeof back, "ALTER TABLE away RENAME TO %s", tables[i]);
        OK(db_do(db, away, ""));
        EQ(collect(db, 0, 0, now_s, NULL), 0);
        OK(is_kept(digest));
        OK(db_do(db, back, ""));
    }
    EQ(collect(db, 0, 0, now_s, NULL), 1);
    OK(!is_kept(digest));
    db_close(db);
}

/* Of what is too much the longest unused goes first. */
TEST(the_store_is_kept_within_its_limit)
{
    char digests[4][IMAGE_DIGEST_LEN + 1], name[16], text[32];
    db_t *db      = fresh_store();
    int64_t now_s = (int64_t)time(NULL) + 2 * 3600;
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "i%d", i);
        snprintf(text, sizeof text, "123456789%d", i);
        snprintf(digests[i], sizeof digests[i], "%s", small_image(db, name, text, now_s - (i + 1) * DAY));
        OK(image_release(db, name, true));
    }
    EQ(collect(db, 25, 300, now_s, digests[3]), 1);
    OK(is_kept(digests[0]) && is_kept(digests[1]) && !is_kept(digests[2]) && is_kept(digests[3]));
    db_close(db);
}

TEST(files_that_nothing_leads_to_go_but_not_under_a_machine)
{
    char before[IMAGE_DIGEST_LEN + 1], tree[PATH_CAP], broken[PATH_CAP];
    db_t *db      = fresh_store();
    int64_t now_s = (int64_t)time(NULL);
    snprintf(before, sizeof before, "%s", small_image(db, "web", "first", now_s));
    image_used(db, "abcdefghijkl", before);
    db_do(db, "INSERT INTO workload(contract, name, wid, is_made) VALUES(1, 'vm', 'abcdefghijkl', 1)", "");
    small_image(db, "web", "second", now_s); /* the name leads to another image now */
    OK(path_join(tree, "%s/img/%s.sqfs.tree", dir, before) && folder_make(tree, 0755));
    OK(path_join(broken, "%s/img/work-abc", dir) && folder_make(broken, 0755));
    collect(db, 0, 0, now_s + 2 * 3600, NULL);
    OK(is_kept(before) && file_exists(tree) && file_exists(broken));
    db_do(db, "UPDATE workload SET is_made = 0", "");
    collect(db, 0, 0, now_s + 60, NULL);
    OK(is_kept(before)); /* so young a file may be one that is being imported */
    collect(db, 0, 0, now_s + 2 * 3600, NULL);
    OK(!is_kept(before) && !file_exists(tree) && file_exists(broken));
    collect(db, 0, 0, now_s + 2 * DAY, NULL);
    OK(!file_exists(broken));
    OK(strcmp(found(db, "web"), "web") == 0);
    image_t image;
    OK(image_find(db, dir, "web", &image) && image_check(db, &image, error));
    image_used(db, "abcdefghijkl", image.digest);
    db_do(db, "UPDATE workload SET is_made = 1", "");
    OK(image_remove(db, dir, "web") &&
       is_kept(image.digest)); /* a name may go, its file stays under a machine */
    free(image.config);
    db_close(db);
}

int main(int argc, char **argv)
{
    if (geteuid() != 0 || access("/usr/bin/mksquashfs", X_OK) != 0)
        return test_skip("images need root and mksquashfs", NULL);
    snprintf(dir, sizeof dir, "/tmp/zt-image-%d", getpid());
    if (!folder_make(dir, 0755)) return 1;
    int status = test_main_(argc, argv);
    folder_remove(dir);
    return status;
}
