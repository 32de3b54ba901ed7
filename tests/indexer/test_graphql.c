/* test_graphql.c - questions in GraphQL: the grammar, what is answered, and what is refused and why. */
#include "graphql.h"
#include "graphql_parse.h"
#include "grid_model.h"

static model_t model;
static store_t *store;
static int status;

static void fresh(uint64_t seed)
{
    char error[DB_ERROR_MAX + 1];
    const char *where = getenv("TRELLIS_POSTGRES");
    if (store) store_close(store);
    store = store_open(where ? where : ":memory:", true, error);
    if (!store) abort();
    model_make(&model, store, &(random_t){seed});
}

/* Asks with variables (JSON, or NULL) and gives the whole answer. */
static json_t *ask(const char *query, const char *variables)
{
    json_t *request = json_pack("{s:s}", "query", query);
    if (variables) json_object_set_new(request, "variables", json_loads(variables, 0, NULL));
    char *body   = json_dumps(request, JSON_COMPACT);
    json_t *json = graphql_answer(store_db(store), 7, bytes_text(body), &status);
    free(body);
    json_decref(request);
    return json;
}

/* Is the answer this JSON? */
static bool says(const char *query, const char *variables, const char *expected)
{
    json_t *got = ask(query, variables), *want = json_loads(expected, 0, NULL);
    bool is_same = want && json_equal(got, want);
    char *text   = json_dumps(got, JSON_COMPACT);
    if (!is_same) printf("%s\n  gives %.600s\n  not   %s\n", query, text, expected);
    free(text);
    json_decref(got);
    json_decref(want);
    return is_same;
}

static bool refuses(const char *query, const char *why)
{
    json_t *got = ask(query, NULL);
    const char *message =
        json_string_value(json_object_get(json_array_get(json_object_get(got, "errors"), 0), "message"));
    bool is_refused = message && strstr(message, why) && status == 400 && !json_object_get(got, "data");
    if (!is_refused)
        printf("%s\n  said %s (%d), not %s\n", query, message ? message : "(nothing)", status, why);
    json_decref(got);
    return is_refused;
}

static json_t *list_of(json_t *answer, const char *name)
{
    return json_object_get(json_object_get(answer, "data"), name);
}

/* ---- as grid_client asks ---- */

TEST(the_first_question_of_grid_client)
{
    fresh(1);
    OK(says("query { __typename }", "{}", "{\"data\":{\"__typename\":\"Query\"}}"));
}

TEST(a_nodes_twin_is_found_by_a_variable)
{
    OK(says("query getNodeTwinId($nodeId: Int!){ nodes(where: { nodeID_eq: $nodeId }) { twinID } }",
            "{\"nodeId\":5}", "{\"data\":{\"nodes\":[{\"twinID\":105}]}}"));
}

static uint32_t live(char kind, uint32_t twin, const char *part)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < model.contract_count; i++) {
        const model_contract_t *c = &model.contracts[i];
        count += c->kind == kind && c->twin == twin && strcmp(c->state, "Deleted") != 0 &&
                 strstr(c->data, part) != NULL;
    }
    return count;
}

TEST(contracts_are_counted_and_listed_by_twin_state_and_text)
{
    char expected[128];
    snprintf(expected, sizeof expected, "{\"data\":{\"items\":{\"count\":%u}}}", live('n', 2, ""));
    OK(says("query { items: nodeContractsConnection(where: {twinID_eq: 2, state_in: [Created, GracePeriod]}, "
            "orderBy: twinID_ASC) { count: "
            "totalCount } }",
            NULL, expected));
    json_t *got  = ask("query getContracts($nodeContractsCount: Int!){ nodeContracts(where: {twinID_eq: 2, "
                        "state_in: [Created, GracePeriod] , AND: "
                        "[{ deploymentData_contains: \"\\\"type\\\":\\\"vm\\\"\" },]}, limit: "
                        "$nodeContractsCount) { contractID deploymentData state "
                        "createdAt nodeID numberOfPublicIPs } }",
                       "{\"nodeContractsCount\":1000}");
    json_t *list = list_of(got, "nodeContracts");
    EQ(json_array_size(list), live('n', 2, "\"type\":\"vm\""));
    OK(json_array_size(list) > 0);
    OK(json_is_string(json_object_get(json_array_get(list, 0), "contractID")));
    OK(json_is_string(json_object_get(json_array_get(list, 0), "createdAt")));
    OK(json_is_integer(json_object_get(json_array_get(list, 0), "nodeID")));
    OK(strstr(json_string_value(json_object_get(json_array_get(list, 0), "deploymentData")),
              "\"type\":\"vm\""));
    json_decref(got);
}

