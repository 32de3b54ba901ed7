/* nft.h - the packet filter: its text, made from plans, and its counters.
 *
 * All is in one table `inet PREFIX`, in the host's namespace and in each network's, where a table
 * `bridge PREFIX` keeps guests to their own addresses; nobody else's table is touched.  Texts replace all
 * rules at once and keep the counters. */
#ifndef NFT_H
#define NFT_H
#include "plan.h"

#define NFT_ERROR_MAX 255
#define NFT_UPLINK    "uplink" /* a network's end of its link to the host */
#define NFT_BRIDGE    "br"

/* Where the rules are to hold. */
typedef struct {
    const char *table;
    bool is_lan_blocked;   /* guests reach no private address of the host's surroundings */
    bool is_public_routed; /* public addresses come by the link to the host */
    uint32_t flows;        /* new connections to the outside a second of one network; 0: any number */
    const char *lan6;      /* the nets around the host that have no private addresses, "A::/64, B::/64" */
} nft_site_t;

/* public_link_name is the name of a guest's link for its public address, in its network. */
void public_link_name(const char *table, const char *wid, char name[16]);

/* public_mark is the number of the way outside of a guest with a public address: the address itself, or what
 * is left of a longer one. */
uint32_t public_mark(const public_plan_t *plan);

/* nft_network_text: address translation, counters and what may pass, of one network.  nft_host_text:
 * published ports, address translation and isolation, of all.  The caller's to free(); NULL when memory is
 * short. */
char *nft_network_text(const nft_site_t *site, const network_plan_t *network);
char *nft_host_text(const nft_site_t *site, const firewall_plan_t *firewall);

/* NFT_HOST, in place of a network's namespace, is the caller's own, over a connection that stays. */
#define NFT_HOST (-2)

/* nft_apply runs a text in a namespace, all of it or nothing. */
NODISCARD bool nft_apply(int netns, const char *text, char error[NFT_ERROR_MAX + 1]);

/* nft_with_births puts before a network's text, which it frees, what marks each counter for as long as it is
 * there: one that was made anew, and so counts from nothing, is told apart by its mark.  NULL when memory is
 * short. */
char *nft_with_births(const char *table, const network_plan_t *network, char *text);

/* nft_drop_table succeeds when there is no such table. */
bool nft_drop_table(int netns, const char *table);
bool nft_has_table(int netns, const char *family, const char *table);

/* nft_counters calls fn with the bytes of each counter, and its mark (0: none): wid is the workload's short
 * name. */
NODISCARD bool nft_counters(int netns, const char *table,
                            void (*fn)(void *context, const char *wid, uint64_t bytes, uint64_t born),
                            void *context);
bool nft_drop_counter(int netns, const char *table, const char *wid);

#endif
