/* Deployments as clients send them: parsed, hashed, signed; and what must be refused. */
#include "deployment.h"
#include "test.h"
#include "vectors.h"

static char error[DEPLOYMENT_ERROR_MAX + 1];

static deployment_t *parse(const char *text) { return deployment_parse(bytes_text(text), error); }

/* A valid deployment with one disk and one machine; the data of the machine may be changed by a patch. */
static json_t *example(void)
{
    json_t *root = json_loads(
        "{\"version\":0,\"twin_id\":7,\"contract_id\":42,\"metadata\":\"m\",\"description\":\"\","
        "\"expiration\":0,"
        "\"workloads\":[{\"version\":0,\"name\":\"disk\",\"type\":\"zmount\",\"data\":{\"size\":1024}},"
        "{\"version\":0,\"name\":\"vm\",\"type\":\"zmachine-light\",\"data\":{\"flist\":\"oci:web\","
        "\"network\":"
        "{\"interfaces\":[{\"network\":\"net\",\"ip\":\"10.20.2.2\"}]},\"size\":0,\"compute_capacity\":{"
        "\"cpu\":1,"
        "\"memory\":268435456},\"mounts\":[{\"name\":\"disk\",\"mountpoint\":\"/data\"}],\"entrypoint\":\"\","
        "\"env\":{\"B\":\"2\",\"A\":\"1\"}}}]}",
        0, NULL);
    if (!root || !deployment_json_prepare(root, 7, 42)) exit(1);
    return root;
}

/* Replaces one value, given by a path as "workloads/1/data/flist", and says why the result is refused. */
static const char *refusal(const char *path, const char *value)
{
    static char text[DEPLOYMENT_ERROR_MAX + 1];
    json_t *root = example(), *at = root;
    char part[64];
    size_t len;
    for (; path[len = strcspn(path, "/")] == '/'; path += len + 1) {
        snprintf(part, sizeof part, "%.*s", (int)len, path);
        at = json_is_array(at) ? json_array_get(at, (size_t)strtoul(part, NULL, 10))
                               : json_object_get(at, part);
    }
    json_t *now = json_loads(value, JSON_DECODE_ANY, NULL);
    if (!now || json_object_set_new(at, path, now) != 0) exit(1);
    deployment_t *d = deployment_from_json(root, text);
    bool is_fine    = d && deployment_valid(d, text);
    deployment_free(d);
    json_decref(root);
    return is_fine ? "" : text;
}

TEST(all_vectors_have_their_text_hash_and_signature)
{
    json_t *root = vectors_load("deployment-vectors.json"), *vector;
    size_t i;
    deployment_signer_t signer = {.twin_id = 7};
    OK(crypto_init());
    json_array_foreach(json_object_get(root, "vectors"), i, vector)
    {
        deployment_t *d = deployment_from_json(json_object_get(vector, "deployment"), error);
        if (!d) printf("%s\n", error);
        OK(d);
        if (!deployment_valid(d, error)) printf("%s: %s\n", vector_text(vector, "name"), error);
        OK(error[0] == 0);

        deployment_form_t form;
        bytes_t contract_hash = vector_bytes(vector, "contract_hash_bytes");
        EQ(contract_hash.len, 32);
        OK(deployment_has_hash(d, contract_hash.data, &form));
        char *text = deployment_challenge(d, form);
        OK(strcmp(text, vector_text(vector, "challenge")) == 0);
        free(text);
        const json_t *parts = json_object_get(vector, "workload_challenges");
        EQ(json_array_size(parts), d->workload_count);
        for (uint32_t w = 0; w < d->workload_count; w++) {
            text = workload_challenge(&d->workloads[w], form);
            OK(strcmp(text, json_string_value(json_array_get(parts, w))) == 0);
            free(text);
        }

        memcpy(signer.account.b, vector_bytes(root, "ed25519_public").data, 32);
        OK(deployment_verify(d, &signer, 1, error));
        json_t *entry = json_array_get(
            json_object_get(json_object_get(d->json, "signature_requirement"), "signatures"), 0);
        json_object_set(entry, "signature", json_object_get(vector, "signature_sr25519"));
        json_object_set_new(entry, "signature_type", json_string("sr25519"));
        deployment_t *sr25519 = deployment_from_json(d->json, error);
        OK(!deployment_verify(sr25519, &signer, 1, error));
        memcpy(signer.account.b, vector_bytes(root, "sr25519_public").data, 32);
        OK(deployment_verify(sr25519, &signer, 1, error));
        deployment_free(sr25519);
        deployment_free(d);
    }
    EQ(i, 14);
    json_decref(root);
}