/* ---- where and orderBy against a model ---- */

static uint32_t count_where(const char *where)
{
    char query[512];
    snprintf(query, sizeof query, "{ nodes(where: %s) { nodeID } }", where);
    json_t *got    = ask(query, NULL);
    uint32_t count = (uint32_t)json_array_size(list_of(got, "nodes"));
    if (status != 200) count = UINT32_MAX;
    json_decref(got);
    return count;
}

#define COUNT(...)                                                                                           \
    ({                                                                                                       \
        uint32_t count_ = 0;                                                                                 \
        for (uint32_t i_ = 0; i_ < model.node_count; i_++) {                                                 \
            const model_node_t *n = &model.nodes[i_];                                                        \
            (void)n;                                                                                         \
            count_ += (__VA_ARGS__) ? 1 : 0;                                                                 \
        }                                                                                                    \
        count_;                                                                                              \
    })

PROPERTY(each_operator_means_what_it_says, 4)
{
    fresh(random_next(random));
    EQ(count_where("{}"), COUNT(true));
    EQ(count_where("{nodeID_gt: 20, nodeID_lte: 40}"), COUNT(n->id > 20 && n->id <= 40));
    EQ(count_where("{nodeID_not_in: [1, 2, 3]}"), COUNT(n->id > 3));
    EQ(count_where("{nodeID_in: []}"), 0);
    EQ(count_where("{nodeID_not_in: []}"), COUNT(true));
    EQ(count_where("{country_eq: \"Egypt\"}"), COUNT(strcmp(n->country, "Egypt") == 0));
    EQ(count_where("{country_not_eq: \"Egypt\"}"), COUNT(strcmp(n->country, "Egypt") != 0));
    EQ(count_where("{country_contains: \"gi\"}"), COUNT(strstr(n->country, "gi")));
    EQ(count_where("{country_contains: \"GI\"}"), 0);
    EQ(count_where("{country_containsInsensitive: \"GI\"}"), COUNT(strstr(n->country, "gi")));
    EQ(count_where("{city_startsWith: \"To\"}"), COUNT(strncmp(n->city, "To", 2) == 0));
    EQ(count_where("{city_not_endsWith: \"o\"}"), COUNT(n->city[strlen(n->city) - 1] != 'o'));
    EQ(count_where("{city_endsWith: \"yo\"}"), COUNT(strcmp(n->city, "Tokyo") == 0));
    EQ(count_where("{certification_eq: Certified}"), COUNT(n->is_certified));
    EQ(count_where("{certification_in: [Certified, Diy]}"), COUNT(true));
    EQ(count_where("{extraFee_gt: \"0\"}"), COUNT(n->extra_fee > 0));
    EQ(count_where("{power_isNull: true}"), COUNT(!n->state));
    EQ(count_where("{power: {state_eq: Down}}"), COUNT(n->state && strcmp(n->state, "Down") == 0));
    EQ(count_where("{nodeID_lt: 10, OR: {nodeID_gt: 50}}"), COUNT(n->id < 10 || n->id > 50));
    EQ(count_where("{OR: [{nodeID_eq: 1}, {nodeID_eq: 2}]}"), 2);
    EQ(count_where("{AND: [{nodeID_lt: 30}, {OR: [{nodeID_lt: 5}, {nodeID_gt: 25}]}]}"),
       COUNT(n->id < 5 || (n->id > 25 && n->id < 30)));
    EQ(count_where("{resourcesTotal: {cru_gte: \"16\"}}"), COUNT(n->cru >= 16));
    EQ(count_where("{publicConfig_isNull: false}"), COUNT(n->has_ipv4 || n->has_ipv6 || n->has_domain));
    EQ(count_where("{publicConfig: {domain_eq: \"gw.example.org\"}}"), COUNT(n->has_domain));
    EQ(count_where("{interfaces_some: {}}"), 0);
    EQ(count_where("{interfaces_none: {name_eq: \"zos\"}}"), COUNT(true));
    EQ(count_where("{nodeID_gt: 99999999999999999999}"), 0);
}

