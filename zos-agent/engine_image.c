/* engine_image.c - which images the workloads of this node need. */
#include "engine_internal.h"

#include <stdlib.h>
#include <string.h>

typedef char digest_t[IMAGE_DIGEST_LEN + 1];

static bool add(digest_t **list, uint32_t *count, const char *digest)
{
    for (uint32_t i = 0; i < *count; i++)
        if (strcmp((*list)[i], digest) == 0) return true;
    digest_t *more = realloc(*list, (*count + 1) * sizeof *more);
    if (!more) return false;
    *list = more;
    strncpy((*list)[*count], digest, IMAGE_DIGEST_LEN);
    (*list)[(*count)++][IMAGE_DIGEST_LEN] = 0;
    return true;
}

/* What runs was started from what image_used noted; what is to run, or to be started again, from what its
 * flist names now. */
bool engine_images(engine_t *engine, char (**digests)[IMAGE_DIGEST_LEN + 1], uint32_t *count)
{
    digest_t *list = NULL;
    db_t *db       = engine->config.db;
    bool is_whole  = true;
    *count         = 0;
    for (const entry_t *entry = engine->entries; entry; entry = entry->next)
        for (const record_t *record = entry->records; record; record = record->next) {
            image_t image;
            if (!workload_is_machine(record->workload) || (!record->is_made && !record_is_active(record)))
                continue;
            if (!image_find(db, engine->config.state_dir, record->workload->machine.flist, &image)) {
                is_whole = is_whole && db_ended(db);
                continue;
            }
            is_whole = add(&list, count, image.digest) && is_whole;
            free(image.config);
        }
    db_rows_t *rows = db_ask(
        db, "SELECT DISTINCT u.digest FROM image_use u JOIN workload w ON w.wid = u.wid WHERE w.is_made = 1",
        "");
    while (db_next(&rows))
        is_whole = add(&list, count, db_text(rows, 0)) && is_whole;
    is_whole = db_ended(db) && is_whole;
    if (!is_whole) free(list);
    *digests = is_whole ? list : NULL;
    return is_whole;
}
