#!/usr/bin/env python3
"""bill_vectors.py - what contracts cost, computed from the spec alone, each with its arithmetic as text.

    tests/tools/bill_vectors.py            writes tests/vectors/bill-vectors.json
    tests/tools/bill_vectors.py --check    ends with 1 when that file is not what would be written

Nothing here is taken from the pallets: numbers are Python's integers, steps those of the rules (spec smart-contract 8,
9 and 11).  Fixed-point is 64 bits after the point, truncated after each product and quotient.
tests/pallets/smart_contract/test_bills.c plays each case on a chain.
"""
import json, os, sys

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, '..', 'vectors', 'bill-vectors.json')

ONE = 1 << 64
GIB = 1 << 30
TFT = 10 ** 7
DEPOSIT = 500                    # what an account lives on
MONTH = 2592000
SU, NU, CU, IPU, NAME = 50000, 15000, 100000, 40000, 2500   # units USD an hour, policy 1 of a development chain


# ---------------------------------------------------------------- fixed point: integers are raw bits

def fixed(n): return n << 64
def mul(a, b): return (a * b) >> 64
def ratio(a, b): return (a << 64) // b      # of plain integers
def rounded(a): return (a + (1 << 63)) >> 64
def decimal(x):                             # nearest binary64 of the decimal, then exact
    n, d = float(x).as_integer_ratio()
    return n * ONE // d


RATES = [('Gold', 36, decimal(0.4), '0.4'), ('Silver', 12, decimal(0.6), '0.6'), ('Bronze', 6, decimal(0.7), '0.7'),
         ('Default', 3, decimal(0.8), '0.8'), ('None', 0, ONE, '1')]
LEVELS = ['None', 'Default', 'Bronze', 'Silver', 'Gold']


def parts_of(p, hundredths, whole=100):     # nearest, a half down
    q, r = divmod(p, whole)
    share = r * hundredths
    low, rest = divmod(share, whole)
    return q * hundredths + low + (1 if rest * 2 > whole else 0)


def num(a): return f'{a / ONE:.6g}'


# ------------------------------------------------------------------------------------ the rules