TEST(lists_come_in_order_and_in_parts)
{
    fresh(3);
    json_t *got  = ask("{ nodes(orderBy: [resourcesTotal_cru_DESC, nodeID_ASC], limit: 10, offset: 5) { "
                        "nodeID resourcesTotal { cru } } }",
                       NULL);
    json_t *list = list_of(got, "nodes");
    EQ(json_array_size(list), 10);
    for (size_t i = 1; i < 10; i++) {
        json_t *a = json_array_get(list, i - 1), *b = json_array_get(list, i);
        int64_t left = atoll(json_string_value(json_object_get(json_object_get(a, "resourcesTotal"), "cru")));
        int64_t right =
            atoll(json_string_value(json_object_get(json_object_get(b, "resourcesTotal"), "cru")));
        OK(left > right || (left == right && json_integer_value(json_object_get(a, "nodeID")) <
                                                 json_integer_value(json_object_get(b, "nodeID"))));
    }
    json_decref(got);
}

TEST(rows_lead_to_rows_and_back)
{
    json_t *got = ask("{ farms(where: {publicIPs_some: {}}, limit: 1) { id farmID publicIPs(orderBy: ip_ASC, "
                      "limit: 1) { ip contractId farm { farmID name } } "
                      "certification } }",
                      NULL);
    json_t *farm = json_array_get(list_of(got, "farms"), 0),
           *ip   = json_array_get(json_object_get(farm, "publicIPs"), 0);
    OK(farm && ip);
    OK(json_equal(json_object_get(json_object_get(ip, "farm"), "farmID"), json_object_get(farm, "farmID")));
    json_decref(got);
}

TEST(a_connection_counts_and_pages)
{
    json_t *got = ask("{ nodesConnection(orderBy: [nodeID_ASC], first: 2, after: \"3\") { totalCount edges { "
                      "cursor node { nodeID } } pageInfo { "
                      "hasNextPage hasPreviousPage startCursor endCursor } } }",
                      NULL);
    json_t *want = json_loads("{\"data\":{\"nodesConnection\":{\"totalCount\":60,\"edges\":[{\"cursor\":"
                              "\"4\",\"node\":{\"nodeID\":4}},{\"cursor\":\"5\","
                              "\"node\":{\"nodeID\":5}}],\"pageInfo\":{\"hasNextPage\":true,"
                              "\"hasPreviousPage\":true,\"startCursor\":\"4\","
                              "\"endCursor\":\"5\"}}}}",
                              0, NULL);
    OK(json_equal(got, want));
    json_decref(got);
    json_decref(want);
}

TEST(fragments_aliases_and_directives)
{
    OK(says("query Q($no: Boolean = false) { a: nodes(where: {nodeID_eq: 1}) { ...Both skipped: city "
            "@skip(if: true) gone: city @include(if: $no) } "
            "b: nodes(where: {nodeID_eq: 2}) { ... on Node { n: nodeID __typename } } } fragment Both on "
            "Node { nodeID }",
            NULL, "{\"data\":{\"a\":[{\"nodeID\":1}],\"b\":[{\"n\":2,\"__typename\":\"Node\"}]}}"));
}