/* Made by tests/tools/deployment_vectors.mjs: unusual texts, IPv6, several signers, a style that JS does not
 * hash. */
TEST(random_deployments_of_every_kind_have_the_hash_of_grid_client)
{
    json_t *root = vectors_load("deployment-random.json"), *vector;
    size_t i;
    unsigned seen[WORKLOAD_KIND_COUNT] = {0}, forms[DEPLOYMENT_FORM_COUNT] = {0};
    json_array_foreach(json_object_get(root, "vectors"), i, vector)
    {
        deployment_t *d = deployment_from_json(json_object_get(vector, "deployment"), error);
        deployment_form_t form;
        if (!d) printf("%zu: %s\n", i, error);
        OK(d);
        bool is_it = deployment_has_hash(d, (const uint8_t *)vector_text(vector, "hash"), &form);
        if (!is_it) printf("vector %zu: %s\n", i, vector_text(vector, "hash"));
        OK(is_it);
        forms[form]++;
        for (uint32_t w = 0; w < d->workload_count; w++)
            seen[d->workloads[w].kind]++;
        deployment_free(d);
    }
    EQ(i, 72);
    for (unsigned kind = 0; kind < WORKLOAD_KIND_COUNT; kind++)
        OK(kind == WORKLOAD_IPV4 ? seen[kind] == 0 : seen[kind] >= 5);
    OK(forms[DEPLOYMENT_FORM_GO] > 0 && forms[DEPLOYMENT_FORM_JS] > 0);
    json_decref(root);
}

TEST(vectors_of_the_light_class_need_its_form)
{
    json_t *root                    = vectors_load("deployment-vectors.json");
    const char *names[]             = {"network: one node, as grid_client sends it", "network-light",
                                       "network-light without mycelium: the text really contains \"undefined\""};
    const deployment_form_t forms[] = {DEPLOYMENT_FORM_GO, DEPLOYMENT_FORM_JS_LIGHT,
                                       DEPLOYMENT_FORM_JS_LIGHT};
    size_t i;
    json_t *vector;
    unsigned seen = 0;
    json_array_foreach(json_object_get(root, "vectors"), i, vector)
    {
        for (unsigned n = 0; n < 3; n++) {
            if (strcmp(names[n], vector_text(vector, "name")) != 0) continue;
            deployment_t *d = deployment_from_json(json_object_get(vector, "deployment"), error);
            deployment_form_t form;
            OK(deployment_has_hash(d, (const uint8_t *)vector_bytes(vector, "contract_hash_bytes").data,
                                   &form));
            EQ(form, forms[n]);
            deployment_free(d);
            seen++;
        }
    }
    EQ(seen, 3);
    json_decref(root);
}

/* Every kind that grid_client builds is in the vectors; ipv4, which it does not, hashes nothing. */
TEST(the_vectors_have_every_kind)
{
    json_t *root = vectors_load("deployment-vectors.json"), *vector;
    size_t i;
    unsigned seen[WORKLOAD_KIND_COUNT] = {0}, workloads = 0, kinds = 0;
    json_array_foreach(json_object_get(root, "vectors"), i, vector)
    {
        deployment_t *d = deployment_from_json(json_object_get(vector, "deployment"), error);
        for (uint32_t w = 0; d && w < d->workload_count; w++, workloads++)
            seen[d->workloads[w].kind]++;
        deployment_free(d);
    }
    for (unsigned kind = 0; kind < WORKLOAD_KIND_COUNT; kind++)
        kinds += seen[kind] > 0;
    EQ(kinds, WORKLOAD_KIND_COUNT - 1);
    EQ(seen[WORKLOAD_IPV4], 0);
    EQ(workloads, 18);
    json_decref(root);
    root = json_pack("{s:i,s:[{s:s,s:s,s:{}}]}", "twin_id", 7, "workloads", "name", "ip4", "type", "ipv4",
                     "data");
    deployment_t *d = deployment_from_json(root, error);
    char *text      = d ? workload_challenge(&d->workloads[0], DEPLOYMENT_FORM_GO) : NULL;
    OK(text && strcmp(text, "0ip4ipv4") == 0); /* version, name, type, and no more */
    free(text);
    deployment_free(d);
    json_decref(root);
}

/* ---- who must sign ---- */

typedef struct {
    uint32_t twin_id, weight;
    bool is_signing;
} party_t;

