/* names.c - names found leniently, and the nearest ones when there is none. */
#include "names.h"

#include "letters.h"
#include "runtime_names.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define PLAIN_MAX 96
#define NEAR_MAX  4 /* suggestions */
#define FAR       4 /* letters apart: no suggestion any more */

/* Short names beside the two that each pallet has. */
static const struct {
    const char *alias, *pallet;
} aliases[] = {
    {"grid",       "TfgridModule"       },
    {"contract",   "SmartContractModule"},
    {"contracts",  "SmartContractModule"},
    {"bridge",     "TFTBridgeModule"    },
    {"price",      "TFTPriceModule"     },
    {"burn",       "BurningModule"      },
    {"kv",         "TFKVStore"          },
    {"upgrade",    "RuntimeUpgrade"     },
    {"membership", "CouncilMembership"  },
    {"payment",    "TransactionPayment" },
};

/* plain keeps letters and digits, in lower case. */
static void plain(const char *text, size_t len, char out[PLAIN_MAX])
{
    size_t used = 0;
    for (size_t i = 0; i < len && used + 1 < PLAIN_MAX; i++)
        if (isalnum((unsigned char)text[i])) out[used++] = (char)tolower((unsigned char)text[i]);
    out[used] = 0;
}

static bool is_plain(const char *wanted, const char *name)
{
    char own[PLAIN_MAX];
    plain(name, strlen(name), own);
    return strcmp(wanted, own) == 0;
}

bool names_equal(const char *a, const char *b)
{
    char wanted[PLAIN_MAX];
    plain(a, strlen(a), wanted);
    return wanted[0] && is_plain(wanted, b);
}

const table_pallet_t *name_pallet(const char *text, size_t len)
{
    char wanted[PLAIN_MAX];
    plain(text, len, wanted);
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (is_plain(wanted, aliases[i].alias)) return table_pallet(bytes_text(aliases[i].pallet));
    for (uint32_t i = 0; i < runtime_pallet_count; i++)
        if (is_plain(wanted, runtime_pallets[i].name) || is_plain(wanted, runtime_pallets[i].prefix))
            return &runtime_pallets[i];
    return NULL;
}

const char *name_pallet_short(const table_pallet_t *pallet) { return pallet->prefix; }

void name_each(const table_pallet_t *pallet, unsigned kinds, name_fn fn, void *context)
{
    for (uint32_t i = 0; (kinds & NAME_CALL) && i < pallet->call_count; i++)
        fn(context, pallet, pallet->calls[i].name, pallet->calls[i].docs);
    for (uint32_t i = 0; (kinds & NAME_ITEM) && i < pallet->storage_count; i++)
        fn(context, pallet, pallet->storage[i].name, pallet->storage[i].docs);
    for (uint32_t i = 0; (kinds & NAME_CONSTANT) && i < pallet->constant_count; i++)
        fn(context, pallet, pallet->constants[i].name, pallet->constants[i].docs);
    for (uint32_t i = 0; (kinds & NAME_EVENT) && i < pallet->event_count; i++)
        fn(context, pallet, pallet->events[i].name, pallet->events[i].docs);
    for (uint32_t i = 0; (kinds & NAME_ERROR) && i < pallet->error_count; i++)
        fn(context, pallet, pallet->errors[i].name, pallet->errors[i].docs);
}

void name_snake(const char *name, char out[80])
{
    size_t used = 0;
    for (size_t i = 0; name[i] && used + 2 < 80; i++) {
        bool is_upper = isupper((unsigned char)name[i]) != 0;
        bool begins_word =
            is_upper && i > 0 && name[i - 1] != '_' &&
            (!isupper((unsigned char)name[i - 1]) || (name[i + 1] && islower((unsigned char)name[i + 1])));
        if (begins_word) out[used++] = '_';
        out[used++] = (char)tolower((unsigned char)name[i]);
    }
    out[used] = 0;
}

/* ---- the nearest ---- */

typedef struct {
    char wanted[PLAIN_MAX];
    struct {
        char text[PLAIN_MAX];
        size_t away;
    } near[NEAR_MAX];
    int count;
} search_t;

/* closeness is small for what was meant: letters apart, or one within the other. */
static size_t closeness(const char *wanted, const char *name)
{
    char own[PLAIN_MAX];
    plain(name, strlen(name), own);
    size_t away = letters_apart(wanted, own), limit = strlen(wanted) < 5 ? 2 : FAR;
    if (away < limit) return away;
    bool is_within = strlen(wanted) >= 3 && (strstr(own, wanted) || strstr(wanted, own));
    return is_within ? FAR : SIZE_MAX;
}

static void keep_near(search_t *search, const char *text, size_t away)
{
    int at = search->count;
    if (away == SIZE_MAX) return;
    while (at > 0 && search->near[at - 1].away > away)
        at--;
    if (at == NEAR_MAX) return;
    if (search->count < NEAR_MAX) search->count++;
    for (int i = search->count - 1; i > at; i--)
        search->near[i] = search->near[i - 1];
    snprintf(search->near[at].text, sizeof search->near[at].text, "%s", text);
    search->near[at].away = away;
}

