/* names.h - pallets, calls, storage items, constants, events and errors, found as people write them.
 *
 * Case and separators do not matter: tfgrid.create_farm, TfgridModule.createFarm and TFGRID-MODULE.CREATEFARM
 * are one call.  A pallet has the name of the metadata, that of its folder, and a short one for some. */
#ifndef NAMES_H
#define NAMES_H
#include "cli.h"
#include "runtime_table.h"

typedef enum { NAME_CALL = 1, NAME_ITEM = 2, NAME_CONSTANT = 4, NAME_EVENT = 8, NAME_ERROR = 16 } name_kind_t;

/* What a name means: the pallet, and one of the others unless the pallet alone was named. */
typedef struct {
    const table_pallet_t *pallet;
    const table_variant_t *variant; /* call, event or error */
    const table_storage_t *item;
    const table_constant_t *constant;
} name_t;

/* names_equal compares two names as people write them. */
bool names_equal(const char *a, const char *b);

/* name_pallet finds a pallet; NULL when there is none.  name_pallet_short is the shortest way to write one.
 */
const table_pallet_t *name_pallet(const char *text, size_t len);
const char *name_pallet_short(const table_pallet_t *pallet);

/* name_find finds PALLET or PALLET.NAME of a kind (two kinds may be joined).  False: said why, with the
 * nearest names that there are. */
bool name_find(const cli_t *cli, const char *text, unsigned kinds, name_t *found);

/* name_each calls fn for every name of a kind in a pallet: its text and its documentation. */
typedef void (*name_fn)(void *context, const table_pallet_t *pallet, const char *name, const char *docs);
void name_each(const table_pallet_t *pallet, unsigned kinds, name_fn fn, void *context);

/* list_pallets and list_names print them; kinds say what is counted and listed. */
int list_pallets(const cli_t *cli, unsigned kinds);
int list_names(const cli_t *cli, const table_pallet_t *pallet, unsigned kinds);

/* name_snake writes a name as calls are written: "TwinIdByAccountID" is "twin_id_by_account_id". */
void name_snake(const char *name, char out[80]);

#endif