/* The refusal of a deployment of twin 7 with these requests, signed by those who do; "" when it is taken. */
static const char *verdict(const party_t *parties, uint32_t count, uint32_t weight_required,
                           const char *style)
{
    static const char *const names[] = {"//Alice", "//Bob", "//Dave"};
    json_t *root = example(), *requests = json_array();
    deployment_signer_t signers[3];
    keypair_t keys[3];
    uint8_t hash[16];
    for (uint32_t i = 0; i < count; i++) {
        if (key_from_suri(names[i], i == 1 ? KEY_ED25519 : KEY_SR25519, &keys[i]) != KEY_OK) return "no key";
        signers[i] = (deployment_signer_t){parties[i].twin_id, keys[i].account};
        json_array_append_new(requests, json_pack("{s:I,s:b,s:I}", "twin_id", (json_int_t)parties[i].twin_id,
                                                  "required", 0, "weight", (json_int_t)parties[i].weight));
    }
    json_object_set_new(root, "signature_requirement",
                        json_pack("{s:o,s:I,s:[],s:s}", "requests", requests, "weight_required",
                                  (json_int_t)weight_required, "signatures", "signature_style", style));
    deployment_t *d = deployment_from_json(root, error);
    if (!d || !deployment_hash(d, DEPLOYMENT_FORM_GO, hash)) return "no deployment";
    deployment_free(d);
    for (uint32_t i = 0; i < count; i++)
        if (parties[i].is_signing && !deployment_json_sign(root, hash, parties[i].twin_id, &keys[i]))
            return "not signed";
    d          = deployment_from_json(root, error);
    bool is_ok = d && deployment_verify(d, signers, count, error);
    if (is_ok) error[0] = 0;
    deployment_free(d);
    json_decref(root);
    return error;
}

TEST(several_sign_one_deployment_and_their_weights_count)
{
    static const struct {
        party_t parties[3];
        uint32_t count, weight_required;
        const char *says;
    } cases[] = {
        {{{7, 1, true}},                                   1, 1,           ""                                                    },
        {{{7, 1, true}},                                   1, 0,           ""                                                    },
        {{{7, 1, true}},                                   1, 2,           "required signature weight is not reached"            },
        {{{7, 1, false}},                                  1, 1,           "missing required signature for twin '7'"             },
        {{{8, 1, true}},                                   1, 1,           "originator twin id must be in the signature requests"},
        {{{7, 1, true}, {8, 2, true}},                     2, 3,           ""                                                    },
        {{{8, 2, true}, {7, 1, true}},                     2, 3,           ""                                                    }, /* in any order */
        {{{7, 1, true}, {8, 2, true}},                     2, 4,           "required signature weight is not reached"            },
        {{{7, 3, true}, {8, 2, false}},                    2, 3,           "failed to verify signature"                          }, /* not needed, and asked for */
        {{{7, 1, true}, {8, 2, true}, {9, 4, true}},       3, 7,           ""                                                    },
        {{{7, 0, true}, {8, 2, true}, {9, 4, true}},       3, 7,           "required signature weight is not reached"            },
        {{{7, 4294967295u, true}, {8, 4294967295u, true}}, 2, 4294967295u, ""                                                    }, /* and do not overflow */
    };
    OK(crypto_init());
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int is_wallet = 0; is_wallet < 2; is_wallet++) {
            const char *said = verdict(cases[i].parties, cases[i].count, cases[i].weight_required,
                                       is_wallet ? "polka-wallet" : "");
            bool is_right    = cases[i].says[0] ? strstr(said, cases[i].says) != NULL : said[0] == 0;
            if (!is_right) printf("case %zu: '%s'\n", i, said);
            OK(is_right);
        }
}

/* What was signed in one style is not signed in the other; of two entries of one twin the first counts. */
TEST(styles_are_apart_and_the_first_signature_counts)
{
    keypair_t key;
    uint8_t hash[16];
    json_t *root = example();
    OK(crypto_init() && key_from_suri("//Dave", KEY_SR25519, &key) == KEY_OK);
    deployment_signer_t signer = {7, key.account};
    json_t *requirement        = json_object_get(root, "signature_requirement");
    deployment_t *d            = deployment_from_json(root, error);
    OK(deployment_hash(d, DEPLOYMENT_FORM_GO, hash));
    deployment_free(d);
    OK(deployment_json_sign(root, hash, 7, &key));
    json_t *good = json_deep_copy(json_array_get(json_object_get(requirement, "signatures"), 0)),
           *bad  = json_deep_copy(good);
    char text[129];
    memset(text, 'a', 128);
    text[128] = 0;
    json_object_set_new(bad, "signature", json_string(text));
    for (int is_bad_first = 0; is_bad_first < 2; is_bad_first++) {
        json_object_set_new(requirement, "signatures",
                            json_pack("[O,O]", is_bad_first ? bad : good, is_bad_first ? good : bad));
        d = deployment_from_json(root, error);
        EQ(deployment_verify(d, &signer, 1, error), !is_bad_first);
        deployment_free(d);
    }
    json_object_set_new(requirement, "signatures", json_pack("[O]", good));
    json_object_set_new(requirement, "signature_style", json_string("polka-wallet"));
    d = deployment_from_json(root, error);
    OK(!deployment_verify(d, &signer, 1, error) && strcmp(error, "failed to verify signature") == 0);
    deployment_free(d);
    json_decref(good);
    json_decref(bad);
    json_decref(root);
}

