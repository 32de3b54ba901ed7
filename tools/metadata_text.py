"""metadata_text - metadata as text that a reviewer can read, one item a line.

    python3 tools/metadata_text.py METADATA"""
import sys

from metadata_v14 import PRIMITIVES, load


class Text:
    def __init__(self, md): self.md, self.types = md, md['types']

    def name(self, i):
        """A type as it is written in Rust: paths in full, parameters in angle brackets."""
        t, d = self.types[i], self.types[i]['def']
        if t['path']:
            params = [self.name(p) for _, p in t['params'] if p is not None and not self.is_runtime(p)]
            return '::'.join(t['path']) + (f'<{", ".join(params)}>' if params else '')
        if d[0] == 'primitive':
            return PRIMITIVES[d[1]]
        if d[0] == 'sequence':
            return f'Vec<{self.name(d[1])}>'
        if d[0] == 'array':
            return f'[{self.name(d[2])}; {d[1]}]'
        if d[0] == 'tuple':
            return '(' + ', '.join(self.name(x) for x in d[1]) + ')'
        return f'Compact<{self.name(d[1])}>'

    def is_runtime(self, i): return i == self.md['runtime']

    def fields(self, fields):
        return ', '.join((f['name'] + ': ' if f['name'] else '') + self.name(f['type']) for f in fields)

    def variants(self, i): return [] if i is None else self.types[i]['def'][1]

    def lines(self):
        for p in self.md['pallets']:
            yield f'pallet {p["index"]} {p["name"]}'
            for what in ('calls', 'events', 'errors'):
                for v in self.variants(p[what]):
                    inner = self.fields(v['fields'])
                    yield f'    {what[:-1]} {v["index"]} {v["name"]}' + (f'({inner})' if inner else '')
            for s in (p['storage'] or {'items': []})['items']:
                keys = ''
                if s['key'] is not None:
                    ids = [s['key']] if len(s['hashers']) == 1 else self.types[s['key']]['def'][1]
                    keys = '[' + ', '.join(f'{h} {self.name(k)}' for h, k in zip(s['hashers'], ids)) + ']'
                yield f'    storage {s["name"]}{keys}: {self.name(s["value"])}' + ('?' if s['optional'] else ' = 0x' + s['default'].hex())
            for c in p['constants']:
                yield f'    constant {c["name"]}: {self.name(c["type"])} = 0x{c["value"].hex()}'
        for t in sorted((t for t in self.types if t['path'] and t['def'][0] in ('composite', 'variant')), key=lambda t: self.name(t['id'])):
            if t['def'][0] == 'composite':
                yield f'type {self.name(t["id"])} {{ {self.fields(t["def"][1])} }}'
            elif t['path'][-1] not in ('Call', 'Event', 'Error', 'Era'):
                yield f'type {self.name(t["id"])} = ' + ' | '.join(
                    f'{v["index"]} {v["name"]}' + (f'({self.fields(v["fields"])})' if v['fields'] else '') for v in t['def'][1])
        e = self.md['extrinsic']
        yield f'extrinsic {e["version"]} {self.name(e["type"])}'
        for x in e['extensions']:
            yield f'extension {x["name"]}: {self.name(x["type"])} signs {self.name(x["signs"])}'


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    seen = set()
    for line in Text(load(sys.argv[1])).lines():
        if not line.startswith('type ') or line not in seen:
            print(line)
        seen.add(line)


if __name__ == '__main__':
    main()
