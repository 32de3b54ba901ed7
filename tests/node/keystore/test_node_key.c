/* test_node_key.c - a node's identity on disk, and the peer id that follows from it. */
#define _GNU_SOURCE /* nftw */

#include "node_key.h"
#include "test.h"

#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char folder[64], path[NODE_KEY_PATH_CAP];

static int remove_one(const char *name, const struct stat *info, int kind, struct FTW *at)
{
    (void)info, (void)kind, (void)at;
    return remove(name);
}

static void begin(void)
{
    snprintf(folder, sizeof folder, "/tmp/trellis-node-key-XXXXXX");
    OK(mkdtemp(folder) != NULL);
    OK(node_key_path(folder, path));
}

static void end(void) { OK(nftw(folder, remove_one, 4, FTW_DEPTH | FTW_PHYS) == 0); }

static void write_file(const char *content, size_t len)
{
    FILE *file = fopen(path, "w");
    OK(file && fwrite(content, 1, len, file) == len && fclose(file) == 0);
}

/* The two keys that every guide to a private network of Substrate nodes uses. */
TEST(peer_ids_are_those_that_substrate_shows)
{
    uint8_t seed[32] = {[31] = 1};
    char id[PEER_ID_TEXT_MAX + 1];
    peer_id_text(seed, id);
    OK(strcmp(id, "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp") == 0);
    seed[31] = 2;
    peer_id_text(seed, id);
    OK(strcmp(id, "12D3KooWHdiAxVd8uMQR1hGWXccidmfCwLqcMpGwR6QcTP6QRMuD") == 0);
}

TEST(a_key_is_made_once_for_the_owner_alone)
{
    uint8_t made[32], read[32], again[32];
    struct stat info;
    begin();
    OK(!node_key_read(path, read) && errno == ENOENT);
    OK(node_key_make(path, made));
    OK(stat(path, &info) == 0 && (info.st_mode & 0777) == 0600 && info.st_size == 32);
    OK(node_key_read(path, read) && memcmp(made, read, 32) == 0);
    OK(!node_key_make(path, again) && errno == EEXIST);
    OK(node_key_read(path, read) && memcmp(made, read, 32) == 0);
    end();
}

TEST(a_file_of_digits_is_a_key_and_anything_else_is_none)
{
    static const char digits[] = "0000000000000000000000000000000000000000000000000000000000000001\n";
    uint8_t seed[32];
    begin();
    OK(node_key_make(path, seed));
    write_file(digits, 65);
    OK(node_key_read(path, seed) && seed[31] == 1 && seed[0] == 0);
    write_file(digits, 64);
    OK(node_key_read(path, seed) && seed[31] == 1);
    write_file(digits, 63);
    OK(!node_key_read(path, seed) && errno == 0);
    write_file("", 0);
    OK(!node_key_read(path, seed) && errno == 0);
    write_file("0000000000000000000000000000000000000000000000000000000000000001 and more of it", 79);
    OK(!node_key_read(path, seed));
    OK(!node_key_parse("00", seed) && !node_key_parse("zz", seed));
    end();
}

TEST_MAIN()