TEST(addresses_are_printed_as_go_prints_them)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"10.20.2.7/24",            "10.20.2.7/24"     },
        {"2001:DB8:0:0:0:0:0:1/64", "2001:db8::1/64"   },
        {"2001:db8:0:1:0:0:0:0/64", "2001:db8:0:1::/64"},
        {"1:0:0:2:0:0:3:4/128",     "1::2:0:0:3:4/128" },
        {"::/0",                    "::/0"             },
        {"::102:304/8",             "::102:304/8"      },
        {"1:0:2:3:4:5:6:7/8",       "1:0:2:3:4:5:6:7/8"},
        {"::1/128",                 "::1/128"          },
        {"fe80::/10",               "fe80::/10"        },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *root    = json_pack("{s:i,s:[{s:s,s:s,s:{s:s}}]}", "twin_id", 7, "workloads", "name", "n",
                                    "type", "network", "data", "subnet", cases[i].in);
        deployment_t *d = deployment_from_json(root, error);
        OK(d);
        OK(strcmp(d->workloads[0].network.subnet.canonical, cases[i].out) == 0);
        OK(strcmp(d->workloads[0].network.ip_range.canonical, "<nil>") == 0);
        deployment_free(d);
        json_decref(root);
    }
}

TEST(a_deployment_that_was_prepared_and_signed_verifies)
{
    keypair_t key;
    OK(crypto_init());
    for (int kind = 0; kind < 2; kind++) {
        for (int is_wallet = 0; is_wallet < 2; is_wallet++) {
            json_t *root = example();
            EQ(key_from_suri("//Dave", kind ? KEY_ED25519 : KEY_SR25519, &key), KEY_OK);
            if (is_wallet)
                json_object_set_new(json_object_get(root, "signature_requirement"), "signature_style",
                                    json_string("polka-wallet"));
            uint8_t hash[16];
            deployment_t *d = deployment_from_json(root, error);
            OK(d);
            OK(deployment_valid(d, error));
            deployment_signer_t signer = {7, key.account};
            OK(!deployment_verify(d, &signer, 1, error));
            OK(strstr(error, "missing"));
            OK(deployment_hash(d, DEPLOYMENT_FORM_GO, hash));
            deployment_free(d);

            OK(deployment_json_sign(root, hash, 7, &key));
            OK(deployment_json_sign(root, hash, 7, &key));
            d = deployment_from_json(root, error);
            EQ(d->signature_count, 1);
            OK(deployment_verify(d, &signer, 1, error));
            OK(!deployment_verify(d, &signer, 0, error));
            signer.account.b[0] ^= 1;
            OK(!deployment_verify(d, &signer, 1, error));
            deployment_free(d);
            json_decref(root);
        }
    }
}

TEST(what_is_not_hashed_changes_no_hash)
{
    json_t *root    = example();
    deployment_t *d = deployment_from_json(root, error);
    uint8_t before[16], after[16];
    OK(deployment_hash(d, DEPLOYMENT_FORM_GO, before));
    deployment_free(d);
    json_object_set_new(root, "contract_id", json_integer(43));
    json_object_set_new(root, "contractCreatedAt", json_integer(1));
    json_object_set_new(json_array_get(json_object_get(root, "workloads"), 0), "result", json_string("any"));
    d = deployment_from_json(root, error);
    OK(d);
    OK(deployment_hash(d, DEPLOYMENT_FORM_GO, after));
    OK(memcmp(before, after, 16) == 0);
    deployment_free(d);
    json_decref(root);
}

