/* burning.c - TFT that its owner destroys, with a word to say why. */
#include "../balances/balances.h"
#include "burning_pallet.h"
#include "system_pallet.h"

/* The list of burns grows for ever: it is appended to, never read and written whole.  A message is at most
 * this long. */
enum { MESSAGE_MAX = 1024, RECORD_MAX = MESSAGE_MAX + 64, KEY_LEN = 32 };

static void append(rt_t *rt, const burning_burn_t *burn)
{
    uint8_t key[KEY_LEN], record[RECORD_MAX];
    scale_writer_t k = scale_writer(key, sizeof key), w = scale_writer(record, sizeof record);
    burning_burns_key(&k);
    burning_burn_encode(&w, burn);
    if (k.failed || w.failed) {
        rt_exhaust(rt, "burning: a record is too long");
        return;
    }
    rt->host->append(rt->host->state, scale_written(&k), 1, scale_written(&w));
}

/* What was taken is recorded: an account that something holds keeps its existential deposit (spec
 * smart-contract, B32). */
dispatch_t burning_burn_tft(rt_t *rt, const account_id_t *who, const burning_burn_tft_args_t *args)
{
    ENSURE(balances_free(rt, who) >= args->amount, BURNING_NOT_ENOUGH_BALANCE_TO_BURN);
    ENSURE(args->message.len <= MESSAGE_MAX, DISPATCH_EXHAUSTED);

    const burning_burn_t burn = {
        .target  = *who,
        .amount  = balances_slash(rt, who, args->amount),
        .block   = system_number_get(rt),
        .message = args->message,
    };

    append(rt, &burn);
    burning_emit_burn_transaction_created(rt, who, burn.amount, burn.block, args->message);
    return DISPATCH_OK;
}
