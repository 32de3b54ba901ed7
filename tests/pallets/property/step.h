/* step.h - one step of a chain: what it changed, what it told, and what must hold of it. */
#ifndef STEP_H
#define STEP_H
#include "runtime_call.h"
#include "table_host.h"

enum { STEP_CHANGES_MAX = 1 << 15 };

typedef enum { STEP_START, STEP_SIGNED, STEP_ROOT, STEP_END } step_kind_t;

typedef struct {
    step_kind_t kind;
    account_id_t signer;        /* SIGNED */
    dispatch_t result;          /* SIGNED and ROOT */
    const runtime_call_t *call; /* likewise */
    uint32_t extrinsic_len;
    const table_change_t *changes;
    uint32_t change_count;
    system_event_record_vec_t events; /* of this step alone */
    account_id_t author;
    bool has_author;
} step_t;

/* What is known of contracts from what was told of them since the chain began. */
typedef struct accounts accounts_t;
accounts_t *accounts_new(void);
void accounts_free(accounts_t *accounts);

/* Each tells whether it holds; if not, fault_text says what does not. */
bool step_money_holds(rt_t *rt, const step_t *step);   /* issuance, and every change is told */
bool step_refusal_holds(rt_t *rt, const step_t *step); /* a refused call costs its fee alone */
bool step_bills_hold(rt_t *rt, const step_t *step, accounts_t *accounts); /* what is taken is given on */

/* step_cycle_holds looks at the end of a block: every contract of its list was billed once, and no other. */
bool step_cycle_holds(rt_t *rt, const step_t *step, accounts_t *accounts);
/* accounts_before_end notes what the coming end of a block has to bill. */
void accounts_before_end(rt_t *rt, accounts_t *accounts);
/* accounts_balance: for each contract what was taken is what was given and what is held. */
bool accounts_balance(rt_t *rt, const accounts_t *accounts);

#endif