TEST(rules_are_checked)
{
    static const struct {
        const char *path, *value, *says;
    } cases[] = {
        {"twin_id",                                  "7",                                                        ""                                                              },
        {"twin_id",                                  "0",                                                        "twin_id"                                                       },
        {"contract_id",                              "0",                                                        "contract_id"                                                   },
        {"twin_id",                                  "\"7\"",                                                    "whole number"                                                  },
        {"twin_id",                                  "4294967296",                                               "too large"                                                     },
        {"twin_id",                                  "-1",                                                       "whole number"                                                  },
        {"twin_id",                                  "7.0",                                                      "whole number"                                                  },
        {"expiration",                               "\"2030-01-31T12:00:00.5Z\"",                               ""                                                              },
        {"expiration",                               "\"soon\"",                                                 "date"                                                          },
        {"workloads",                                "[]",                                                       "no workloads"                                                  },
        {"workloads",                                "[3]",                                                      "not an object"                                                 },
        {"workloads",                                "3",                                                        "not a list"                                                    },
        {"workloads/0/name",                         "\"vm\"",                                                   "multiple workloads with the same name 'vm'"                    },
        {"workloads/0/name",                         "\"a b\"",                                                  "name 'a b' is invalid: unsupported character in workload name" },
        {"workloads/0/name",                         "\"../x\"",                                                 "name '../x' is invalid: unsupported character in workload name"},
        {"workloads/0/name",                         "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
         "is invalid: name cannot exceed 36 characters"                                                                                                                          },
        {"workloads/0/name",                         "\"ygg\"",                                                  "name 'ygg' is invalid: invalid name 'ygg' is reserved"         },
        {"workloads/0/version",                      "1",
         "workload 'disk' version '1' cannot be higher than deployment version '0'"                                                                                              },
        {"workloads/0/type",                         "\"disk\"",                                                 "invalid reservation type 'disk'"                               },
        {"workloads/0/data/size",                    "0",                                                        "invalid size"                                                  },
        {"workloads/0/data/size",                    "9007199254740993",                                         "too large"                                                     },
        {"workloads/1/data/flist",                   "\"\"",                                                     "flist"                                                         },
        {"workloads/1/data/compute_capacity/cpu",    "0",                                                        "cpu capacity can't be 0"                                       },
        {"workloads/1/data/compute_capacity/cpu",    "256",                                                      "too large"                                                     },
        {"workloads/1/data/compute_capacity/memory", "1024",                                                     "mem capacity can't be less that 250M"                          },
        {"workloads/1/data/mounts",                  "null",                                                     ""                                                              },
        {"workloads/1/data/mounts",                  "[{\"name\":\"other\",\"mountpoint\":\"/d\"}]",             "no disk"                                                       },
        {"workloads/1/data/mounts",                  "[{\"name\":\"disk\",\"mountpoint\":\"/../etc\"}]",         "mountpoint"                                                    },
        {"workloads/1/data/mounts",                  "[{\"name\":\"disk\",\"mountpoint\":\"d\"}]",               "mountpoint"                                                    },
        {"workloads/1/data/mounts",                  "[{\"name\":\"disk\",\"mountpoint\":\"/\"}]",               "mountpoint"                                                    },
        {"workloads/1/data/mounts",                  "[{\"name\":\"disk\",\"mountpoint\":\"/proc/self/fd/9\"}]", "/proc"                                                         },
        {"workloads/1/data/mounts",                  "[{\"name\":\"disk\",\"mountpoint\":\"/dev\"}]",            "/dev"                                                          },
        {"workloads/1/data/mounts",                  "[{\"name\":\"disk\",\"mountpoint\":\"/etc/hosts\"}]",      "node writes"                                                   },
        {"workloads/1/data/mounts",                  "[{\"name\":\"disk\",\"mountpoint\":\"/processes\"}]",      ""                                                              },
        {"workloads/1/data/env",                     "{\"A=\":\"1\"}",                                           "env"                                                           },
        {"workloads/1/data/env",                     "{\"A\":1}",                                                "not a text"                                                    },
        {"workloads/1/data/network/interfaces",      "[]",
         "only one network private network is supported at the moment"                                                                                                           },
        {"workloads/1/data/network/interfaces",      "[{\"network\":\"net\",\"ip\":\"10.20.2\"}]",               "IP address"                                                    },
        {"workloads/1/metadata",                     "\"free text\"",                                            ""                                                              },
        {"workloads/1/metadata",                     "\"{\\\"ports\\\":3}\"",                                    "ports"                                                         },
        {"workloads/1/metadata",
         "\"{\\\"ports\\\":[{\\\"proto\\\":\\\"tcp\\\",\\\"host\\\":0,\\\"guest\\\":1}]}\"",                     "ports"                                                         },
        {"workloads/1/metadata",
         "\"{\\\"ports\\\":[{\\\"proto\\\":\\\"tcp\\\",\\\"host\\\":1,\\\"guest\\\":1}]}\"",                     ""                                                              },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *said = refusal(cases[i].path, cases[i].value);
        bool is_right    = cases[i].says[0] ? strstr(said, cases[i].says) != NULL : said[0] == 0;
        if (!is_right) printf("%s = %s: '%s'\n", cases[i].path, cases[i].value, said);
        OK(is_right);
    }
}

