/* kyc.c - a table of accounts and what is known of them. */
#include "kyc.h"
#include "ss58.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 1000000u

typedef struct {
    account_id_t account;
    char status[12];
} entry_t;

struct kyc {
    char *path; /* NULL: all are verified */
    entry_t *entries;
    uint32_t count;
};

static int compare(const void *a, const void *b)
{
    return memcmp(((const entry_t *)a)->account.b, ((const entry_t *)b)->account.b, 32);
}

/* Reads one line; false when it is none.  *is_entry: it is no comment. */
static bool read_line(const char *line, entry_t *entry, bool *is_entry)
{
    static const char *const known[] = {"VERIFIED", "PENDING", "REJECTED"};
    char address[64], status[12], more[2];
    *is_entry = line[0] != '#' && line[strspn(line, " \t\r\n")] != 0;
    if (!*is_entry) return true;
    if (sscanf(line, "%63s %11s %1s", address, status, more) != 2) return false;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(status, known[i]) == 0) {
            memcpy(entry->status, status, sizeof entry->status);
            return ss58_account_decode(bytes_text(address), &entry->account);
        }
    return false;
}

static bool read_table(const char *path, entry_t **entries, uint32_t *count, char error[DB_ERROR_MAX + 1])
{
    char line[256];
    uint32_t number = 0, cap = 0;
    FILE *file = fopen(path, "re");
    *entries   = NULL;
    *count     = 0;
    if (!file) {
        snprintf(error, DB_ERROR_MAX + 1, "%.180s: %s", path, strerror(errno));
        return false;
    }
    bool is_ok = true, is_entry;
    while (is_ok && fgets(line, sizeof line, file)) {
        entry_t entry = {0};
        number++;
        is_ok = *count < ENTRIES_MAX && read_line(line, &entry, &is_entry);
        if (!is_ok || !is_entry) continue;
        if (*count == cap) {
            cap           = cap ? cap * 2 : 64;
            entry_t *more = realloc(*entries, cap * sizeof *more);
            if (!more) abort();
            *entries = more;
        }
        (*entries)[(*count)++] = entry;
    }
    fclose(file);
    if (!is_ok)
        snprintf(error, DB_ERROR_MAX + 1, "%.150s:%u: not \"ADDRESS VERIFIED|PENDING|REJECTED\"", path,
                 number);
    if (!is_ok) free(*entries);
    if (is_ok && *count) qsort(*entries, *count, sizeof **entries, compare);
    return is_ok;
}

kyc_t *kyc_new(const char *what, char error[DB_ERROR_MAX + 1])
{
    kyc_t *kyc = calloc(1, sizeof *kyc);
    if (!kyc) abort();
    if (strcmp(what, "verified") == 0) return kyc;
    kyc->path = strdup(what);
    if (kyc->path && read_table(what, &kyc->entries, &kyc->count, error)) return kyc;
    free(kyc->path);
    free(kyc);
    return NULL;
}

void kyc_free(kyc_t *kyc)
{
    if (!kyc) return;
    free(kyc->path);
    free(kyc->entries);
    free(kyc);
}

bool kyc_reload(kyc_t *kyc)
{
    char error[DB_ERROR_MAX + 1];
    entry_t *entries;
    uint32_t count;
    if (!kyc->path) return true;
    if (!read_table(kyc->path, &entries, &count, error)) return false;
    free(kyc->entries);
    kyc->entries = entries;
    kyc->count   = count;
    return true;
}

/* account_of reads who is asked for: an address, or a twin's. */
static bool account_of(db_t *db, const char *query, account_id_t *account)
{
    char name[16], value[64];
    if (sscanf(query, "%15[a-z_]=%63[0-9A-Za-z]", name, value) != 2) return false;
    if (strcmp(name, "client_id") == 0) return ss58_account_decode(bytes_text(value), account);
    if (strcmp(name, "twin_id") != 0 || strspn(value, "0123456789") != strlen(value) || strlen(value) > 10)
        return false;
    db_rows_t *rows = db_query(db, "SELECT account_id FROM twin WHERE twin_id = $1",
                               (value_t[]){value_int(strtoll(value, NULL, 10))}, 1);
    bool is_there   = rows && db_next(rows) && ss58_account_decode(bytes_text(db_text(rows, 0)), account);
    if (rows) (void)!db_rows_free(rows);
    return is_there;
}

json_t *kyc_answer(const kyc_t *kyc, db_t *db, const char *query, int *status)
{
    entry_t key = {0};
    *status     = 400;
    if (!account_of(db, query, &key.account))
        return json_pack("{s:s}", "error", "client_id is an address, or twin_id the number of a twin");
    const entry_t *found = kyc->count ? bsearch(&key, kyc->entries, kyc->count, sizeof key, compare) : NULL;
    *status              = !kyc->path || found ? 200 : 404;
    if (*status == 404) return json_pack("{s:s}", "error", "not found");
    return json_pack("{s:{s:s}}", "result", "status", kyc->path ? found->status : "VERIFIED");
}
