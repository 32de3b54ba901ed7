/* node_key.h - the key by which peers know this node, and the peer id that follows from it.
 *
 * An ed25519 seed in the file network/secret_ed25519 of the chain's folder, 32 bytes, as Substrate keeps it.
 * A peer id is the base-58 text of the identity multihash of the key as libp2p encodes it (libp2p peer-ids,
 * "Keys"). */
#ifndef NODE_KEY_H
#define NODE_KEY_H
#include "base.h"

#define PEER_ID_TEXT_MAX  52
#define NODE_KEY_PATH_CAP 1200

/* node_key_path is the node key's file of a chain's folder; false when it is too long. */
bool node_key_path(const char *chain_path, char path[NODE_KEY_PATH_CAP]);

/* node_key_read reads a key's file: 32 bytes, or 64 hexadecimal digits.  On failure errno says why, 0 that
 * the content is neither; wipe the seed. */
NODISCARD bool node_key_read(const char *path, uint8_t seed[32]);

/* node_key_make makes a key and its file, which must not be there yet; the folder, too.  On failure errno
 * says why. */
NODISCARD bool node_key_make(const char *path, uint8_t seed[32]);

/* node_key_parse reads 64 hexadecimal digits. */
NODISCARD bool node_key_parse(const char *text, uint8_t seed[32]);

/* peer_id_text writes the peer id of a seed's key, "12D3KooW...". */
void peer_id_text(const uint8_t seed[32], char text[PEER_ID_TEXT_MAX + 1]);

#endif