/* A public address is an ip workload of the same deployment, of one machine. */
TEST(names_of_others_lead_to_workloads_that_are_there)
{
    static const struct {
        const char *ip_name, *wanted, *second, *says;
    } cases[] = {
        {"pubip", "pubip", "",      ""      },
        {"pubip", "",      "",      ""      },
        {"pubip", "other", "",      "public"},
        {"pubip", "pubip", "pubip", "public"},
        {"pubip", "vm",    "",      "public"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *list = json_pack("[{s:i,s:s,s:s,s:{s:b,s:b}}]", "version", 0, "name", cases[i].ip_name,
                                 "type", "ip", "data", "v4", 1, "v6", 0);
        for (int machine = 0; machine < 2; machine++) {
            const char *wanted = machine ? cases[i].second : cases[i].wanted;
            json_array_append_new(
                list, json_pack("{s:i,s:s,s:s,s:{s:s,s:{s:s,s:b,s:[{s:s,s:s}]},s:{s:i,s:I}}}", "version", 0,
                                "name", machine ? "vm2" : "vm", "type", "zmachine", "data", "flist",
                                "oci:web", "network", "public_ip", wanted, "planetary", 0, "interfaces",
                                "network", "net", "ip", machine ? "10.20.2.3" : "10.20.2.2",
                                "compute_capacity", "cpu", 1, "memory", (json_int_t)268435456));
        }
        json_t *root =
            json_pack("{s:i,s:i,s:i,s:o}", "version", 0, "twin_id", 7, "contract_id", 42, "workloads", list);
        deployment_t *d = deployment_from_json(root, error);
        bool is_ok      = d && deployment_valid(d, error);
        bool is_right   = cases[i].says[0] ? !is_ok && strstr(error, cases[i].says) != NULL : is_ok;
        if (!is_right) printf("case %zu: '%s'\n", i, error);
        OK(is_right);
        deployment_free(d);
        json_decref(root);
    }
}

TEST(networks_have_no_name_of_the_node_s_own)
{
    static const char *const names[] = {"ygg", "pub", "mycelium", "mine"};
    for (size_t i = 0; i < 4; i++) {
        json_t *root    = json_pack("{s:i,s:i,s:i,s:[{s:i,s:s,s:s,s:{s:s}}]}", "version", 0, "twin_id", 7,
                                    "contract_id", 42, "workloads", "version", 0, "name", names[i], "type",
                                    "network-light", "data", "subnet", "10.20.2.0/24");
        deployment_t *d = deployment_from_json(root, error);
        EQ(d && deployment_valid(d, error), i == 3);
        deployment_free(d);
        json_decref(root);
    }
}

TEST(a_gateway_sends_to_addresses_of_other_machines_only)
{
    static const struct {
        const char *backend;
        bool is_tls_passthrough, is_taken;
    } cases[] = {
        {"http://10.20.2.2:80",        false, true },
        {"http://10.20.2.2",           false, true },
        {"http://[2001:db8::1]:65535", false, true },
        {"http://[2001:db8::1]",       false, true },
        {"10.20.2.2:443",              true,  true },
        {"[2001:db8::1]:443",          true,  true },
        {"10.20.2.2",                  true,  false},
        {"10.20.2.2:80",               false, false},
        {"https://10.20.2.2:80",       false, false},
        {"http://10.20.2.2:",          false, false},
        {"http://10.20.2.2:0",         false, false},
        {"http://10.20.2.2:65536",     false, false},
        {"http://10.20.2.2:80/x",      false, false},
        {"http://10.20.2:80",          false, false},
        {"http://:80",                 false, false},
        {"http://",                    false, false},
        {":",                          true,  false},
        {"",                           true,  false},
        {"http://example.org:80",      false, false},
        {"http://127.0.0.1:80",        false, false},
        {"http://0.0.0.0:80",          false, false},
        {"http://[::1]:80",            false, false},
        {"http://[::ffff:127.0.0.1]",  false, false},
        {"http://[2001:db8::1:80",     false, false},
        {"http://[]:80",               false, false},
        {"http://2001:db8::1",         false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "{\"version\":0,\"twin_id\":7,\"contract_id\":1,\"expiration\":0,\"metadata\":\"\","
                 "\"description\":\"\","
                 "\"workloads\":[{\"version\":0,\"name\":\"site\",\"type\":\"gateway-name-proxy\","
                 "\"metadata\":\"\","
                 "\"description\":\"\",\"data\":{\"name\":\"site\",\"tls_passthrough\":%s,\"backends\":[\"%"
                 "s\"]}}],"
                 "\"signature_requirement\":{\"requests\":[{\"twin_id\":7,\"required\":false,\"weight\":1}],"
                 "\"weight_required\":1,\"signatures\":[],\"signature_style\":\"\"}}",
                 cases[i].is_tls_passthrough ? "true" : "false", cases[i].backend);
        deployment_t *d = deployment_parse((bytes_t){(const uint8_t *)text, (uint32_t)strlen(text)}, error);
        OK(d != NULL);
        bool is_taken = d && deployment_valid(d, error);
        if (is_taken != cases[i].is_taken) printf("'%s': %s\n", cases[i].backend, error);
        EQ(is_taken, cases[i].is_taken);
        deployment_free(d);
    }
}

/* The refusal of one workload alone; "" when it is taken. */
static const char *verdict_of(const char *type, const char *data)
{
    static char text[DEPLOYMENT_ERROR_MAX + 1];
    json_t *parsed = json_loads(data, 0, NULL);
    json_t *root = json_pack("{s:i,s:i,s:i,s:[{s:i,s:s,s:s,s:o}]}", "version", 0, "twin_id", 7, "contract_id",
                             42, "workloads", "version", 0, "name", "w", "type", type, "data", parsed);
    deployment_t *d = deployment_from_json(root, text);
    if (d && deployment_valid(d, text)) text[0] = 0;
    deployment_free(d);
    json_decref(root);
    return text;
}

/* In the words of zos, as clients may know them. */
TEST(what_zos_refuses_is_refused_in_its_words)
{
    static const struct {
        const char *type, *data, *says;
    } cases[] = {
        {"volume",             "{\"size\":0}",                                                                   "invalid size"                             },
        {"zdb",                "{\"size\":0,\"mode\":\"user\"}",                                                 "invalid size"                             },
        {"zdb",                "{\"size\":1,\"mode\":\"\"}",                                                     "invalid mode"                             },
        {"zdb",                "{\"size\":1,\"mode\":\"seq\"}",                                                  ""                                         },
        {"ip",                 "{\"v4\":false,\"v6\":false}",                                                    "public ip workload with no selections"    },
        {"ipv4",               "{}",                                                                             ""                                         },
        {"network",            "{\"subnet\":\"10.20.2.0/24\"}",                                                  "network IP range cannot be empty"         },
        {"network",            "{\"ip_range\":\"10.20.0.0/16\"}",                                                "network resource subnet cannot empty"     },
        {"network-light",      "{}",                                                                             "network resource subnet cannot empty"     },
        {"network-light",      "{\"subnet\":\"10.20.2.0/24\",\"peers\":[{}]}",
         "peer wireguard subnet cannot empty"                                                                                                               },
        {"network-light",      "{\"subnet\":\"10.20.2.0/24\",\"peers\":[{\"subnet\":\"10.20.3.0/24\"}]}",
         "peer wireguard allowedIPs cannot empty"                                                                                                           },
        {"network-light",
         "{\"subnet\":\"10.20.2.0/24\",\"peers\":[{\"subnet\":\"10.20.3.0/24\",\"allowed_ips\":[\"10.20.3.0/"
         "24\"]}]}",                                                                                             "peer wireguard public key cannot empty"   },
        {"zlogs",              "{\"zmachine\":\"vm\",\"output\":\"redis://10.0.0.1/c\"}",
         "no zmachine with name 'vm' found"                                                                                                                 },
        {"gateway-name-proxy", "{\"name\":\"a_b-C9\",\"backends\":[\"http://10.0.0.1\"]}",                       ""                                         },
        {"gateway-name-proxy", "{\"name\":\"a.b\",\"backends\":[\"http://10.0.0.1\"]}",
         "name a.b is invalid"                                                                                                                              },
        {"gateway-name-proxy", "{\"name\":\"\",\"backends\":[\"http://10.0.0.1\"]}",                             "name  is invalid"                         },
        {"gateway-name-proxy", "{\"name\":\"a\",\"backends\":[]}",                                               "backends list can not be empty"           },
        {"gateway-name-proxy", "{\"name\":\"a\",\"backends\":[\"https://10.0.0.1\"]}",
         "failed to validate backend 'https://10.0.0.1': "                                                                                                  },
        {"gateway-fqdn-proxy", "{\"fqdn\":\"my_shop.example.org\",\"backends\":[\"http://10.0.0.1\"]}",          ""                                         },
        {"gateway-fqdn-proxy", "{\"fqdn\":\"a.bc\",\"backends\":[\"http://10.0.0.1\"]}",                         ""                                         },
        {"gateway-fqdn-proxy", "{\"fqdn\":\"shop\",\"backends\":[\"http://10.0.0.1\"]}",
         "fqdn shop is invalid"                                                                                                                             },
        {"gateway-fqdn-proxy", "{\"fqdn\":\"a.b\",\"backends\":[\"http://10.0.0.1\"]}",
         "fqdn a.b is invalid"                                                                                                                              },
        {"gateway-fqdn-proxy", "{\"fqdn\":\"a..org\",\"backends\":[\"http://10.0.0.1\"]}",
         "fqdn a..org is invalid"                                                                                                                           },
        {"gateway-fqdn-proxy", "{\"fqdn\":\".example.org\",\"backends\":[\"http://10.0.0.1\"]}",
         "fqdn .example.org is invalid"                                                                                                                     },
        {"gateway-fqdn-proxy", "{\"fqdn\":\"example.org.\",\"backends\":[\"http://10.0.0.1\"]}",
         "fqdn example.org. is invalid"                                                                                                                     },
        {"gateway-fqdn-proxy", "{\"fqdn\":\"a b.org\",\"backends\":[\"http://10.0.0.1\"]}",
         "fqdn a b.org is invalid"                                                                                                                          },
        {"gateway-fqdn-proxy", "{\"fqdn\":\"\",\"backends\":[\"http://10.0.0.1\"]}",                             "fqdn  is invalid"                         },
        {"qsfs",               "{\"cache\":1073741824,\"config\":{\"minimal_shards\":3,\"expected_shards\":2}}",
         "minimal shards can't be greater than expected shards"                                                                                             },
        {"zmachine-heavy",     "{}",                                                                             "invalid reservation type 'zmachine-heavy'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *said = verdict_of(cases[i].type, cases[i].data);
        bool is_right =
            cases[i].says[0] ? strncmp(said, cases[i].says, strlen(cases[i].says)) == 0 : said[0] == 0;
        if (!is_right) printf("%s %s: '%s'\n", cases[i].type, cases[i].data, said);
        OK(is_right);
    }
}

TEST(ports_come_from_metadata_and_are_read_once)
{
    machine_port_t ports[DEPLOYMENT_PORTS_CAP];
    uint32_t count;
    workload_t w = {.name     = "w",
                    .metadata = "{\"ports\":[{\"proto\":\"tcp\",\"host\":8080,\"guest\":80},"
                                "{\"proto\":\"udp\",\"host\":8080,\"guest\":53}]}"};
    OK(workload_ports(&w, ports, &count, error));
    EQ(count, 2);
    EQ(ports[0].host, 8080);
    EQ(ports[0].guest, 80);
    OK(!ports[0].is_udp);
    OK(ports[1].is_udp);
    w.metadata = "{\"version\":3,\"user_accesses\":[]}";
    OK(workload_ports(&w, ports, &count, error));
    EQ(count, 0);
    w.metadata = "{\"ports\":[{\"proto\":\"tcp\",\"host\":80,\"guest\":1},{\"proto\":\"tcp\",\"host\":80,"
                 "\"guest\":2}]}";
    OK(!workload_ports(&w, ports, &count, error));
}

TEST(capacity_follows_the_table)
{
    json_t *root    = example();
    deployment_t *d = deployment_from_json(root, error);
    capacity_t disk = workload_capacity(&d->workloads[0]), vm = workload_capacity(&d->workloads[1]);
    EQ(disk.sru, 1024);
    EQ(vm.cru, 1);
    EQ(vm.mru, 268435456);
    EQ(vm.sru, UINT64_C(500) << 20);
    EQ(d->workloads[1].machine.env_count, 2);
    OK(strcmp(d->workloads[1].machine.env[0].key, "A") == 0);
    deployment_free(d);
    json_decref(root);
}

TEST(text_that_is_no_deployment_is_refused)
{
    OK(!parse(""));
    OK(!parse("[]"));
    OK(!parse("{\"twin_id\":1,\"twin_id\":2}"));
    OK(!parse("{\"metadata\":\"\\u0000\"}"));
    OK(!parse("{\"metadata\":\"\xff\"}"));
    OK(!parse("{\"workloads\":[null]}"));
    char *deep = calloc(1, 1 << 16);
    memset(deep, '[', (1 << 16) - 1);
    OK(!parse(deep));
    free(deep);
}

TEST_MAIN()
