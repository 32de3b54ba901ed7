/* advice.c - errors of the chain told to a person: where they come from, what they mean, what to do. */
#include "advice.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* What to do about the errors that people meet most. */
static const struct {
    const char *error, *advice;
} advices[] = {
    {"BadOrigin",                         "this call is not for every account: `trellis call NAME --help` says whose it is; "
                  "--propose N asks the council"                                                             },
    {"TwinNotExists",                     "make a twin: trellis twin create --relay DOMAIN"                                   },
    {"TwinWithPubkeyExists",              "the account has a twin already: trellis twin show"                                 },
    {"UserDidNotSignTermsAndConditions",
     "accept them: trellis twin terms, or let `trellis twin create` do it"                                                    },
    {"InvalidRelayAddress",               "a relay is a bare domain, as relay.example.org; several are joined by _"           },
    {"FarmExists",                        "the name is taken: choose another"                                                 },
    {"FarmNotExists",                     "trellis farm list shows those that there are"                                      },
    {"NodeNotExists",                     "trellis node list shows those that there are"                                      },
    {"InvalidFarmName",                   "letters, digits, - and _ only"                                                     },
    {"InvalidPublicIP",
     "an address is IP/PREFIX and its gateway is in the same network: 185.206.122.33/24,185.206.122.1"                        },
    {"ContractNotExists",                 "trellis contract list --all shows those that there are"                            },
    {"ContractIsNotUnique",
     "this node has a contract of the same hash already: change the deployment, or cancel that contract"                      },
    {"NodeNotAvailableToDeploy",          "it is rented whole by another, is down, or is full: trellis node show ID"          },
    {"FarmHasNotEnoughPublicIPsFree",
     "its addresses are in use: ask for fewer, or choose a node of another farm"                                              },
    {"FarmHasNotEnoughPublicIPs",
     "the farm has fewer addresses: ask for fewer, or choose a node of another farm"                                          },
    {"TwinNotAuthorizedToUpdateContract", "only its owner may: sign with the key that made the contract"                      },
    {"TwinNotAuthorizedToCancelContract", "only its owner may: sign with the key that made the contract"                      },
    {"NodeHasActiveContracts",            "cancel them first: trellis contract list --node ID"                                },
    {"CanOnlyIncreaseFrequency",          "give more blocks than now: trellis query contract.billing_frequency"               },
    {"NotMember",                         "sign with the key of a council member: trellis council show"                       },
    {"NotCouncilMember",                  "sign with the key of a council member: trellis council show"                       },
    {"TooEarly",                          "votes are missing: trellis council show tells how many"                            },
    {"ProposalMissing",                   "it is closed already, or its hash is wrong: trellis council show"                  },
    {"WrongProposalWeight",               "give close a larger weight bound; trellis council close chooses one"               },
    {"FundsUnavailable",                  "the account holds less than that: trellis balance ADDRESS"                         },
    {"InsufficientBalance",               "the account holds less than that: trellis balance ADDRESS"                         },
    {"ExistentialDeposit",
     "the receiver would hold less than the least that an account may: trellis const balances"                                },
    {"Expendability",                     "the sender would hold less than the least that an account may: send less, or --all"},
    {"NotAnOwner",                        "sign with the key that owns it"                                                    },
    {"InvalidStellarPublicKey",           "a Stellar address has 56 letters and begins with G"                                },
    {"CallFiltered",                      "the chain allows this call from nobody in this place"                              },
};

const char *error_advice(const char *error)
{
    for (size_t i = 0; i < sizeof advices / sizeof *advices; i++)
        if (strcmp(advices[i].error, error) == 0) return advices[i].advice;
    return "";
}

void error_words(const char *error, char out[120])
{
    size_t used = 0;
    for (size_t i = 0; error[i] && used + 2 < 120; i++) {
        bool is_upper = isupper((unsigned char)error[i]) != 0;
        if (is_upper && i > 0 && !isupper((unsigned char)error[i - 1])) out[used++] = ' ';
        out[used++] = (char)(i > 0 ? tolower((unsigned char)error[i]) : error[i]);
    }
    out[used] = 0;
}

const char *error_docs(const table_variant_t *error, char room[120])
{
    if (error->docs[0]) return error->docs;
    error_words(error->name, room);
    return room;
}

/* name_module adds the names of a module's error to its numbers. */
static void name_module(json_t *module)
{
    uint8_t pallet                 = (uint8_t)json_integer_value(json_object_get(module, "index"));
    const char *bytes              = json_string_value(json_object_get(module, "error"));
    unsigned number                = 0;
    bool has_number                = bytes && sscanf(bytes, "0x%2x", &number) == 1;
    const table_pallet_t *of       = has_number ? table_pallet_at(pallet) : NULL;
    const table_variant_t *variant = of ? table_error(pallet, (uint8_t)number) : NULL;
    char room[120];
    if (!variant) return;
    json_object_set_new(module, "pallet", json_string(of->name));
    json_object_set_new(module, "name", json_string(variant->name));
    json_object_set_new(module, "docs", json_string(error_docs(variant, room)));
}

void errors_name(json_t *json)
{
    const char *name;
    json_t *value;
    size_t i;
    json_object_foreach(json, name, value)
    {
        if (strcmp(name, "Module") == 0 && json_object_get(value, "index") && json_object_get(value, "error"))
            name_module(value);
        errors_name(value);
    }
    json_array_foreach(json, i, value) errors_name(value);
}
