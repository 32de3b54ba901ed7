/* runtime_upgrade.c - the council sets the code as root does, without a fee. */

#include "runtime_upgrade_pallet.h"

#include "../system/system.h"

dispatch_t runtime_upgrade_set_code(rt_t *rt, const runtime_upgrade_set_code_args_t *args)
{
    TRY(system_set_code(rt, &(system_set_code_args_t){.code = args->code}));
    rt_pays_no(rt);
    return DISPATCH_OK;
}
