"""metadata_to_pallet - draft .pallet files from the metadata of a live chain.

    python3 metadata_to_pallet.py METADATA OUT_DIR [HINTS.json]

One-time help: metadata has no bounds (`Bytes<BOUND>`), origins or weights, so a person fills these in,
orders the declarations and writes the docs.  Types that several pallets use go to types/shared.pallet.
Hints, all optional: {"bounds": {type id: number}, "names": {type id: name}, "prefixes": {pallet: prefix},
"calls": {"Pallet.call": "by ... weight ..."}, "shared": [type id]}."""
import json
import os
import re
import sys

from metadata_v14 import PRIMITIVES, load


class Draft:
    def __init__(self, md, hints):
        self.md, self.types, self.hints = md, md['types'], hints
        self.homes = self.find_homes()
        self.text, self.order, self.made = {}, {}, {}

    def path(self, i): return '::'.join(self.types[i]['path'])
    def is_outer(self, i): return self.path(i).split('::')[-1] in ('RuntimeCall', 'RuntimeEvent')

    def special(self, i):
        """Text of a type that the language has a word for, or None."""
        t, d, last = self.types[i], self.types[i]['def'], (self.types[i]['path'] or [''])[-1]
        plain = {'AccountId32': 'AccountId', 'H256': 'Hash', 'RuntimeCall': 'Call', 'RuntimeEvent': 'Event', 'Era': 'Era',
                 'Void': 'Void', 'Runtime': 'Runtime'}
        if last in plain:
            return plain[last]
        if last in ('BoundedVec', 'WeakBoundedVec'):
            inner = self.name(self.types[d[1][0]['type']]['def'][1])
            bound = self.hints.get('bounds', {}).get(str(i), 'BOUND')
            return f'Bytes<{bound}>' if inner == 'u8' else f'{"Weak" if last[0] == "W" else ""}Vec<{inner}, {bound}>'
        if last == 'Option':
            return f'Option<{self.name(t["params"][0][1])}>'
        if last == 'Result':
            return f'Result<{self.name(t["params"][0][1])}, {self.name(t["params"][1][1])}>'
        if d[0] == 'primitive':
            return 'Str' if PRIMITIVES[d[1]] == 'str' else PRIMITIVES[d[1]]
        if d[0] == 'compact':
            return f'Compact<{self.name(d[1])}>'
        if d[0] == 'sequence':
            inner = self.name(d[1])
            return 'Bytes' if inner == 'u8' else f'Vec<{inner}>'
        if d[0] == 'array':
            return f'[{self.name(d[2])}; {d[1]}]'
        if d[0] == 'tuple':
            return '(' + ', '.join(self.name(x) for x in d[1]) + ')'
        return None

    def parts(self, i):
        """The types that a type mentions."""
        t, d = self.types[i], self.types[i]['def']
        yield from (p for _, p in t['params'] if p is not None)
        if d[0] == 'composite':
            yield from (f['type'] for f in d[1])
        elif d[0] == 'variant':
            yield from (f['type'] for v in d[1] for f in v['fields'])
        elif d[0] in ('sequence', 'compact'):
            yield d[1]
        elif d[0] == 'array':
            yield d[2]
        elif d[0] == 'tuple':
            yield from d[1]

    def reach(self, i, found):
        if i in found or self.is_outer(i):
            return
        found.add(i)
        for part in self.parts(i):
            self.reach(part, found)

    def find_homes(self):
        """{type id: pallet, or 'shared'}"""
        users = {}
        roots = [(p['name'], [x for x in (p['calls'], p['events']) if x is not None] + [c['type'] for c in p['constants']]
                  + [x for s in (p['storage'] or {'items': []})['items'] for x in (s['key'], s['value']) if x is not None])
                 for p in self.md['pallets']]
        roots += [('extrinsic', [self.md['extrinsic']['type']])]
        roots += [('shared', self.hints.get('shared', []))]
        for name, ids in roots:
            found = set()
            for i in ids:
                self.reach(i, found)
            for i in found:
                users.setdefault(i, set()).add(name)
        homes = {i: next(iter(names)) if len(names) == 1 and not names & {'extrinsic', 'shared'} else 'shared'
                 for i, names in users.items()}
        for i in [i for i, home in homes.items() if home == 'shared']:
            found = set()
            self.reach(i, found)
            homes.update({x: 'shared' for x in found})
        return homes

    def name(self, i):
        word = self.special(i)
        if word is not None:
            return word
        if i in self.made:
            return self.made[i]
        t, home = self.types[i], self.homes.get(i, 'shared')
        name = self.hints.get('names', {}).get(str(i), t['path'][-1])
        while name in [self.made[x] for x in self.made if self.homes.get(x, 'shared') in (home, 'shared')]:
            name += '2'
        self.made[i] = name
        path = '::'.join(t['path'][:-1] if name == t['path'][-1] else t['path'])
        params = ''.join(f'{n}: {self.name(x)}, ' if x is not None else f'{n}, ' for n, x in t['params'])
        head = f'{name} @ {path}' + (f' <{params[:-2]}>' if params else '')
        d = t['def']
        if d[0] == 'composite':
            fields = d[1]
            if len(fields) == 1 and fields[0]['name'] is None:
                lines = [f'struct {head} ({self.name(fields[0]["type"])})']
            else:
                wide = max((len(f['name']) for f in fields), default=0) + 2
                lines = [f'struct {head} {{'] + [f'    {(f["name"] + ":").ljust(wide)}{self.name(f["type"])}' for f in fields] + ['}']
        else:
            lines = [f'enum {head} {{'] + [f'    {v["index"]} {v["name"]}{self.payload(v)}' for v in d[1]] + ['}']
        self.order.setdefault(home, []).append('\n'.join(lines) + '\n')
        return name

    def payload(self, v):
        if not v['fields']:
            return ''
        if v['fields'][0]['name'] is not None:
            return ' { ' + ', '.join(f'{f["name"]}: {self.name(f["type"])}' for f in v['fields']) + ' }'
        return '(' + ', '.join(self.name(f['type']) for f in v['fields']) + ')'

    def variants(self, i): return [] if i is None else self.types[i]['def'][1]

    def value(self, i, data):
        """A constant or default as it is written: a number where the type is one."""
        t = self.types[i]
        if t['def'][0] == 'primitive':
            return f'{int.from_bytes(data, "little"):_}'
        if t['def'][0] == 'variant' and len(data) == 1:
            return next(v['name'] for v in t['def'][1] if v['index'] == data[0])
        if t['def'][0] == 'composite' and len(t['def'][1]) == 1:
            return self.value(t['def'][1][0]['type'], data)
        return '0x' + data.hex()

    def zero(self, i):
        """What the language takes for a missing value, to tell which defaults must be written."""
        t, d = self.types[i], self.types[i]['def']
        if d[0] == 'primitive':
            return bytes({'bool': 1, 'u8': 1, 'u16': 2, 'u32': 4, 'u64': 8, 'u128': 16}.get(PRIMITIVES[d[1]], 1))
        if d[0] == 'composite':
            return b''.join(self.zero(f['type']) for f in d[1])
        if d[0] == 'array':
            return bytes(d[1])
        if d[0] == 'tuple':
            return b''.join(self.zero(x) for x in d[1])
        if d[0] == 'variant' and d[1]:
            return bytes([d[1][0]['index']]) + b''.join(self.zero(f['type']) for f in d[1][0]['fields'])
        return b'\0'

    def storage(self, s):
        keys = ''
        if s['key'] is not None:
            ids = [s['key']] if len(s['hashers']) == 1 else self.types[s['key']]['def'][1]
            keys = '[' + ', '.join(('' if h == 'blake2_128_concat' else h + ' ') + f'key{n or ""}: {self.name(k)}'
                                   for n, (k, h) in enumerate(zip(ids, s['hashers']))) + ']'
        text = f'storage {s["name"]}{keys}: {self.name(s["value"])}' + ('?' if s['optional'] else '')
        if not s['optional'] and s['default'] != self.zero(s['value']):
            text += f' = {self.value(s["value"], s["default"])}'
        return text

    def pallet(self, p):
        title = p['name']
        prefix = self.hints.get('prefixes', {}).get(title) or re.sub(r'(?<=[a-z])(?=[A-Z])', '_', title).lower()
        enum = next((x for x in (p['calls'], p['events'], p['errors']) if x is not None), None)
        crate = self.types[enum]['path'][0] if enum is not None else 'pallet_' + prefix
        head = f'pallet {prefix} @ {crate}'
        head += ' instance' if enum is not None and len(self.types[enum]['params']) == 2 else ''
        head += ' plain_events' if p['events'] is not None and not self.types[p['events']]['params'] else ''
        consts = [[f'const {c["name"]}: {self.name(c["type"])} = {self.value(c["type"], c["value"])}'
                   for c in p['constants'] if (self.types[c['type']]['def'][0] == 'primitive') == simple]
                  for simple in (True, False)]      # bounds before the types that use them
        storage = [self.storage(s) for s in (p['storage'] or {'items': []})['items']]
        events = [f'event {v["index"]} {v["name"]}{self.payload(v)}' for v in self.variants(p['events'])]
        errors = [f'error {v["index"]} {v["name"]}' for v in self.variants(p['errors'])]
        calls = []
        for v in self.variants(p['calls']):
            args = ', '.join(f'{f["name"]}: {self.name(f["type"])}' for f in v['fields'])
            rules = self.hints.get('calls', {}).get(f'{title}.{v["name"]}', 'by signed\n    weight 0\n    not built')
            calls.append(f'call {v["index"]} {v["name"]}({args})\n    {rules}\n')
        return prefix, '\n'.join([head, '', *consts[0], *([''] if consts[0] else []), *self.order.get(title, []),
                                  *consts[1], *([''] if consts[1] else []), *storage, *([''] if storage else []), *events, *([''] if events else []),
                                  *errors, *([''] if errors else []), *calls])


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    draft = Draft(load(sys.argv[1]), json.load(open(sys.argv[3])) if len(sys.argv) == 4 else {})
    os.makedirs(os.path.join(sys.argv[2], 'types'), exist_ok=True)
    for p in draft.md['pallets']:
        prefix, text = draft.pallet(p)
        with open(os.path.join(sys.argv[2], prefix + '.pallet'), 'w') as f:
            f.write(text.rstrip() + '\n')
    for e in draft.md['extrinsic']['extensions']:
        draft.name(e['type'])
    for _, i in draft.types[draft.md['extrinsic']['type']]['params']:
        draft.name(i)
    with open(os.path.join(sys.argv[2], 'types', 'shared.pallet'), 'w') as f:
        f.write('\n'.join(draft.order.get('shared', [])))


if __name__ == '__main__':
    main()
