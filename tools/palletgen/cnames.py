"""How a type is spelled, encoded and decoded in C."""
from model import SCALARS, Named, Type, snake, walk
from reader import member


def plain(t):
    """Follow a newtype to what it wraps: in C it is that."""
    while t.kind == 'named' and (t.args[0].form == 'newtype' or t.args[0].like):
        t = Type('named', (t.args[0].like,)) if t.args[0].like else t.args[0].fields[0].type
    if t.kind == 'compact':
        inner = plain(t.args[0])
        return inner if inner.kind == 'unit' else Type('compact', (inner,))
    return t


def stem(t):
    t = plain(t)
    if t.kind == 'named':
        return f'{t.args[0].pallet}_{snake(t.args[0].name)}'
    if t.kind == 'vec':
        return stem(t.args[0]) + '_vec'
    if t.kind == 'option':
        return 'bool_opt' if t.args[0].kind == 'bool' else stem(t.args[0]) + '_opt'
    if t.kind == 'result':
        return stem(t.args[1]) + '_result'
    if t.kind == 'tuple':
        return '_'.join(stem(a) for a in t.args)
    if t.kind == 'compact':
        return stem(t.args[0])
    if t.kind == 'array':
        return f'bytes{t.args[0]}'
    return {'account': 'account_id', 'str': 'bytes', 'call': 'runtime_call', 'event': 'runtime_event'}.get(t.kind, t.kind)


def is_pointer(t): return plain(t).kind in ('call', 'event')
def is_container(t): return t.kind in ('vec', 'option', 'tuple', 'result')


def is_bare_enum(t):
    t = plain(t)
    return t.kind == 'named' and t.args[0].form == 'enum' and not any(v.fields for v in t.args[0].variants)


def ctype(t):
    t = plain(t)
    if t.kind in SCALARS:
        return SCALARS[t.kind][0]
    if t.kind == 'compact':
        return ctype(t.args[0])
    if t.kind in ('unit', 'void'):
        return 'uint8_t'
    return stem(t) + '_t' + (' *' if is_pointer(t) else '')


def declare(t, name):
    c = ctype(t)
    return c + ('' if c.endswith('*') else ' ') + name


def by_value(t):
    """Small things are passed by value, the rest by const pointer."""
    t = plain(t)
    if t.kind == 'compact':
        t = plain(t.args[0])
    if t.kind == 'named':
        return is_bare_enum(t)
    return t.kind in SCALARS or t.kind in ('bytes', 'str', 'vec', 'unit', 'void', 'call', 'event')


def param(t, name):
    if is_pointer(t):
        return f'const {stem(t)}_t *{name}'
    return declare(t, name) if by_value(t) else f'const {ctype(t)} *{name}'


def arg(t, lvalue):
    if by_value(t):
        return lvalue
    return lvalue[2:-1] if lvalue.startswith('(*') and lvalue.endswith(')') else f'&{lvalue}'


def bounds(t):
    """The bounds within a type that its C type does not show, outermost first."""
    t = plain(t)
    own = [t.bound] if t.kind in ('bytes', 'vec') else []
    return own + [b for a in t.args if isinstance(a, Type) and is_container(t) for b in bounds(a)]


def bound_args(t): return ''.join(', UINT32_MAX' if b is None else f', {b}' for b in bounds(t))


def encode(t, lvalue):
    t = plain(t)
    if t.kind in ('unit', 'void'):
        return f'(void){lvalue};'
    if t.kind == 'compact':
        return f'scale_put_compact{"_u128" if plain(t.args[0]).kind == "u128" else ""}(w, {lvalue});'
    if t.kind == 'array':
        return f'scale_put_raw(w, {lvalue}.b, sizeof {lvalue}.b);'
    if t.kind in SCALARS or t.kind in ('bytes', 'str', 'account', 'hash'):
        return f'scale_put_{stem(t)}(w, {arg(t, lvalue)});'
    return f'{stem(t)}_encode(w, {arg(t, lvalue)});'


def decode(t, lvalue, most=None):
    """most: C expressions for the bounds, in the order of bounds(); else the type's own."""
    t = plain(t)
    limits = [('UINT32_MAX' if b is None else str(b)) for b in bounds(t)] if most is None else most
    target = lvalue[2:-1] if lvalue.startswith('(*') and lvalue.endswith(')') else f'&{lvalue}'
    if t.kind == 'unit':
        return f'{lvalue} = 0;'
    if t.kind == 'void':
        return f'{lvalue} = 0; scale_fail(r);'
    if t.kind == 'compact':
        inner = plain(t.args[0]).kind
        return f'{lvalue} = scale_get_compact{"" if inner == "u64" else "_" + inner}(r);'
    if t.kind in SCALARS:
        return f'{lvalue} = scale_get_{t.kind}(r);'
    if t.kind in ('bytes', 'str'):
        return f'{lvalue} = scale_get_bytes(r, {limits[0] if limits else "UINT32_MAX"});'
    if t.kind in ('account', 'hash'):
        return f'scale_get_{stem(t)}(r, {target});'
    if t.kind == 'array':
        return f'scale_get_raw(r, {lvalue}.b, sizeof {lvalue}.b);'
    if is_pointer(t):
        return f'{lvalue} = {stem(t)}_take(r);'
    return f'{stem(t)}_decode(r{"".join(", " + m for m in limits)}, {target});'


def least_size(t):
    """Fewest bytes an encoded value takes: bounds how many items a vector can claim."""
    t = plain(t)
    if t.kind in SCALARS:
        return SCALARS[t.kind][1]
    if t.kind in ('account', 'hash'):
        return 32
    if t.kind == 'array':
        return t.args[0]
    if t.kind == 'unit':
        return 0
    if t.kind in ('call', 'event'):
        return 2
    if t.kind == 'tuple':
        return sum(least_size(a) for a in t.args)
    if t.kind == 'named' and t.args[0].form == 'struct':
        return sum(least_size(f.type) for f in t.args[0].fields)
    return 1


def names_in(t):
    """Every declared type that a type's C mentions."""
    for inner in walk(t):
        inner = plain(inner)
        if inner.kind == 'named':
            yield inner.args[0]
        for a in inner.args:
            if isinstance(a, Type):
                yield from names_in(a)


def doc_comment(docs, indent=''):
    return [f'{indent}/* {" ".join(docs)} */'] if docs else []


def field_lines(fields, indent='    '):
    rows = []
    for i, f in enumerate(fields):
        c = ctype(f.type)
        star = '*' if c.endswith('*') else ''
        rows.append((c.rstrip(' *'), star + (member(f.name) or 'f%d' % i) + ';', ' '.join(f.docs)))
    wide = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    return [(f'{indent}{c.ljust(wide[0])} {name.ljust(wide[1])}' + (f'   /* {note} */' if note else '')).rstrip()
            for c, name, note in rows]