def resources(c, say):
    """Units USD of what is used or rented: SU, CU and addresses, rounded once."""
    secs, total = c['seconds'], 0
    if c['kind'] != 'tenant':
        hru, sru, mru = (fixed(c.get(k + '_bytes', c[k] * GIB)) // GIB for k in ('hru', 'sru', 'mru'))
        cru = fixed(c['cru'])
        su = hru // 1200 + sru // 200
        cu = min(max(mru // 4, cru // 2), max(mru // 8, cru), max(mru // 2, cru // 4))
        su_cost, cu_cost = mul(fixed(SU) // 3600 * secs, su), mul(fixed(CU) // 3600 * secs, cu)
        total = su_cost + cu_cost
        if su: say(f"SU = {c['hru']} / 1200 + {c['sru']} / 200 = {num(su)}, * {SU} / 3600 * {secs} = {num(su_cost)}")
        if cu:
            say(f"CU = min(max({c['mru']} / 4, {c['cru']} / 2), max({c['mru']} / 8, {c['cru']}), "
                f"max({c['mru']} / 2, {c['cru']} / 4)) = {num(cu)}, * {CU} / 3600 * {secs} = {num(cu_cost)}")
    ips = 0 if c['kind'] == 'rent' else c['ips']
    if ips:
        ip_cost = fixed(IPU) // 3600 * ips * secs
        total += ip_cost
        say(f'{ips} IPU * {IPU} / 3600 * {secs} = {num(ip_cost)}')
    return rounded(total)


def cost(c, say):
    """Units USD of the contract."""
    secs = c['seconds']
    if secs == 0: return 0
    if c['kind'] == 'name':
        units = rounded(fixed(NAME) // 3600 * secs)
        say(f'{NAME} / 3600 * {secs} = {units}')
        return units
    units = resources(c, say)
    if c['kind'] == 'rent':
        whole, units = units, parts_of(units, 100 - c['discount'])
        say(f"{whole} * {100 - c['discount']} % = {units}")
        return units
    if c['nru']:
        used = fixed(c['nru']) // 10 ** 9
        traffic = rounded(mul(used, fixed(NU) // 3600) * c['window'])
        say(f"NU = {c['nru']} / 10^9 * {NU} / 3600 * {c['window']} = {traffic}")
        units += traffic
    return units


def in_tft(c, units, say):
    if units == 0: return 0
    price = min(max(c['average'], c['least']), c['most'])
    tft = rounded(ratio(units, price * 10000) * TFT)
    say(f'{units} units at {price} mUSD: {units} / {price * 10000} * 10^7 = {tft}')
    return tft


def discounted(c, tft, balance, say):
    secs = c['seconds']
    if tft == 0 or secs == 0: return 0, 'None'
    monthly = rounded(fixed(tft) * 3600 // secs * 24 * 30)
    for level, half_months, rate, text in RATES:
        if 2 * balance >= half_months * monthly: break
    amount = mul(fixed(tft), rate)
    if c['certified'] and c['kind'] != 'name': amount = mul(amount, decimal(1.25))
    due = rounded(amount)
    months = f'{balance / monthly:.6g}' if monthly else 'endless'
    say(f"{monthly} a month, {balance} is {months} months: {level}, {tft} * {text}"
        f"{' * 1.25' if c['certified'] and c['kind'] != 'name' else ''} = {due}")
    return due, level


def rewards(kind, reserve, extra):
    """Staking pool, farmer and foundation; the pool has no account, so that less than a deposit goes back."""
    staking = parts_of(reserve, 10)
    foundation = reserve - staking if kind == 'name' else parts_of(reserve, 40)
    farmer = reserve - staking - foundation + extra
    return (staking if staking >= DEPOSIT else 0), farmer, foundation


def usable(free): return max(free - DEPOSIT, 0)


def bill(c):
    """One bill of a fresh contract, then its end in the same second: what is held is paid out."""
    lines = []
    say = lines.append
    units = cost(c, say)
    due, level = discounted(c, in_tft(c, units, say), usable(c['balance']) + usable(c['bond']), say)
    extra = 0
    if c['kind'] == 'rent' and c['fee']:
        fee = rounded(ratio(c['fee'] * 10000 * c['seconds'], MONTH))
        say(f"extra {c['fee']} * 10000 * {c['seconds']} / {MONTH} = {fee}")
        extra = in_tft(c, fee, say)
    have, need = usable(c['balance']), due + extra
    taken = need if need <= have else have
    extra_held = min(extra, taken)          # of a partial payment the extra fee comes first
    held = taken - extra_held
    if need > have: say(f'{need} due, {have} usable: {extra_held} of {extra} and {held} of {due} are held')
    staking, farmer, foundation = rewards(c['kind'], held, extra_held)
    say(f'{held} held: staking 10 % = {parts_of(held, 10)}, foundation {foundation}, farmer {farmer}')
    return dict(c, units=units, level=LEVELS.index(level), due=due, extra=extra, taken=taken, held=held,
                extra_held=extra_held, funded=need <= have, staking=staking, farmer=farmer, foundation=foundation,
                arithmetic='; '.join(lines))


# ------------------------------------------------------------------------------------ the cases

BASE = dict(name='', kind='node', hru=0, sru=0, cru=0, mru=0, ips=0, nru=0, window=0, seconds=3600, average=50, least=10,
            most=1000, balance=1000 * TFT, bond=0, certified=False, discount=50, fee=0)
ONE_CU = dict(cru=2, mru=4)
MACHINE = dict(kind='rent', hru=1000, sru=1000, cru=8, mru=32)


def monthly_of(c):
    tft = in_tft(c, cost(c, lambda line: None), lambda line: None)
    return rounded(fixed(tft) * 3600 // c['seconds'] * 24 * 30)


def cases():
    def case(group, *others, **fields):
        c = dict(BASE)
        for other in others: c.update(other)
        c.update(fields)
        c['name'] = group
        return c

    for cru, mru in [(1, 0), (1, 2), (1, 4), (1, 8), (1, 64), (2, 2), (2, 4), (2, 16), (3, 5), (4, 4), (4, 8), (4, 64), (7, 3),
                     (8, 32), (16, 16), (64, 1), (32, 128), (0, 7)]:
        yield case('computing', cru=cru, mru=mru)
    for hru, sru in [(0, 1), (0, 25), (0, 100), (0, 200), (1, 0), (600, 0), (1200, 0), (600, 100), (1000, 500), (7, 13),
                     (4000, 2000)]:
        yield case('storage', hru=hru, sru=sru)
    for ips, secs in [(1, 6), (1, 60), (1, 3600), (2, 60), (2, 3600), (3, 3600), (3, 86400), (1, 1)]:
        yield case('addresses', ips=ips, seconds=secs)
    for nru, window in [(10 ** 9, 3600), (10 ** 9, 60), (5 * 10 ** 9, 3600), (10 ** 6, 3600), (33333333, 3600), (1, 1),
                        (10 ** 12, 600), (123456789012, 1799), (10 ** 9, 1)]:
        yield case('traffic', nru=nru, window=window)
    for c in [dict(ONE_CU, sru=25, ips=1), dict(cru=8, mru=32, hru=1000, sru=500, ips=3),
              dict(ONE_CU, nru=3 * 10 ** 9, window=3600), dict(ONE_CU, sru=10, ips=1, nru=10 ** 10, window=600),
              dict(cru=5, mru=7, hru=11, sru=13, ips=2, nru=777777777, window=777, seconds=777)]:
        yield case('all of a node', c)
    for secs in [1, 2, 6, 59, 60, 61, 599, 600, 3599, 3600, 3601, 7200, 86399, 86400, 604800]:
        yield case('time', ONE_CU, seconds=secs)
    for average, least, most in [(50, 10, 1000), (0, 10, 1000), (9, 10, 1000), (10, 10, 1000), (11, 10, 1000), (999, 10, 1000),
                                 (1000, 10, 1000), (1001, 10, 1000), (5000, 10, 999), (3, 1, 1000), (7, 1, 1000), (37, 1, 1000),
                                 (1, 1, 2), (50, 100, 60)]:
        yield case('price', ONE_CU, average=average, least=least, most=most)
    yield from discount_cases(case)
    yield from rent_cases(case)
    yield from name_cases(case)
    yield from money_cases(case)


def discount_cases(case):
    for half_months in (3, 6, 12, 36):
        c = case('discount', ONE_CU, sru=20)
        edge = monthly_of(c) * half_months // 2
        for more in (-1, 0, 1):
            yield case('discount', ONE_CU, sru=20, balance=edge + more + DEPOSIT)
    month = monthly_of(case('', ONE_CU))
    for own, bond in [(1, 1), (2, 2), (3, 3), (1, 20), (0, 20), (5, 13)]:
        yield case('bond', ONE_CU, balance=own * month + 2 * TFT, bond=bond * month + DEPOSIT)
    yield case('bond', ONE_CU, balance=month, bond=DEPOSIT)
    for months in (1, 2, 4, 7, 20):
        yield case('certified', ONE_CU, certified=True, balance=months * month + DEPOSIT)
        yield case('certified', MACHINE, certified=True, fee=5000, balance=months * monthly_of(case('', MACHINE)) + DEPOSIT)
    yield case('certified', ONE_CU, certified=True, ips=1, nru=10 ** 9, window=3600)
    yield case('certified', ONE_CU, certified=True, seconds=60)


def rent_cases(case):
    for discount in (0, 1, 33, 40, 50, 67, 99, 100):
        yield case('rent', MACHINE, discount=discount, balance=10 ** 6 * TFT)
    for hru, sru, cru, mru in [(100, 0, 1, 2), (0, 100, 1, 2), (4000, 960, 32, 128), (123, 456, 7, 89), (0, 1000, 64, 16)]:
        yield case('rent', MACHINE, hru=hru, sru=sru, cru=cru, mru=mru, balance=10 ** 5 * TFT)
    for secs in (1, 6, 60, 3601, 86400):
        yield case('rent', MACHINE, seconds=secs, balance=10 ** 5 * TFT)
    for fee, secs in [(1, 3600), (50, 3600), (1000, 3600), (5000, 60), (123456, 601), (1, 1), (10 ** 6, 86400), (10 ** 9, 6)]:
        yield case('extra fee', MACHINE, fee=fee, seconds=secs, balance=10 ** 7 * TFT)
    for ips, nru, window in [(0, 0, 0), (1, 0, 0), (2, 0, 0), (0, 10 ** 9, 3600), (1, 10 ** 10, 60), (3, 5, 5)]:
        yield case('tenant', dict(ONE_CU, kind='tenant', sru=100), ips=ips, nru=nru, window=window)


def name_cases(case):
    for secs in (1, 6, 30, 60, 3600, 7200, 86400):
        yield case('a name', kind='name', seconds=secs)
    for average in (1, 13, 333):
        yield case('a name', kind='name', average=average, least=1)
    month = monthly_of(case('', kind='name'))
    for months in (1, 2, 3, 7, 19):
        yield case('a name', kind='name', balance=months * month + DEPOSIT, certified=True)


def money_cases(case):
    for group in (ONE_CU, MACHINE, dict(MACHINE, fee=50000), dict(kind='name')):
        need = bill(case('', group, balance=DEPOSIT))
        need = need['due'] + need['extra']
        for more in (-1, 0, 1):
            yield case('funded', group, balance=need + more + DEPOSIT)
    for balance in (0, 1, DEPOSIT - 1, DEPOSIT, DEPOSIT + 1, DEPOSIT + 7):
        if balance >= DEPOSIT: yield case('overdrawn', ONE_CU, balance=balance)
    fee = bill(case('', MACHINE, fee=50000))['extra']
    for part in (1, fee - 1, fee, fee + 1, fee + 12345):
        yield case('overdrawn, extra fee first', MACHINE, fee=50000, balance=part + DEPOSIT)
    for taken in list(range(1, 13)) + [25, 4994, 4995, 4996, 5000, 12345]:      # shares of small amounts, and of B12
        yield case('shares', ONE_CU, balance=taken + DEPOSIT)
        if taken % 3 == 0: yield case('shares', dict(kind='name', seconds=86400, average=10), balance=taken + DEPOSIT)


# ------------------------------------------------------------------------------- many bills in a row

GRACE = 201600


def story(name, kind, steps, **fields):
    """A contract from bill to bill.  A step: seconds and blocks that pass, then the owner's free balance, then power."""
    c = dict(BASE, **dict(ONE_CU if kind == 'node' else {k: v for k, v in MACHINE.items() if k != 'kind'}, kind=kind, **fields))
    held = extra_held = debt = extra_debt = cycles = 0
    in_grace, since, block, idle, gone, down, out = False, 0, 0, 0, False, False, []
    for step in steps:
        step = dict(dict(seconds=60, blocks=10, balance=None, power=None), **step)
        block += step['blocks']
        idle += step['seconds']
        if step['power'] == 'up' and down: idle = 0
        if step['power']: down = step['power'] == 'down'
        if step['balance'] is not None: free = step['balance']
        lines, say = [], None
        say = lines.append
        waived = kind == 'rent' and down
        row = dict(step, balance=-1 if step['balance'] is None else step['balance'], power=step['power'] or '', taken=0, rewarded=0)
        now = dict(c, seconds=0 if waived else idle)
        due, level = discounted(now, in_tft(now, cost(now, say), say), usable(free), say)
        extra = 0
        if kind == 'rent' and c['fee'] and not waived:
            extra = in_tft(now, rounded(ratio(c['fee'] * 10000 * idle, MONTH)), say)
        need, have = due + extra + debt + extra_debt, usable(free)
        if waived and not in_grace:
            say('the node sleeps: waived')
        elif need == 0 and not (in_grace and held + extra_held):
            say('nothing to charge')
        else:
            if need <= have:
                if in_grace: say('grace ends')
                in_grace = False
                taken, held, extra_held = need, held + debt + due, extra_held + extra_debt + extra
                debt = extra_debt = 0
            else:
                if not in_grace: in_grace, since = True, block
                elif block - since >= GRACE: gone = True
                taken = have
                debt, extra_debt = debt + due, extra_debt + extra
                paid = min(extra_debt, taken)
                extra_debt, extra_held = extra_debt - paid, extra_held + paid
                debt, held = debt - (taken - paid), held + taken - paid
            free -= taken
            cycles += 1
            say(f'{taken} taken of {need}; held {held} + {extra_held}, owed {debt} + {extra_debt}, cycle {cycles}')
            row['taken'] = taken
            if (cycles >= 24 or gone) and held + extra_held:
                row['rewarded'] = held + extra_held
                held = extra_held = cycles = 0
            idle = 0
        row.update(held=held, extra_held=extra_held, debt=debt, extra_debt=extra_debt, cycles=cycles, gone=gone,
                   in_grace=in_grace and not gone, arithmetic='; '.join(lines))
        out.append(row)
        if gone: break
    return dict(c, name=name, steps=out)


def stories():
    rich, poor = 1000 * TFT, DEPOSIT + 30000
    yield story('24 bills are paid out together', 'node', [dict(balance=rich)] + [{}] * 26)
    yield story('24 bills of a rented machine, with an extra fee', 'rent', [dict(balance=rich * 100)] + [dict(seconds=61)] * 25,
                fee=7777)
    yield story('an empty balance, a partial payment, then money', 'node',
                [dict(balance=rich), dict(balance=poor), dict(balance=DEPOSIT), dict(balance=DEPOSIT + 5),
                 dict(balance=DEPOSIT + 100), dict(balance=rich), {}])
    yield story('money on the last block of the grace period saves it', 'node',
                [dict(balance=DEPOSIT), dict(blocks=GRACE - 1, seconds=600), dict(blocks=1, seconds=6, balance=rich), {}])
    yield story('the grace period ends', 'node',
                [dict(balance=rich), dict(balance=DEPOSIT + 7), dict(blocks=GRACE - 1, seconds=6), dict(blocks=1, seconds=6)])
    yield story('an extra fee is settled before the rent', 'rent',
                [dict(balance=DEPOSIT), dict(balance=DEPOSIT + 1000), dict(balance=DEPOSIT + 400000), dict(balance=rich * 10), {}],
                fee=50000)
    yield story('a sleeping machine is free, what was before is never charged', 'rent',
                [dict(balance=rich), dict(power='down'), {}, dict(power='up', seconds=30), {}, dict(power='down'),
                 dict(power='up', seconds=1), dict(seconds=59)])
    yield story('a sleeping machine in grace pays its debt', 'rent',
                [dict(balance=DEPOSIT), dict(power='down'), dict(balance=DEPOSIT + 11), dict(balance=rich), {},
                 dict(power='up', seconds=30), {}])
    yield story('a name from riches to nothing', 'name', [dict(balance=rich, seconds=3600), dict(balance=DEPOSIT + 9, seconds=3600),
                dict(seconds=3600), dict(balance=rich, seconds=1), dict(seconds=0), dict(seconds=3600)])


def made():
    rows = [json.dumps(bill(c)) for c in cases()]
    more = [json.dumps(s) for s in stories()]
    return '{"bills": [\n' + ',\n'.join(rows) + '\n],\n"stories": [\n' + ',\n'.join(more) + '\n]}\n'


def main():
    text = made()
    if '--check' in sys.argv:
        same = open(OUT).read() == text
        print('1 passed, 0 failed' if same else f'{OUT} is not what the rules give\n0 passed, 1 failed')
        return 0 if same else 1
    open(OUT, 'w').write(text)
    both = json.loads(text)
    print(len(both['bills']), 'bills,', sum(len(s['steps']) for s in both['stories']), 'steps')


if __name__ == '__main__': sys.exit(main())
