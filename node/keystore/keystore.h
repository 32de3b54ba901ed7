/* keystore.h - the node's own keys on disk, as Substrate keeps them.
 *
 * A key is a file whose name is, in hexadecimal, its type ("aura", "gran") and public key, and whose content
 * is its secret URI as a JSON text.  Only the owner may read it. */
#ifndef KEYSTORE_H
#define KEYSTORE_H
#include "keyring.h"

#define KEYSTORE_PATH_CAP 1200

/* keystore_path is the keystore of a chain's folder; false when it is too long. */
bool keystore_path(const char *chain_path, char path[KEYSTORE_PATH_CAP]);

/* keystore_insert stores a key, making the folder; on failure errno says why. */
NODISCARD bool keystore_insert(const char *path, const char type[4], bytes_t public_key, const char *suri);

/* keystore_has says whether there is a file for a key. */
bool keystore_has(const char *path, const char type[4], bytes_t public_key);

/* keystore_find gives the first key of a type (in the order of the names) that is whole; wipe it. */
NODISCARD bool keystore_find(const char *path, const char *type, key_kind_t kind, keypair_t *key);

/* keystore_list gives the keys of a type that are whole, cap at most, in the order of the names; their count.
 * Wipe them. */
uint32_t keystore_list(const char *path, const char *type, key_kind_t kind, keypair_t *keys, uint32_t cap);

#endif
