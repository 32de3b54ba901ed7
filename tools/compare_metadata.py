"""compare_metadata - does the metadata that we serve hold all that a reference has?

    python3 tools/compare_metadata.py REFERENCE OURS

Compares item by item: pallets, calls and their arguments, storage, events, errors, constants with
their values, signed extensions, and every type down to its parts, by path, names and numbers.
Items of our own may be added; what the reference has must be equal.  Type ids, docs and the text of
type names are free.  The value of System.Version is ours.  Prints `N passed, N failed`."""
import sys

from metadata_v14 import load


class Compare:
    def __init__(self, theirs, ours):
        self.theirs, self.ours = theirs, ours
        self.passed, self.failures, self.same = 0, [], set()

    def check(self, where, ok, why='differs'):
        if ok:
            self.passed += 1
        else:
            self.failures.append(f'{where}: {why}')
        return ok

    def type_problem(self, a, b):
        """None, or where the types a (theirs) and b (ours) differ."""
        if (a, b) in self.same:
            return None
        self.same.add((a, b))
        problem = self.parts_problem(self.theirs['types'][a], self.ours['types'][b])
        if problem:
            self.same.discard((a, b))
        return problem

    def parts_problem(self, t, o):
        if t['path'] != o['path']:
            return f'path {"::".join(t["path"])} is {"::".join(o["path"])}'
        if [n for n, _ in t['params']] != [n for n, _ in o['params']]:
            return f'{"::".join(t["path"])}: parameters {t["params"]} are {o["params"]}'
        pairs = [(x, y) for (_, x), (_, y) in zip(t['params'], o['params'])]
        if any((x is None) != (y is None) for x, y in pairs):
            return f'{"::".join(t["path"])}: parameters {t["params"]} are {o["params"]}'
        for x, y in pairs:
            if x is not None and (problem := self.type_problem(x, y)):
                return f'parameter: {problem}'
        d, e = t['def'], o['def']
        if d[0] != e[0]:
            return f'{"::".join(t["path"])} is {e[0]}, not {d[0]}'
        if d[0] == 'composite':
            return self.fields_problem(d[1], e[1])
        if d[0] == 'variant':
            return self.variants_problem(d[1], e[1], '::'.join(t['path']))
        if d[0] == 'array' and d[1] != e[1]:
            return f'array of {e[1]}, not {d[1]}'
        if d[0] == 'primitive':
            return None if d[1] == e[1] else f'primitive {e[1]}, not {d[1]}'
        if d[0] == 'tuple':
            if len(d[1]) != len(e[1]):
                return f'tuple of {len(e[1])}, not {len(d[1])}'
            return next((p for x, y in zip(d[1], e[1]) if (p := self.type_problem(x, y))), None)
        return self.type_problem(d[-1], e[-1])

    def fields_problem(self, theirs, ours):
        if [f['name'] for f in theirs] != [f['name'] for f in ours]:
            return f'fields {[f["name"] for f in ours]}, not {[f["name"] for f in theirs]}'
        for f, g in zip(theirs, ours):
            if problem := self.type_problem(f['type'], g['type']):
                return f'{f["name"] or ""}.{problem}'
        return None

    def variants_problem(self, theirs, ours, where):
        """Variants of theirs that ours lacks or has otherwise; ours may have more."""
        found = {v['index']: v for v in ours}
        for v in theirs:
            mine = found.get(v['index'])
            if mine is None or mine['name'] != v['name']:
                return f'{where}: variant {v["index"]} {v["name"]} is {mine and mine["name"]}'
            if problem := self.fields_problem(v['fields'], mine['fields']):
                return f'{where}::{v["name"]}: {problem}'
        return None

    def type_check(self, where, a, b):
        problem = self.type_problem(a, b)
        return self.check(where, problem is None, problem)

    def items(self, where, theirs, ours):
        """The variants of a pallet's calls, events or errors, one check each."""
        if theirs is None:
            return
        if not self.check(where, ours is not None, 'missing'):
            return
        a, b = self.theirs['types'][theirs], self.ours['types'][ours]
        self.check(f'{where} type', a['path'] == b['path'] and a['params'] == b['params'], f'{b["path"]} {b["params"]}')
        found = {v['index']: v for v in b['def'][1]}
        for v in a['def'][1]:
            mine, name = found.get(v['index']), f'{where}.{v["name"]}'
            if self.check(f'{name} = {v["index"]}', mine is not None and mine['name'] == v['name'], 'missing'):
                problem = self.fields_problem(v['fields'], mine['fields'])
                self.check(name, problem is None, problem)

    def storage(self, pallet, theirs, ours):
        if theirs is None:
            return
        if not self.check(f'{pallet} storage', ours is not None and ours['prefix'] == theirs['prefix'], 'missing'):
            return
        found = {s['name']: s for s in ours['items']}
        order = [s['name'] for s in ours['items'] if s['name'] in {t['name'] for t in theirs['items']}]
        self.check(f'{pallet} storage order', order == [s['name'] for s in theirs['items']])
        for s in theirs['items']:
            name, mine = f'{pallet}.{s["name"]}', found.get(s['name'])
            if not self.check(name, mine is not None, 'missing'):
                continue
            for part in ('optional', 'hashers', 'default'):
                self.check(f'{name} {part}', s[part] == mine[part], f'{mine[part]}, not {s[part]}')
            self.type_check(f'{name} value', s['value'], mine['value'])
            if self.check(f'{name} map', (s['key'] is None) == (mine['key'] is None)) and s['key'] is not None:
                self.type_check(f'{name} key', s['key'], mine['key'])

    def constants(self, pallet, theirs, ours):
        found = {c['name']: c for c in ours}
        for c in theirs:
            name, mine = f'{pallet}.{c["name"]}', found.get(c['name'])
            if self.check(name, mine is not None, 'missing'):
                self.type_check(f'{name} type', c['type'], mine['type'])
                if name != 'System.Version':
                    self.check(f'{name} value', c['value'] == mine['value'], f'{mine["value"].hex()}, not {c["value"].hex()}')

    def run(self):
        found = {p['name']: p for p in self.ours['pallets']}
        for p in self.theirs['pallets']:
            mine = found.get(p['name'])
            if not self.check(f'{p["name"]} = {p["index"]}', mine is not None and mine['index'] == p['index'], 'missing'):
                continue
            self.storage(p['name'], p['storage'], mine['storage'])
            for what in ('calls', 'events', 'errors'):
                self.items(f'{p["name"]}.{what}', p[what], mine[what])
            self.constants(p['name'], p['constants'], mine['constants'])
        a, b = self.theirs['extrinsic'], self.ours['extrinsic']
        self.check('extrinsic version', a['version'] == b['version'])
        self.type_check('extrinsic type', a['type'], b['type'])
        self.check('signed extensions', [e['name'] for e in a['extensions']] == [e['name'] for e in b['extensions']])
        for e, f in zip(a['extensions'], b['extensions']):
            self.type_check(f'{e["name"]} in the extrinsic', e['type'], f['type'])
            self.type_check(f'{e["name"]} signs', e['signs'], f['signs'])
        self.type_check('runtime type', self.theirs['runtime'], self.ours['runtime'])


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    compare = Compare(load(sys.argv[1]), load(sys.argv[2]))
    compare.run()
    for line in compare.failures[:40]:
        print('not equal:', line)
    print(f'{compare.passed} passed, {len(compare.failures)} failed')
    sys.exit(1 if compare.failures else 0)


if __name__ == '__main__':
    main()
