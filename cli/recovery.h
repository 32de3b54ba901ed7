/* recovery.h - a deployment's copy on the chain, that only its owner can read (docs/formats/keys.md 6).
 *
 * The JSON without what can be made anew (contract id, signatures, results) is deflated with a preset
 * dictionary and sealed to the owner's key (keyring.h).  Up to RECOVERY_DATA_MAX bytes go into the contract's
 * deployment_data:  "TRL1" sealed.  A longer copy goes into TFKVStore, in parts of RECOVERY_PART_MAX bytes
 * under the keys "trellis/CONTRACT/0", "/1" ..., and deployment_data says  "TRL2" count. */
#ifndef RECOVERY_H
#define RECOVERY_H
#include "keyring.h"

#include <jansson.h>

#define RECOVERY_DATA_MAX  512u
#define RECOVERY_PART_MAX  2048u
#define RECOVERY_PARTS_MAX 64u
#define RECOVERY_JSON_MAX  (1u << 20)

/* recovery_pack makes the sealed copy: *sealed is the caller's to free.  False when the key cannot seal, or
 * it is too long for RECOVERY_PARTS_MAX parts. */
NODISCARD bool recovery_pack(const json_t *deployment, const keypair_t *key, uint8_t **sealed, uint32_t *len);

/* recovery_data writes deployment_data for a copy of this length; gives its length and how many parts go into
 * TFKVStore. */
uint32_t recovery_data(const uint8_t *sealed, uint32_t len, uint8_t data[RECOVERY_DATA_MAX], uint32_t *parts);

/* recovery_read tells what deployment_data is: parts is 0 and *sealed points into it, or the copy is in so
 * many parts. False when it is something else. */
NODISCARD bool recovery_read(bytes_t data, bytes_t *sealed, uint32_t *parts);

/* recovery_unpack opens a copy; NULL when it was sealed by another key or is damaged. */
json_t *recovery_unpack(bytes_t sealed, const keypair_t *key);

#endif
