#!/usr/bin/env python3
"""bill_audit.py - are the bills of a chain what the rules say?

    tests/tools/bill_audit.py LEDGER     ends with 1, and says what is wrong, when they are not

A ledger is what tests/zos-agent/ledger.h writes: the events of each finalized block, as they came.  Every bill, its
discount, what was held, owed and paid out is computed again from the reports before it, by the arithmetic of
bill_vectors.py, that is from the spec alone (smart-contract 8 to 11); the pallets have no part in it.
"""
import json, sys

from bill_vectors import BASE, LEVELS, GIB, NU, DEPOSIT, discounted, fixed, in_tft, mul, resources, rounded, usable

EVERY, BLOCK_S = 10, 6           # blocks between two bills of a contract, on a development chain; their least time
CYCLES = 24                      # bills until what is held is paid out


class Wrong(Exception):
    pass


def check(what, got, want):
    if got != want:
        raise Wrong(f'{what} is {got}, not {want}')


class Contract:
    """One contract as the rules have it, from bill to bill."""

    def __init__(self, user, now):
        self.user, self.last = user, now
        self.used = dict(cru=0, mru=0, sru=0, hru=0)
        self.unbilled, self.updated = 0, now
        self.since = now                                # at which it began to use a core
        self.held = self.debt = self.cycles = 0
        self.paid = self.rewarded = self.bytes = self.bills = 0
        self.in_grace = self.is_gone = False

    def use(self, e, now):
        if not self.used['cru']: self.since = now
        self.used = {k: e[k] for k in ('cru', 'mru', 'sru', 'hru')}

    def report(self, e):
        self.bytes += e['nru']
        if e['at'] < self.updated: return
        self.updated = e['at']
        self.unbilled += rounded(mul(fixed(e['nru']) // 10 ** 9, fixed(NU) // 3600) * e['window'])

    def due(self, now, free):
        secs = max(now - self.last, 0)
        case = dict(BASE, kind='node', seconds=secs, ips=0, certified=False, average=0, least=10, most=1000,
                    **{k + '_bytes': self.used[k] for k in ('mru', 'sru', 'hru')}, cru=self.used['cru'])
        units = resources(case, quiet) + self.unbilled if secs else 0
        due, level = discounted(case, in_tft(case, units, quiet), usable(free), quiet)
        return due, LEVELS.index(level), secs

    def bill(self, now, free, e):
        """free: the owner's money before it."""
        due, level, secs = self.due(now, free)
        need, have = due + self.debt, usable(free)
        if e['e'] == 'billed':
            check('level', e['level'], level)
            check('amount', e['amount'], need)
            if need > have: raise Wrong(f'{need} are taken of {have}')
            self.held, self.debt, taken = self.held + need, 0, need
        else:
            check('partial payment', e['partial'], have)
            check('overdraft', e['overdraft'], max(due - have, 0))
            if need <= have: raise Wrong(f'{need} could be paid of {have}')
            self.debt += due
            self.held, self.debt, taken = self.held + have, self.debt - have, have
        self.paid += taken
        self.cycles += 1
        self.bills += 1
        if secs > 0: self.unbilled = 0
        self.last = now

    def reward(self, amount):
        check('what is paid out', amount, self.held)
        if self.cycles < CYCLES and not self.is_gone: raise Wrong(f'paid out after {self.cycles} bills')
        self.rewarded += amount
        self.held = self.cycles = 0


def quiet(text):
    pass


def of_block(block, events, contracts, twins):
    """The events of one block, in their order.  What a bill takes is not in the free balance at the block's end."""
    taken = [0] * len(twins)
    for e in events:
        if e['e'] == 'back': taken[e['user']] -= e['amount']
        if e['e'] == 'billed': taken[contracts[e['id']].user] += e['amount']
        if e['e'] == 'overdrawn': taken[contracts[e['id']].user] += e['partial']
    ends = {e['id'] for e in events if e['e'] == 'canceled'}
    for e in events:
        if e['e'] == 'created':
            contracts[e['id']] = Contract(twins.index(e['twin']), block['now'])
        if e['e'] in ('created', 'back'): continue
        c = contracts[e['id']]
        if e['e'] == 'resources': c.use(e, block['now'])
        if e['e'] == 'nru': c.report(e)
        if e['e'] in ('billed', 'overdrawn'):
            c.is_gone = e['id'] in ends
            if not c.is_gone: check('its place in the cycle', block['block'] % EVERY, e['id'] % EVERY)
            c.bill(block['now'], block['free'][c.user] + taken[c.user], e)
        if e['e'] == 'reward': c.reward(e['amount'])
        if e['e'] == 'grace': c.in_grace = True
        if e['e'] == 'paid': c.in_grace = False
    for i, c in contracts.items():      # nobody is passed over: who uses a core owes at his place
        late = block['now'] - max(c.last, c.since)
        if c.used['cru'] and not c.is_gone and late > 2 * EVERY * BLOCK_S:
            raise Wrong(f'contract {i} was not billed for {late} s')


def audit(path):
    contracts, block, events, twins, number = {}, None, [], [], 0
    with open(path) as lines:
        for line in lines:
            row = json.loads(line)
            if 'twins' in row:
                twins = row['twins']
            elif 'block' in row:
                if block: of_block(block, events, contracts, twins)
                block, events, number = row, [], row['block']
            else:
                events.append(row)
    if block: of_block(block, events, contracts, twins)
    for c in contracts.values():
        check('all that was paid', c.paid, c.rewarded + c.held)
        if c.is_gone: check('what is still held', c.held, 0)
    return contracts, number


def main():
    try:
        contracts, number = audit(sys.argv[1])
    except Wrong as wrong:
        print(f'bills: {wrong}')
        return 1
    bills, paid = sum(c.bills for c in contracts.values()), sum(c.paid for c in contracts.values())
    print(f'{bills} bills of {len(contracts)} contracts in {number} blocks are as computed: {paid / 10 ** 7:.7f} TFT, '
          f'{sum(c.bytes for c in contracts.values())} bytes reported, {sum(c.debt for c in contracts.values())} owed')
    return 0


if __name__ == '__main__':
    sys.exit(main())
