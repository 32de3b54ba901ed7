/* fuzz_graphql.c - any body of a request as a question in GraphQL over a small index: it is answered or
 * refused, within its bounds. */
#include "graphql.h"
#include "graphql_parse.h"
#include "log.h"
#include "store.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static store_t *open_store(void)
{
    char error[DB_ERROR_MAX + 1];
    store_t *store = store_open(":memory:", true, error);
    if (!store || !store_begin(store)) abort();
    store_block(store, &(store_block_t){.number = 1, .hash = "0x0011223344", .time_s = 1, .is_final = true});
    row_t node                 = row_new(TABLE_NODE, value_int(1));
    node.v[NODE_EVENT]         = value_text("0000000001-000000-00112");
    node.v[NODE_FARM]          = value_int(1);
    node.v[NODE_COUNTRY]       = value_text("Belgium");
    node.v[NODE_HRU]           = value_int(7);
    row_t farm                 = row_new(TABLE_FARM, value_int(1));
    farm.v[FARM_EVENT]         = value_text("0000000001-000001-00112");
    row_t contract             = row_new(TABLE_CONTRACT, value_int(1));
    contract.v[CONTRACT_EVENT] = value_text("0000000001-000002-00112");
    contract.v[CONTRACT_KIND]  = value_text("node");
    contract.v[CONTRACT_DATA]  = value_text("{\"type\":\"vm\"}");
    row_put(store, &node);
    row_put(store, &farm);
    row_put(store, &contract);
    if (!store_block_done(store) || !store_commit(store)) abort();
    return store;
}

static void drop(void *self, const char *line)
{
    (void)self;
    (void)line;
}

/* A statement that SQLite does not understand is our fault, and is found: an answer of 500. */
static void check(store_t *store, bytes_t body)
{
    int status;
    json_t *answer = graphql_answer(store_db(store), 1, body, &status);
    if (!answer || status == 500 || (status == 200) != (json_object_get(answer, "data") != NULL)) abort();
    json_decref(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static store_t *store;
    if (!store) {
        log_tap(drop, NULL);
        store = open_store();
    }
    if (size > 8192) return 0;
    bytes_t body = {data, (uint32_t)size};
    check(store, body);
    json_t *request =
        json_pack("{s:o,s:{s:i,s:s,s:b}}", "query", json_stringn_nocheck((const char *)data, size),
                  "variables", "n", 5, "s", "vm", "b", 1);
    char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
    if (text) check(store, (bytes_t){(const uint8_t *)text, (uint32_t)strlen(text)});
    free(text);
    json_decref(request);
    return 0;
}
