"""The types of the runtime as the metadata numbers them: each once, by the order first used."""
from model import SCALARS, Field, Named, Type, Variant

STR = 2         # primitive number of str


class Registry:
    """bodies[id] = (path, params, definition, docs); definition = (form, ...) with type ids."""

    def __init__(self, rt):
        self.rt, self.ids, self.bodies, self.limits = rt, {}, [], {}

    def add(self, key, make):
        if key not in self.ids:
            self.ids[key] = len(self.bodies)
            self.bodies.append(None)
            self.bodies[self.ids[key]] = make()
        return self.ids[key]

    def simple(self, key, definition): return self.add(key, lambda: ([], [], definition(), []))
    def primitive(self, kind): return self.simple(kind, lambda: ('primitive', STR if kind == 'str' else SCALARS[kind][2]))
    def sequence(self, inner): return self.simple(('sequence', inner), lambda: ('sequence', inner))
    def array(self, size): return self.simple(('array', size), lambda: ('array', size, self.primitive('u8')))
    def tuple(self, ids): return self.simple(('tuple', *ids), lambda: ('tuple', list(ids)))
    def compact(self, inner): return self.simple(('compact', inner), lambda: ('compact', inner))

    def wrapper(self, key, path, params, inner, type_name):
        return self.add(key, lambda: (path, params, ('composite', [(None, inner, type_name, [])]), []))

    def fields(self, fields):
        return [(f.name if f.name and not f.unnamed else None, self.of(f.type), f.type.text or None, f.docs) for f in fields]

    def variants(self, items):
        return ('variant', [(v.index, v.name, self.fields(v.fields), v.docs) for v in items])

    def of(self, t):
        if t.kind in SCALARS or t.kind == 'str':
            return self.primitive(t.kind)
        if t.kind == 'array':
            return self.array(t.args[0])
        if t.kind == 'account':
            return self.wrapper('account', ['sp_core', 'crypto', 'AccountId32'], [], self.array(32), '[u8; 32]')
        if t.kind == 'hash':
            return self.wrapper('hash', ['primitive_types', 'H256'], [], self.array(32), '[u8; 32]')
        if t.kind in ('bytes', 'vec'):
            item = self.primitive('u8') if t.kind == 'bytes' else self.of(t.args[0])
            if t.bound is None:
                return self.sequence(item)
            path = ['weak_bounded_vec', 'WeakBoundedVec'] if t.weak else ['bounded_vec', 'BoundedVec']
            found = self.wrapper(('bounded', item, t.bound, t.weak), ['bounded_collections'] + path,
                                 [('T', item), ('S', None)], self.sequence(item), 'Vec<T>')
            self.limits[found] = t.bound
            return found
        if t.kind == 'compact':
            return self.compact(self.of(t.args[0]))
        if t.kind == 'unit':
            return self.tuple(())
        if t.kind == 'tuple':
            return self.tuple([self.of(a) for a in t.args])
        if t.kind == 'option':
            inner = self.of(t.args[0])
            return self.add(('option', inner), lambda: (['Option'], [('T', inner)], self.choice(
                [(0, 'None', None), (1, 'Some', inner)]), []))
        if t.kind == 'result':
            ok, error = (self.of(a) for a in t.args)
            return self.add(('result', ok, error), lambda: (['Result'], [('T', ok), ('E', error)], self.choice(
                [(0, 'Ok', ok), (1, 'Err', error)]), []))
        if t.kind == 'era':
            return self.add('era', lambda: (['sp_runtime', 'generic', 'era', 'Era'], [], self.choice(
                [(0, 'Immortal', None)] + [(i, f'Mortal{i}', self.primitive('u8')) for i in range(1, 256)]), []))
        if t.kind == 'void':
            return self.add('void', lambda: (['sp_core', 'Void'], [], ('variant', []), []))
        if t.kind == 'runtime':
            return self.add('runtime', lambda: ([self.rt.crate, 'Runtime'], [], ('composite', []), []))
        if t.kind == 'extrinsic':
            return self.extrinsic()
        if t.kind in ('call', 'event'):
            return self.outer(t.kind)
        d = t.args[0]
        return self.add(('named', d.pallet, d.name), lambda: (d.path, self.params(d), self.variants(d.variants)
                        if d.form == 'enum' else ('composite', self.fields(d.fields)), d.docs))

    def params(self, d): return [(name, None if t is None else self.of(t)) for name, t in d.params]

    @staticmethod
    def choice(variants):
        return ('variant', [(i, name, [] if inner is None else [(None, inner, None, [])], []) for i, name, inner in variants])

    def pallet_enum(self, p, what):
        """The type of a pallet's calls, events or errors, or None when it has none."""
        items = {'Call': p.calls, 'Event': p.events, 'Error': p.errors}[what]
        if not items:
            return None
        params = [('T', None)] + ([('I', None)] if p.instance else [])
        if what == 'Event' and p.plain_events:
            params = []
        return self.add((what, p.name), lambda: ([p.crate, 'pallet', what], params, self.variants(items), []))

    def extrinsic(self):
        rt = self.rt
        return self.add('extrinsic', lambda: (
            ['sp_runtime', 'generic', 'unchecked_extrinsic', 'UncheckedExtrinsic'],
            [('Address', self.of(rt.address)), ('Call', self.outer('call')), ('Signature', self.of(rt.signature)),
             ('Extra', self.extra())], ('composite', [(None, self.sequence(self.primitive('u8')), None, [])]), []))

    def extra(self): return self.tuple([self.of(t) for _, t, _ in self.rt.extensions])

    def outer(self, kind):
        """RuntimeCall, RuntimeEvent and RuntimeError: one variant a pallet."""
        what = kind.capitalize()

        def make():
            rows = [(p, self.pallet_enum(p, what)) for p in self.rt.pallets]
            return ([self.rt.crate, 'Runtime' + what], [], ('variant', [
                (p.index, p.title, [(None, inner, None, [])], []) for p, inner in rows if inner is not None]), [])
        return self.add(kind, make)
