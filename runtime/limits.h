/* limits.h - how much a block holds (spec tfgrid 1.4). */
#ifndef LIMITS_H
#define LIMITS_H
#include "rt.h"

#define BLOCK_WEIGHT_BASE         UINT64_C(390584000) /* ps of reference time */
#define BLOCK_WEIGHT_MAX          UINT64_C(2000000000000)
#define BLOCK_WEIGHT_NORMAL       UINT64_C(1500000000000) /* three quarters */
#define EXTRINSIC_WEIGHT_BASE     UINT64_C(124414000)
#define EXTRINSIC_NORMAL_MAX      UINT64_C(1299875586000) /* of one extrinsic, without its base */
#define EXTRINSIC_OPERATIONAL_MAX UINT64_C(1799875586000)
#define BLOCK_WEIGHT_RESERVED     UINT64_C(500000000000) /* for operational extrinsics of a full block */
#define PROOF_NORMAL_MAX          UINT64_C(0xbfffffffffffffff)
#define PROOF_RESERVED            UINT64_C(0x4000000000000000)
#define BLOCK_LEN_MAX             UINT32_C(5242880) /* bytes of all extrinsics */
#define BLOCK_LEN_NORMAL          UINT32_C(3932160)

/* Memory for what an extrinsic decodes to, counted alike in every build (scale_spend): an extrinsic that does
 * not fit is none. */
#define EXTRINSIC_MEMORY (UINT32_C(12) << 20)

#endif