TEST(big_amounts_are_text_without_loss)
{
    OK(store_begin(store));
    store_block(store, &(store_block_t){.number = 5000, .hash = "0xfeedfacecafe", .time_s = 9});
    apply_smart_contract(
        store, 0,
        &(smart_contract_event_t){
            .kind            = SMART_CONTRACT_EVENT_CONTRACT_BILLED,
            .contract_billed = {4000, 77, SMART_CONTRACT_DISCOUNT_LEVEL_GOLD, ((u128_t)1 << 100)}
    });
    apply_smart_contract(store, 1,
                         &(smart_contract_event_t){
                             .kind            = SMART_CONTRACT_EVENT_CONTRACT_BILLED,
                             .contract_billed = {4000, 78, SMART_CONTRACT_DISCOUNT_LEVEL_NONE, 9}
    });
    OK(store_block_done(store));
    OK(store_commit(store));
    OK(says("query B($id: BigInt!) { contractBillReports(where: {contractID_eq: $id}, limit: 2, orderBy: "
            "timestamp_DESC) { id amountBilled timestamp "
            "discountReceived } }",
            "{\"id\":\"4000\"}",
            "{\"data\":{\"contractBillReports\":[{\"id\":\"0000005000-000001-feedf\",\"amountBilled\":\"9\","
            "\"timestamp\":\"78\",\"discountReceived\":"
            "\"None\"},{\"id\":\"0000005000-000000-feedf\",\"amountBilled\":"
            "\"1267650600228229401496703205376\",\"timestamp\":\"77\",\"discountReceived\":"
            "\"Gold\"}]}}"));
    OK(says(
        "{ contractBillReports(where: {amountBilled_gt: \"10\"}, orderBy: amountBilled_DESC) { timestamp } }",
        NULL, "{\"data\":{\"contractBillReports\":[{\"timestamp\":\"77\"}]}}"));
    OK(says("{ contractBillReportById(id: \"0000005000-000001-feedf\") { timestamp } }", NULL,
            "{\"data\":{\"contractBillReportById\":{\"timestamp\":\"78\"}}}"));
    OK(says("{ contractBillReportByUniqueInput(where: {id: \"none\"}) { timestamp } }", NULL,
            "{\"data\":{\"contractBillReportByUniqueInput\":null}}"));
    OK(says("{ squidStatus { height } }", NULL, "{\"data\":{\"squidStatus\":{\"height\":7}}}"));
}

/* ---- refused ---- */

TEST(what_is_not_answered_is_refused_with_its_reason)
{
    OK(refuses("{ planets { id } }", "Cannot query field \"planets\""));
    OK(refuses("{ nodes { colour } }", "Cannot query field \"colour\" on type \"Node\""));
    OK(refuses("{ nodes(where: {nodeID_near: 3}) { id } }", "nodeID_near"));
    OK(refuses("{ nodes(where: {colour_eq: 3}) { id } }", "colour_eq"));
    OK(refuses("{ nodes(where: {certification_gt: Diy}) { id } }", "certification_gt"));
    OK(refuses("{ nodes(orderBy: nodeID_UP) { id } }", "nodeID_UP"));
    OK(refuses("{ nodes(orderBy: interfaces_name_ASC) { id } }", "interfaces_name_ASC"));
    OK(refuses("{ nodes(first: 3) { id } }", "Unknown argument \"first\""));
    OK(refuses("{ nodes(limit: -1) { id } }", "limit"));
    OK(refuses("{ nodes }", "selection of subfields"));
    OK(refuses("{ nodes { nodeID { x } } }", "must not have a selection"));
    OK(refuses("{ nodes { location } }", "must have a selection"));
    OK(refuses("{ nodes { a: nodeID a: city } }", "selected twice"));
    OK(refuses("{ nodes { ...F } }", "Unknown fragment"));
    OK(refuses("{ nodes { id @client } }", "Unknown directive"));
    OK(refuses("{ nodesConnection { totalCount } }", "orderBy"));
    OK(refuses("query A { __typename } query B { __typename }", "operation name"));
    OK(refuses("mutation { drop }", "only queries"));
    OK(refuses("subscription { nodes { id } }", "only queries"));
    OK(refuses("query Q($a: Int!) { nodes(where: {nodeID_eq: $a}) { id } }", "$a"));
    OK(refuses("{ nodes(where: {nodeID_eq: \"x\"}) { id } }", "nodeID"));
    OK(refuses("{ nodes(where: {nodeID_in: 3}) { id } }", "list"));
    OK(refuses("{ nodes { ...A } } fragment A on Node { ...B } fragment B on Node { ...A }", "too deeply"));
    OK(refuses("{ nodes { ...A } } fragment A on Farm { id }", "cannot be spread"));
}

