/* cmd_node_key.c - who the node is for its peers: its key made, and its peer id shown. */

#include "cmd.h"
#include "crypto.h"
#include "hex.h"
#include "node_key.h"

#include <errno.h>
#include <string.h>

/* As Substrate: the secret in digits goes to --file or standard output, the peer id to standard error. */
static int generate(cmd_t *cmd)
{
    const char *file = cmd_option(cmd, "file");
    uint8_t seed[32];
    char id[PEER_ID_TEXT_MAX + 1], digits[65];
    if (file && (strlen(file) >= NODE_KEY_PATH_CAP || !node_key_make(file, seed)))
        return cmd_fail(cmd, "%s: %s", file, strerror(errno ? errno : ENAMETOOLONG));
    if (!file) {
        crypto_random(seed, sizeof seed);
        hex_encode(digits, (bytes_t){seed, sizeof seed});
        puts(digits);
        crypto_wipe(digits, sizeof digits);
    }
    peer_id_text(seed, id);
    crypto_wipe(seed, sizeof seed);
    fprintf(stderr, "%s\n", id);
    return 0;
}

static int inspect(cmd_t *cmd)
{
    const char *file = cmd_option(cmd, "file");
    uint8_t seed[32];
    char path[NODE_KEY_PATH_CAP], id[PEER_ID_TEXT_MAX + 1];
    if (!file && !node_key_path(cmd->path, path)) return cmd_fail(cmd, "the path is too long");
    if (!node_key_read(file ? file : path, seed))
        return cmd_fail(cmd, "%s: %s", file ? file : path,
                        errno ? strerror(errno) : "it is not 32 bytes, nor 64 hexadecimal digits");
    peer_id_text(seed, id);
    crypto_wipe(seed, sizeof seed);
    puts(id);
    return 0;
}

const command_t cmd_key_generate_node_key = {
    .name     = "key generate-node-key",
    .help     = "trellis-node key generate-node-key [--file FILE] - make the key that peers know a node by\n"
                "\n"
                "The peer id is written to standard error; the secret to standard output, for --node-key.\n"
                "\n"
                "  --file FILE              write the secret there (which must not exist), for --node-key-file\n",
    .switches = " ",
    .values   = " file ",
    .run      = generate,
};

const command_t cmd_key_inspect_node_key = {
    .name      = "key inspect-node-key",
    .help      = "trellis-node key inspect-node-key [--file FILE] - show the peer id of a node's key\n"
                 "\n"
                 "  --file FILE              (default: network/secret_ed25519 in the chain's folder)\n",
    .switches  = " ",
    .values    = " file ",
    .has_chain = true,
    .run       = inspect,
};
