/* commands.c - the one table that help, completion and the man page are made from. */
#include "cli.h"

const command_t cli_commands[] = {
    {"key generate",                                                                       "", "Make a new key and show its secret words, or write them to a file", "words out", 0,
     "  trellis key generate --out me.key\n\nThe file is plain text that only you can read; `trellis key "
     "seal` makes one with a password.", cmd_key_generate},
    {"key inspect",                 "[ADDRESS]", "Show address and public keys of a key, or what an address means", "prefix",
     TAKES_KEY, "  trellis key inspect --key-file me.key\n  trellis key inspect "
     "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", cmd_key_inspect},
    {"key seal",                                                                                   "FILE", "Read a secret from standard input and keep it in a file, sealed with a password",
     "", 0,
     "  trellis key seal me.key --password-file password.txt < words.txt\n\nThe file opens with --key-file "
     "and the same password.", cmd_key_seal},
    {"key sign",                                                                    "TEXT", "Sign a text", "", NEEDS_KEY, NULL, cmd_key_sign},
    {"key verify",                                                                        "TEXT SIGNATURE ADDRESS", "Check a signature; ends with 1 when it is not valid", "", 0,
     NULL, cmd_key_verify},
    {"balance",                   "[ADDRESS]", "Show how much TFT an account has", "at", TAKES_KEY, NULL, cmd_balance},
    {"transfer",                                                                            "ADDRESS TFT", "Send TFT to somebody", "all", NEEDS_KEY,
     "  trellis transfer 5Grw...utQY 12.5 --key-file me.key\n\n--all lets your account end when nothing is "
     "left on it.", cmd_transfer},
    {"twin create",                                                                     "", "Make your entry on the grid; accepts the terms and conditions if you have not yet",
     "relay pk no-pk link hash", NEEDS_KEY,
     "  trellis twin create --relay grid.local --key-file me.key\n\nThe relay is a bare domain through which "
     "messages reach you. Your key's own encryption\n"
     "key is stored too, so that others encrypt what they send you.", cmd_twin_create},
    {"twin update",                                                                           "", "Change relay and encryption key of your twin", "relay pk no-pk", NEEDS_KEY, NULL,
     cmd_twin_update},
    {"twin show",   "[ID|ADDRESS]", "Show a twin; yours without an argument", "", TAKES_KEY, NULL,
     cmd_twin_show},
    {"twin list",                                                                                   "", "Show all twins", "", 0, NULL, cmd_twin_list},
    {"twin terms",                                                                        "", "Accept the terms and conditions, or show what you accepted", "link hash", NEEDS_KEY,
     NULL, cmd_twin_terms},
    {"farm create",                                                                           "NAME", "Make a farm: a place for your nodes", "ip", NEEDS_KEY,
     "  trellis farm create green-farm --ip 185.206.122.33/24,185.206.122.1 --key-file farmer.key", cmd_farm_create},
    {"farm add-ip",                                                                       "FARM CIDR,GATEWAY", "Add a public address to your farm", "", NEEDS_KEY, NULL,
     cmd_farm_add_ip},
    {"farm remove-ip",                                                                           "FARM CIDR", "Take a public address that nobody uses from your farm", "", NEEDS_KEY,
     NULL, cmd_farm_remove_ip},
    {"farm show",                                                                        "ID|NAME", "Show a farm", "", 0, NULL, cmd_farm_show},
    {"farm list",                                                                         "", "Show all farms", "", 0, NULL, cmd_farm_list},
    {"node show",                               "ID", "Show a node: its resources, place and power", "", 0, NULL, cmd_node_show},
    {"node list",                                                                                   "", "Show all nodes, or those of one farm", "farm", 0, NULL, cmd_node_list},
    {"deploy",                                                                      "FILE", "Run a deployment: contract, message to the node, and wait until it runs",
     "node relay relay-url relay-at keep update wait no-copy public-ips provider", NEEDS_KEY,
     "  trellis deploy web.json --node 1 --key-file me.key\n  trellis deploy web.json --update 7 --key-file "
     "me.key\n\n"
     "FILE is deployment JSON; twin, contract, hash and signature are filled in. It goes to the node "
     "encrypted,\n"
     "over the relays of your twin (--relay-at says where a domain is reached). When a workload fails, the "
     "new\n"
     "contract is cancelled, unless --keep. A copy that only your key opens is kept on the chain, for\n"
     "`trellis contract recover`.", cmd_deploy},
    {"rmb send",                                                                            "TWIN COMMAND [JSON]", "Send a command to a twin and print its answer",
     "relay relay-url relay-at session to-session expire", NEEDS_KEY,
     "  trellis rmb send 3 zos.statistics.get --relay wss://relay.example.org --key-file me.key\n  trellis "
     "rmb send 2 echo '{\"n\": 1}' --relay tls+tcp://127.0.0.2:4437 --ca ca.pem --key //Alice\n\n"
     "Encrypted when both twins have their encryption key on the chain (trellis twin update). Without "
     "--relay "
     "the\nmessage goes over the relays of your twin.", cmd_rmb_send},
    {"rmb listen",                                                  "", "Print what others send you, and answer it",
     "relay relay-url relay-at session count answer", NEEDS_KEY,
     "  trellis rmb listen --relay wss://relay.example.org --key-file me.key --json", cmd_rmb_listen},
    {"rmb echo",                                                                           "", "Answer the command echo with what came, any other with an error",
     "relay relay-url relay-at session count", NEEDS_KEY,
     "  trellis rmb echo --relay ws://127.0.0.1:8980 --key //Bob", cmd_rmb_echo},
    {"rmb ping",                                                                         "[TWIN]", "Time the way to your relay and back, or to a twin and back",
     "relay relay-url relay-at session to-session expire count", NEEDS_KEY,
     "A twin is sent the command echo; an error is an answer too.", cmd_rmb_ping},
    {"rmb trace",                                                                           "TWIN", "Show how long each hop to a twin takes",
     "relay relay-url relay-at to-session expire", NEEDS_KEY,
     "  trellis rmb trace 3 --relay wss://relay.example.org --key-file me.key\n\n"
     "The hops are the chain, your relay (login, ping), the relays of the other twin where they are others "
     "than yours\n(login, ping), and the twin: over your relay, and straight over its own. safe_ms is when "
     "your "
     "relay had the\nmessage on disk or delivered; relays reached by nng tell it.", cmd_rmb_trace},
    {"relay status",                                                              "", "Show whether a relay is well, and what it counted", "relay relay-url relay-at",
     TAKES_KEY, "  trellis relay status --relay wss://relay.example.org\n\nWithout --relay: the first relay of "
     "your twin.", cmd_relay_status},
    {"contract create",                                                                           "NODE HASH",
     "Make a node contract; `contract create name NAME` and `contract create rent NODE` make the other kinds", "data public-ips provider", NEEDS_KEY,
     "HASH is the 32 hexadecimal digits of the deployment's MD5. Most people want `trellis deploy` instead.", cmd_contract_create},
    {"contract update",                                                                        "ID HASH", "Set another deployment hash", "data", NEEDS_KEY, NULL,
     cmd_contract_update},
    {"contract cancel",                                                                        "ID", "End a contract; what ran under it stops", "", NEEDS_KEY, NULL,
     cmd_contract_cancel},
    {"contract show", "ID", "Show a contract, what it uses and owes", "at", 0, NULL, cmd_contract_show},
    {"contract list",                                                                           "", "Show your contracts, or those of a twin, a node, or everybody", "twin node all",
     TAKES_KEY, NULL, cmd_contract_list},
    {"contract bills",                                                                     "ID", "Show what a contract was billed", "from", 0,
     "Amounts in JSON are units of 10^-7 TFT. Blocks are read backwards to the contract's beginning, or to "
     "--from.", cmd_contract_bills},
    {"contract watch",                                                                        "ID", "Tell what happens to a contract until it ends", "from count", 0, NULL,
     cmd_contract_watch},
    {"contract recover",                                      "ID", "Bring back the deployment of your contract from the chain alone", "",
     NEEDS_KEY, "  trellis contract recover 7 --key-file me.key > web.json", cmd_contract_recover},
    {"council show",                                                                           "", "Show the council's members and open proposals", "", 0, NULL, cmd_council_show},
    {"council propose",                                                                      "PALLET.CALL [ARGUMENT ...]", "Propose a call to the council", "threshold", NEEDS_KEY,
     "  trellis council propose grid.set_connection_price 90 --key //Alice\n\n"
     "With as many keys as must agree (several --key or --key-file) it is proposed, voted and closed in one "
     "go.", cmd_council_propose},
    {"council vote",                                                                          "HASH", "Vote for a proposal, or against it with --no", "no index", NEEDS_KEY, NULL,
     cmd_council_vote},
    {"council close",                                            "HASH", "Close a proposal that was decided: an agreed call is run", "index", NEEDS_KEY,
     NULL, cmd_council_close},
    {"council set-billing-frequency",                                                                           "BLOCKS",
     "Have contracts billed each so many blocks (it can only be raised)", "threshold", NEEDS_KEY,
     "  trellis council set-billing-frequency 20 --key //Alice --key //Bob", cmd_council_set_billing_frequency},
    {"query",                                                                        "[PALLET.ITEM [KEY ...]]", "Read any storage item; fewer keys than it has list its entries",
     "at limit count watch final", TAKES_KEY,
     "  trellis query                          all pallets\n  trellis query grid                     the "
     "items of one\n"
     "  trellis query system.account alice     one value\n  trellis query grid.farms               all "
     "entries\n"
     "  trellis query grid.farms --count       how many\n  trellis query grid.farms 1 --at 100    as it was "
     "at a block\n"
     "  trellis query system.account alice --watch\n\n"
     "Case and separators of names do not matter. Keys are written as arguments of calls are: accounts as "
     "addresses,\n"
     "0x..., alice, //Any//path, me or FILE.key; bytes as text or 0x. --watch ends after --limit changes.", cmd_query},
    {"call",                                                                          "[PALLET.CALL [ARGUMENT ...]]", "Send any call; --help after its name explains it",
     "encode wait nonce mortal immortal dry-run propose batch", TAKES_KEY,
     "  trellis call                           all pallets\n  trellis call grid                      the "
     "calls of one\n"
     "  trellis call grid.create_farm --help   what it takes, who may send it, what it may answer\n"
     "  trellis call balances.transfer_keep_alive bob 12.5TFT --key-file me.key\n"
     "  trellis call grid.create_farm name=green-farm public_ips='[]' --key-file me.key\n"
     "  trellis call grid.set_connection_price 90 --propose 2 --key-file member.key\n"
     "  trellis call --batch calls.txt --key-file me.key\n\n"
     "Arguments stand in their order or as name=value, or all as one JSON object. Case and separators of "
     "names do not\n"
     "matter. Balances are units of 10^-7 TFT, or 12.5TFT; sizes may be 16GiB; bytes are text, 0x... or "
     "@FILE; an enum is\n"
     "its name; a list is JSON or a,b,c; a struct is JSON or a=1,b=2; what may be none may be left out; a "
     "call within a\n"
     "call is 'pallet.call arguments', JSON or 0x. A file of --batch has one call a line, and # before "
     "remarks.", cmd_call},
    {"const",                                                                    "[PALLET[.NAME]]", "Show constants of the chain", "", 0,
     "  trellis const balances.existential_deposit", cmd_const},
    {"errors",                                                                                   "[PALLET[.NAME]|0xHEX]", "Explain an error of the chain, or list those of a pallet", "", 0,
     "  trellis errors grid.farm_exists\n  trellis errors 0x031908000000   a DispatchError as a node tells "
     "it\n"
     "  trellis errors 0x1908           pallet and number", cmd_errors},
    {"events",                                                                       "[PALLET[.EVENT]]", "Show the events of a block, or go on with each new one",
     "follow from at final limit", 0,
     "  trellis events                       of the best block\n  trellis events --at 7\n"
     "  trellis events contract --follow     those of one pallet, block by block\n"
     "  trellis events --from 1              from a block on", cmd_events},
    {"decode",                                                                         "call|event|extrinsic|key|error 0xHEX", "Tell what bytes of the chain mean", "", 0,
     "  trellis decode call 0x0000146869206869\n  trellis decode extrinsic $(cat signed.hex)", cmd_decode},
    {"rpc",                        "METHOD [PARAMS]", "Call any JSON-RPC method of the node", "", 0,
     "  trellis rpc system_health\n  trellis rpc chain_getBlockHash '[1]'", cmd_rpc},
    {"completion",                                                                           "bash|zsh|fish", "Print the completion script of a shell", "", 0,
     "  trellis completion bash > /etc/bash_completion.d/trellis\n  trellis completion zsh > "
     "/usr/share/zsh/vendor-completions/_trellis\n  trellis completion fish > "
     "~/.config/fish/completions/trellis.fish", cmd_completion},
    {"complete",                                                                      "LINE", "", "", 0, NULL, cmd_complete},
    {"man",                                                                        "[PAGE]", "Print a page of the manual, or write all of them", "dir", 0,
     "  trellis man trellis-contract | man -l -\n  trellis man --dir pages", cmd_man},
    {"help",                                               "[COMMAND]", "Show how it all goes, or explain a command", "", 0, NULL, cmd_help},
    {0                                                                          },
};