TEST(what_is_not_graphql_is_refused_with_its_place)
{
    static const char *const wrong[] = {"",
                                        "   # only a remark",
                                        "{",
                                        "}",
                                        "{}",
                                        "{ nodes( }",
                                        "{ nodes(where: {) }",
                                        "{ nodes(limit: 01) { id } }",
                                        "{ nodes(limit: 1.) { id } }",
                                        "{ nodes(limit: 1x) { id } }",
                                        "query ($: Int) { a }",
                                        "query () { a }",
                                        "{ a(b: \"unended) }",
                                        "{ a(b: \"\\q\") { c } }",
                                        "{ a(b: \"\\ud800\") { c } }",
                                        "fragment on on X { a }",
                                        "{ a: }",
                                        "{ a @ }",
                                        "{ a ...on }",
                                        "{ a(b: $) }",
                                        "nonsense",
                                        "{ a(b: \"\"\"unended) }",
                                        "{ \xff }",
                                        "{ a } }"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        static uint8_t room[1 << 16];
        arena_t arena      = {room, sizeof room, 0};
        gq_error_t error   = {0};
        gq_definition_t *d = graphql_parse(bytes_text(wrong[i]), &arena, &error);
        if (d) printf("read: %s\n", wrong[i]);
        OK(!d);
        OK(strncmp(error.text, "Syntax Error: ", 14) == 0);
        OK(error.line >= 1 && error.column >= 1);
    }
    OK(refuses("{\n  nodes(\n    limit: )\n}", "Syntax Error"));
}

TEST(strings_are_read_as_the_grammar_says)
{
    static uint8_t room[1 << 16];
    arena_t arena    = {room, sizeof room, 0};
    gq_error_t error = {0};
    gq_definition_t *d =
        graphql_parse(bytes_text("{ a(b: \"q\\\"\\n\\u00e9\\ud83d\\ude00\", c: \"\"\"x \"y\" z\"\"\", d: "
                                 "-1.5e3, e: [1,2,,3], f: {g: null, h: true}) }"),
                      &arena, &error);
    OK(d);
    const gq_value_t *v = d->selections->arguments;
    OK(bytes_equal(v->text, BYTES("q\"\n\xc3\xa9\xf0\x9f\x98\x80")));
    OK(bytes_equal(v->next->text, BYTES("x \"y\" z")));
    EQ(v->next->next->kind, GQ_FLOAT);
    EQ(v->next->next->next->items->next->next->kind, GQ_INT);
    EQ(v->next->next->next->next->items->next->kind, GQ_BOOL);
}

