"""runtime_table_data.c: the types and pallets as data (pallets/types/runtime_table.h)."""
from hashes import twox128
from metadata import const_bytes
from model import HASHERS, Type
from types_c import BANNER
from values import stored_default

FORMS = {'composite': 'COMPOSITE', 'variant': 'VARIANT', 'sequence': 'SEQUENCE', 'array': 'ARRAY', 'tuple': 'TUPLE',
         'primitive': 'PRIMITIVE', 'compact': 'COMPACT'}


def text(s): return '"' + s.replace('\\', '\\\\').replace('"', '\\"') + '"'
def byte_list(data): return ', '.join(f'0x{b:02x}' for b in data)


class Tables:
    def __init__(self, reg):
        self.reg, self.fields, self.field_at, self.out = reg, [], {}, []

    def field_ref(self, fields):
        """C for the first of these fields in table_fields; equal lists are kept once."""
        if not fields:
            return 'NULL'
        key = tuple((f[0], f[1]) for f in fields)
        if key not in self.field_at:
            self.field_at[key] = len(self.fields)
            self.fields += key
        return f'table_fields + {self.field_at[key]}'

    def variants(self, name, rows):
        """A table of variants; C for its start."""
        if not rows:
            return 'NULL'
        self.out += [f'static const table_variant_t {name}[] = {{']
        self.out += [f'    {{{text(n)}, {text(" ".join(docs))}, {self.field_ref(fields)}, {len(fields)}, {index}}},'
                     for index, n, fields, docs in rows]
        self.out += ['};', '']
        return name

    def type_row(self, i):
        path, _, d, _ = self.reg.bodies[i]
        row = {'name': text(path[-1] if path else ''), 'form': f'TABLE_{FORMS[d[0]]}'}
        if d[0] == 'composite' and d[1]:
            row.update(fields=self.field_ref(d[1]), count=len(d[1]))
        elif d[0] == 'variant' and d[1]:
            row.update(variants=self.variants(f'variants_{i}', d[1]), count=len(d[1]))
        elif d[0] == 'tuple' and d[1]:
            row.update(fields=self.field_ref([(None, t) for t in d[1]]), count=len(d[1]))
        elif d[0] == 'array':
            row.update(count=d[1], inner=d[2])
        elif d[0] in ('sequence', 'primitive', 'compact'):
            row.update(inner=d[1])
        if i in self.reg.limits:
            row.update(limit=self.reg.limits[i])
        return '    {' + ', '.join(f'.{k} = {v}' for k, v in row.items()) + '},'

    def storage(self, p):
        if not p.storage:
            return 'NULL'
        rows = []
        for s in p.storage:
            name, missing = f'missing_{p.name}_{s.name}', b'' if s.optional else stored_default(s)
            if missing:
                self.out.append(f'static const uint8_t {name}[] = {{{byte_list(missing)}}};')
            keys = [(self.reg.of(t), HASHERS[h][0]) for _, t, h in s.keys]
            rows += [f'    {{.name = {text(s.name)}, .docs = {text(" ".join(s.docs))}, .value = {self.reg.of(s.value)},'
                     + (f' .missing = {{{name}, {len(missing)}}},' if missing else '')
                     + (f' .keys = {{{", ".join(str(k) for k, _ in keys)}}}, .hashers = {{{", ".join(str(h) for _, h in keys)}}},'
                        f' .key_count = {len(keys)},' if keys else '') + (' .optional = true,' if s.optional else ''),
                     f'     .prefix = {{{byte_list(twox128(p.title) + twox128(s.name))}}}}},']
        self.out += [f'static const table_storage_t storage_{p.name}[] = {{', *rows, '};', '']
        return f'storage_{p.name}'

    def constants(self, rt, p):
        if not p.consts:
            return 'NULL'
        rows = []
        for c in p.consts:
            value = const_bytes(rt, p, c)
            self.out.append(f'static const uint8_t constant_{p.name}_{c.name}[] = {{{byte_list(value)}}};')
            rows.append(f'    {{{text(c.name)}, {text(" ".join(c.docs))}, {{constant_{p.name}_{c.name}, {len(value)}}}, {self.reg.of(c.type)}}},')
        self.out += [f'static const table_constant_t constants_{p.name}[] = {{', *rows, '};', '']
        return f'constants_{p.name}'

    def items(self, p, what):
        rows = {'calls': p.calls, 'events': p.events, 'errors': p.errors}[what]
        return self.variants(f'{what}_{p.name}', [(v.index, v.name, self.reg.fields(v.fields), v.docs) for v in rows])


def write_table_c(rt, reg):
    tables = Tables(reg)
    pallets = []
    for p in rt.pallets:
        calls, events, errors = (tables.items(p, what) for what in ('calls', 'events', 'errors'))
        storage, constants = tables.storage(p), tables.constants(rt, p)
        pallets.append(f'    {{{text(p.title)}, {text(p.name)}, {calls}, {events}, {errors}, {storage}, {constants}, {len(p.calls)}, '
                       f'{len(p.events)}, {len(p.errors)}, {len(p.storage)}, {len(p.consts)}, {p.index}}},')
    types = [tables.type_row(i) for i in range(len(reg.bodies))]
    error = reg.of(Type('named', (rt.support.types['DispatchError'],)))
    fields = [f'    {{{"NULL" if name is None else text(name)}, {t}}},' for name, t in tables.fields]
    return [BANNER.format(rt.name + '.runtime'), '#include "runtime_table.h"', '',
            'static const table_field_t table_fields[] = {', *fields, '};', '', *tables.out,
            f'const uint32_t runtime_type_count = {len(types)};', 'const table_type_t runtime_types[] = {', *types, '};', '',
            f'const uint32_t runtime_pallet_count = {len(pallets)};', 'const table_pallet_t runtime_pallets[] = {', *pallets, '};', '',
            f'const uint16_t runtime_type_call = {reg.ids["call"]}, runtime_type_event = {reg.ids["event"]};',
            f'const uint16_t runtime_type_dispatch_error = {error};']