static void consider(void *context, const table_pallet_t *pallet, const char *name, const char *docs)
{
    search_t *search = context;
    char snake[80], text[PLAIN_MAX];
    (void)docs;
    name_snake(name, snake);
    snprintf(text, sizeof text, "%s.%.60s", name_pallet_short(pallet), snake);
    keep_near(search, text, closeness(search->wanted, name));
}

static const char *kind_text(unsigned kinds)
{
    return kinds & NAME_CALL       ? "call"
           : kinds & NAME_ITEM     ? "storage item"
           : kinds & NAME_CONSTANT ? "constant"
           : kinds & NAME_EVENT    ? "event"
                                   : "error";
}

/* tell_near says what there is instead: in the pallet, else in any. */
static bool tell_near(const cli_t *cli, const char *text, unsigned kinds, const table_pallet_t *pallet)
{
    const char *dot = strchr(text, '.'), *name = dot ? dot + 1 : text;
    search_t search                             = {0};
    char line[(NEAR_MAX + 1) * (PLAIN_MAX + 4)] = "";
    plain(name, strlen(name), search.wanted);
    if (pallet) name_each(pallet, kinds, consider, &search);
    for (uint32_t i = 0; search.count == 0 && i < runtime_pallet_count; i++) {
        name_each(&runtime_pallets[i], kinds, consider, &search);
        if (!dot)
            keep_near(&search, runtime_pallets[i].prefix,
                      closeness(search.wanted, runtime_pallets[i].prefix));
    }
    for (int i = 0; i < search.count; i++)
        snprintf(line + strlen(line), sizeof line - strlen(line), "%s%s", i ? ", " : "", search.near[i].text);
    if (line[0]) return !cli_fail(cli, "there is no %s %s; did you mean %s?", kind_text(kinds), text, line);
    return !cli_fail(cli, "there is no %s %s (trellis %s lists them)", kind_text(kinds), text,
                     cli->command ? cli->command->words : "query");
}

static const table_variant_t *find_variant(const char *name, const table_variant_t *all, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (names_equal(name, all[i].name)) return &all[i];
    return NULL;
}

static bool find_within(const char *name, unsigned kinds, name_t *found)
{
    const table_pallet_t *p = found->pallet;
    for (uint32_t i = 0; (kinds & NAME_ITEM) && i < p->storage_count; i++)
        if (names_equal(name, p->storage[i].name)) found->item = &p->storage[i];
    for (uint32_t i = 0; (kinds & NAME_CONSTANT) && !found->item && i < p->constant_count; i++)
        if (names_equal(name, p->constants[i].name)) found->constant = &p->constants[i];
    if (kinds & NAME_CALL) found->variant = find_variant(name, p->calls, p->call_count);
    if (kinds & NAME_EVENT) found->variant = find_variant(name, p->events, p->event_count);
    if (kinds & NAME_ERROR) found->variant = find_variant(name, p->errors, p->error_count);
    return found->item || found->constant || found->variant;
}

/* tell_pallets says which pallet may have been meant. */
static bool tell_pallets(const cli_t *cli, const char *text, size_t len, unsigned kinds)
{
    search_t search = {0};
    plain(text, len, search.wanted);
    for (uint32_t i = 0; i < runtime_pallet_count; i++)
        keep_near(&search, runtime_pallets[i].prefix, closeness(search.wanted, runtime_pallets[i].prefix));
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        keep_near(&search, aliases[i].alias, closeness(search.wanted, aliases[i].alias));
    if (search.count == 0) return tell_near(cli, text, kinds, NULL);
    const char *other =
        search.count > 1 && strcmp(search.near[1].text, search.near[0].text) != 0 ? search.near[1].text : "";
    return !cli_fail(cli, "there is no pallet %.*s; did you mean %s%s%s?", (int)len, text,
                     search.near[0].text, other[0] ? " or " : "", other);
}

bool name_find(const cli_t *cli, const char *text, unsigned kinds, name_t *found)
{
    const char *dot = strchr(text, '.');
    *found          = (name_t){.pallet = name_pallet(text, dot ? (size_t)(dot - text) : strlen(text))};
    if (!found->pallet) return tell_pallets(cli, text, dot ? (size_t)(dot - text) : strlen(text), kinds);
    if (!dot || !dot[1]) return true;
    return find_within(dot + 1, kinds, found) || tell_near(cli, text, kinds, found->pallet);
}

/* ---- what the tables of the runtime do not hold ---- */

const char *call_origin(uint8_t pallet, uint8_t call)
{
    for (const call_origin_t *one = runtime_call_origins; one->origin; one++)
        if (one->pallet == pallet && one->call == call) return one->origin;
    return "";
}

const char *pallet_about(uint8_t pallet)
{
    for (const pallet_about_t *one = runtime_pallets_about; one->about; one++)
        if (one->pallet == pallet) return one->about;
    return "";
}