TEST(a_question_has_bounds)
{
    static char text[GRAPHQL_QUERY_MAX + 10];
    memset(text, ' ', sizeof text - 1);
    memcpy(text, "{ __typename }", 14);
    OK(refuses(text, "too large"));
    snprintf(text, sizeof text, "%s", "{ nodes(where: ");
    for (int i = 0; i < 40; i++)
        strncat(text, "{AND: ", sizeof text - strlen(text) - 1);
    OK(refuses(text, "too deeply"));
    size_t len = (size_t)snprintf(text, sizeof text, "{ nodes(where: {nodeID_in: [");
    for (int i = 0; i < 2000; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%d,", i);
    snprintf(text + len, sizeof text - len, "]}) { id } }");
    OK(refuses(text, "too many values"));
    len = (size_t)snprintf(text, sizeof text, "{ ");
    for (int i = 0; i < 900; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "a%d: nodes { id } ", i);
    snprintf(text + len, sizeof text - len, "}");
    OK(refuses(text, "more than 50000 rows"));
}

TEST(the_schema_tells_what_is_answered)
{
    OK(says(
        "{ __schema { queryType { name kind __typename } mutationType { name } } }", NULL,
        "{\"data\":{\"__schema\":{\"queryType\":{\"name\":\"Query\",\"kind\":\"OBJECT\",\"__typename\":\"__"
        "Type\"},\"mutationType\":null}}}"));
    OK(says(
        "query($n: String!) { __type(name: $n) { enumValues(includeDeprecated: true) { name isDeprecated } } "
        "}",
        "{\"n\":\"PowerState\"}",
        "{\"data\":{\"__type\":{\"enumValues\":[{\"name\":\"Up\",\"isDeprecated\":false},{\"name\":\"Down\","
        "\"isDeprecated\":false}]}}}"));
    OK(says("{ __type(name: \"SquidStatus\") { fields { name type { kind name ofType { name } } } } }", NULL,
            "{\"data\":{\"__type\":{\"fields\":[{\"name\":\"height\",\"type\":{\"kind\":\"SCALAR\",\"name\":"
            "\"Int\",\"ofType\":null}}]}}}"));
    OK(says("{ __type(name: \"\") { name } }", NULL, "{\"data\":{\"__type\":null}}"));
    OK(refuses("{ __type(name: \"Node\") { colour } }", "on type \"__Type\""));
    OK(refuses("{ __type(name: \"Node\") }", "must have a selection"));
    OK(refuses("{ __schema { types { name { x } } } }", "must not have a selection"));
    OK(refuses("{ __type { name } }", "takes a name"));
}

TEST(names_of_types_are_those_of_the_schema)
{
    json_t *got =
        ask("{ nodesConnection(orderBy: id_ASC, first: 1) { __typename edges { __typename node { __typename "
            "power "
            "{ __typename } } } pageInfo { __typename } } squidStatus { __typename } pricingPolicies { su { "
            "__typename } } }",
            NULL);
    char *text = json_dumps(got, JSON_COMPACT);
    EQ(status, 200);
    OK(strstr(text, "\"NodesConnection\"") && strstr(text, "\"NodeEdge\"") && strstr(text, "\"PageInfo\"") &&
       strstr(text, "\"SquidStatus\""));
    free(text);
    json_decref(got);
}

TEST(fragments_that_multiply_and_schemas_without_end_are_refused)
{
    static char text[GRAPHQL_QUERY_MAX];
    size_t len = (size_t)snprintf(text, sizeof text, "{ ...f0 } ");
    for (int i = 0; i < 9; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "fragment f%d on Query { ", i);
        for (int k = 0; k < 100; k++)
            len += (size_t)snprintf(text + len, sizeof text - len, "...f%d ", i + 1);
        len += (size_t)snprintf(text + len, sizeof text - len, "} ");
    }
    snprintf(text + len, sizeof text - len, "fragment f9 on Query { __typename }");
    OK(refuses(text, "too large"));
    len = (size_t)snprintf(text, sizeof text, "{ __schema { types { ...f0 } } } ");
    for (int i = 0; i < 6; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "fragment f%d on __Type { ", i);
        for (int k = 0; k < 20; k++)
            len +=
                (size_t)snprintf(text + len, sizeof text - len, "a%d: fields { type { ...f%d } } ", k, i + 1);
        len += (size_t)snprintf(text + len, sizeof text - len, "} ");
    }
    snprintf(text + len, sizeof text - len, "fragment f6 on __Type { name }");
    OK(refuses(text, "too large"));
    OK(refuses("{ __schema { ...a } } fragment a on __Schema { ...b } fragment b on __Schema { ...a }",
               "too deeply"));
}

TEST(a_body_that_is_no_question_is_refused)
{
    static const char *const bodies[] = {
        "", "[]", "{}", "{\"query\":7}", "null", "{\"query\":\"{ __typename }\"", "\xff"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        json_t *got = graphql_answer(store_db(store), 1, bytes_text(bodies[i]), &status);
        EQ(status, 400);
        OK(json_is_array(json_object_get(got, "errors")));
        json_decref(got);
    }
}
TEST_MAIN()
