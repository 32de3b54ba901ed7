/* extension.h - the signed extensions: what must hold before a call runs, and what it pays (spec
 * tfgrid 1.3, 1.7). */
#ifndef EXTENSION_H
#define EXTENSION_H
#include "extrinsic.h"
#include "runtime.h"

/* What an extrinsic paid before its call ran. */
typedef struct {
    account_id_t who;
    u128_t fee, tip;
} payment_t;

/* On top of which block an extrinsic is judged: the number it would have, and the hash of its parent where
 * state does not have it yet (NULL: it has). */
typedef struct {
    uint32_t number;
    const hash_t *parent;
} place_t;

/* extension_signer finds who signed, and checks the signature over call, extra and what the extensions add.
 */
validity_t extension_signer(rt_t *rt, const extrinsic_t *x, place_t place, account_id_t *who);

/* extension_validate is all that the pool asks; who is the signer. */
validity_t extension_validate(rt_t *rt, const extrinsic_t *x, const account_id_t *who, place_t place,
                              transaction_t *out);

/* extension_before is all that is done before the call: nonce, limits, fee. */
validity_t extension_before(rt_t *rt, const extrinsic_t *x, const account_id_t *who,
                            const dispatch_info_t *info, payment_t *paid);

/* extension_limits counts an extrinsic into the block, or says that it does not fit. */
validity_t extension_limits(rt_t *rt, const dispatch_info_t *info, uint32_t len);

/* extension_after gives back what was paid too much, and the rest to the author. */
void extension_after(rt_t *rt, const payment_t *paid, const dispatch_info_t *info, uint32_t len);

/* extension_fee is what an extrinsic of len bytes costs. */
fee_details_t extension_fee(rt_t *rt, const dispatch_info_t *info, uint32_t len, u128_t tip);
u128_t fee_total(const fee_details_t *fee);

#endif
