"""<pallet>_pallet.h and .c: storage accessors, events, errors, constants, hooks and dispatch of calls."""
from cnames import by_value, ctype, declare, decode, doc_comment, encode, is_pointer, param, plain, stem
from model import HASHERS, SCALARS, snake, upper
from reader import member
from types_c import BANNER, call_args, function, key_params, prefix_bytes
from values import default_value, stored_default

READ, WRITE = 25_000_000, 100_000_000       # ps, RocksDB (spec tfgrid.md 1.4)


def returns_value(s):
    return not s.optional and by_value(s.value) and plain(s.value).kind != 'vec' and not is_pointer(s.value)


def storage_heads(p, s):
    """(get, exists, put, remove) prototypes of a storage item, without the semicolon."""
    name, keys, c = f'{p.name}_{snake(s.name)}', key_params(s), declare(s.value, '*out')
    if s.optional:
        get = f'bool {name}_get(rt_t *rt{keys}, {c})'
    elif returns_value(s):
        get = f'{ctype(s.value)} {name}_get(rt_t *rt{keys})'
    else:
        get = f'void {name}_get(rt_t *rt{keys}, {c})'
    return (get, f'bool {name}_exists(rt_t *rt{keys})', f'void {name}_put(rt_t *rt{keys}, {param(s.value, "value")})',
            f'void {name}_remove(rt_t *rt{keys})')


def walk_heads(p, s):
    """(next, remove_all) prototypes of a map."""
    name = f'{p.name}_{snake(s.name)}'
    keys = ''.join(f', {declare(t, "*" + member(key))}' for key, t, _ in s.keys)
    return (f'bool {name}_next(rt_t *rt, bytes_t *at{keys}, {declare(s.value, "*value")})',
            f'void {name}_remove_all(rt_t *rt)')


def event_head(p, e):
    params = ''.join(', ' + param(f.type, member(f.name)) for f in e.fields)
    return f'void {p.name}_emit_{snake(e.name)}(rt_t *rt{params})'


def call_head(p, c):
    who = {'signed': ', const account_id_t *who', 'any': ', const origin_t *origin',
           'signed_or_root': ', const account_id_t *who', 'signed_or_restricted': ', const account_id_t *who'}
    args = f', const {call_args(p, c)} *args' if c.fields else ''
    return f'dispatch_t {p.name}_{c.name}(rt_t *rt{who.get(c.origin, "")}{args})'


def hook_head(p, h, listener=None):
    params = ''.join(', ' + param(f.type, member(f.name)) for f in h.fields)
    name = f'{listener}_{h.name}' if listener else f'{p.name}_hook_{h.name}'
    return f'void {name}(rt_t *rt{params})'


def block_hook_head(p, name):
    return f'{"weight_t" if name == "on_initialize" else "void"} {p.name}_{name}(rt_t *rt)'


def write_pallet_h(p, rt):
    P, out = p.name.upper(), [BANNER.format(p.file)]
    out += [f'#ifndef {P}_PALLET_H', f'#define {P}_PALLET_H', '#include "pallet.h"', f'#include "{p.name}_types.h"', '']
    out[-1:-1] = [f'#include "{name}_pallet.h"' for name in p.uses]
    out += ['/* Constants */'] if p.consts else []
    for c in p.consts:
        kind = plain(c.type).kind
        if kind in SCALARS:
            wide = {'u64': 'UINT64_C', 'u128': '(u128_t)UINT64_C'}.get(kind, 'UINT32_C')
            out += doc_comment(c.docs) + [f'#define {P}_{upper(c.name)} {wide}({c.value})']
    if p.errors:
        out += ['', '/* Errors, as a call returns them */', 'enum {']
        consts = {upper(c.name) for c in p.consts}
        names = [P + '_' + upper(e.name) + ('_ERROR' if upper(e.name) in consts else '') for e in p.errors]
        wide = max(len(name) for name in names)
        for name, e in zip(names, p.errors):
            note = f'   /* {" ".join(e.docs)} */' if e.docs else ''
            out.append(f'    {name.ljust(wide)} = DISPATCH_MODULE({p.index}, {e.index}),' + note)
        out += ['};']
    if any(s.keys for s in p.storage):
        out += ['', '/* Storage.  _next walks a map: *at starts as (bytes_t){0}; value may be NULL.  Do not write to the map',
                ' * while you walk it, but for removing or replacing the entry just found. */']
    for s in p.storage:
        out += doc_comment(s.docs) + [h + ';' for h in storage_heads(p, s) + (walk_heads(p, s) if s.keys else ())] + ['']
    out += ['/* Events */'] if p.events else []
    out += [event_head(p, e) + ';' for e in p.events]
    if p.hooks or p.block_hooks:
        out += ['', '/* Hooks: _hook_ is called by this pallet and runs what runtime/trellis.runtime wires to it. */']
    for h in p.hooks:
        out += doc_comment(h.docs) + [hook_head(p, h) + ';']
    out += [block_hook_head(p, name) + ';' for name in p.block_hooks]
    listened = [(q, h) for q in rt.pallets for h in q.hooks if (q.name, h.name, p.name) in wired(rt)]
    out += ['', '/* Hooks of other pallets that this one listens to. */'] if listened else []
    out += [f'{hook_head(q, h, p.name)};   /* {q.name}.{h.name} */' for q, h in listened]
    if p.calls:
        out += ['', '/* Calls: written in the pallet, called by its dispatch.  `who` is NULL for a privileged origin',
                ' * where a call takes both. */', '']
    for c in p.calls:
        out += doc_comment(c.docs) + [call_head(p, c) + ';', '']
    for c in p.calls:
        if isinstance(c.weight, str):
            out += [f'/* {c.weight} says what the call costs: info holds its class, and no weight. */',
                    f'void {c.weight}(const {call_args(p, c)} *args, dispatch_info_t *info);', '']
    if p.calls:
        out += [f'dispatch_info_t {p.name}_call_info(const {p.name}_call_t *call);',
                f'dispatch_t      {p.name}_call_dispatch(rt_t *rt, const origin_t *origin, const {p.name}_call_t *call);', '']
    return out + ['#endif']


def wired(rt): return {(pallet, hook, listener) for pallet, hook, listeners in rt.wires for listener in listeners}


# ---------------------------------------------------------------------- storage

def make_key(p, s):
    out = ['rt_key_t k;', f'static const uint8_t prefix[32] = {{{prefix_bytes(p, s)}}};', 'rt_key_start(&k, prefix);']
    if s.keys and any(plain(t).kind != 'unit' for _, t, _ in s.keys):
        out.insert(1, 'scale_writer_t *w = &k.part;')
    for name, t, hasher in s.keys:
        value = member(name) if by_value(t) else f'(*{member(name)})'
        out += [encode(t, value), f'rt_key_{hasher}(&k);']
    return out


def get_body(s, key):
    """Read the value at k, or what a missing one reads as."""
    default = stored_default(s)
    zero = s.optional or not any(default) and default == default_value(s.value)
    c, out = ctype(s.value), list(key)
    if returns_value(s):
        init = ' = {0}' if plain(s.value).kind in ('bytes', 'str') else ' = 0'
        out += [f'{c} value{init};', 'scale_reader_t reader, *r = &reader;']
        found = [decode(s.value, 'value'), 'rt_storage_check(rt, r);']
        if zero:
            return out + ['if (rt_storage_read(rt, &k, r)) {'] + ['    ' + line for line in found] + ['}', 'return value;']
        missing = ', '.join(f'0x{b:02x}' for b in default)
        return out + [f'static const uint8_t missing[] = {{{missing}}};', 'bool found = rt_storage_read(rt, &k, r);',
                      'if (!found)', '    reader = (scale_reader_t){.at = missing, .end = missing + sizeof missing};',
                      found[0], 'if (found)', '    rt_storage_check(rt, r);', 'return value;']
    clear = '*out = NULL;' if is_pointer(s.value) else f'*out = ({c}){{0}};'
    out += ['scale_reader_t reader, *r = &reader;', clear]
    if s.optional:
        return out + ['if (!rt_storage_read(rt, &k, r))', '    return false;', decode(s.value, '(*out)'),
                      'return rt_storage_check(rt, r);']
    if zero:
        return out + ['if (!rt_storage_read(rt, &k, r))', '    return;', decode(s.value, '(*out)'), 'rt_storage_check(rt, r);']
    missing = ', '.join(f'0x{b:02x}' for b in default)
    return out + [f'static const uint8_t missing[] = {{{missing}}};', 'bool found = rt_storage_read(rt, &k, r);',
                  'if (!found)', '    reader = (scale_reader_t){.at = missing, .end = missing + sizeof missing};',
                  decode(s.value, '(*out)'), 'if (found)', '    rt_storage_check(rt, r);']


def next_body(p, s):
    out = [f'static const uint8_t prefix[32] = {{{prefix_bytes(p, s)}}};', 'scale_reader_t reader, *r = &reader;',
           'if (!rt_map_next(rt, prefix, at, r))', '    return false;']
    for name, t, hasher in s.keys:
        skip = HASHERS[hasher][1]
        out += ([f'scale_get_slice(r, {skip});'] if skip else []) + [decode(t, f'(*{member(name)})')]
    return out + ['if (!rt_storage_check(rt, r))', '    return false;', 'if (!value)', '    return true;',
                  'if (!rt_map_value(rt, *at, r))', '    return false;', decode(s.value, '(*value)'),
                  'return rt_storage_check(rt, r);']


def write_storage(p, s, out):
    get, exists, put, remove = storage_heads(p, s)
    key = make_key(p, s)
    value = 'value' if by_value(s.value) else '(*value)'
    function(out, get, get_body(s, key))
    function(out, exists, key + ['return rt_storage_exists(rt, &k);'])
    put_key = [line for line in key if line != 'scale_writer_t *w = &k.part;']
    if len(put_key) != len(key):
        put_key = [key[0], 'scale_writer_t *w = &k.part;'] + put_key[1:] + ['w = rt_storage_write(rt);']
    else:
        put_key = put_key + ['scale_writer_t *w = rt_storage_write(rt);']
    function(out, put, put_key + [encode(s.value, value), 'rt_storage_put(rt, &k, w);'])
    function(out, remove, key + ['rt_storage_remove(rt, &k);'])
    if s.keys:
        next_head, all_head = walk_heads(p, s)
        function(out, next_head, next_body(p, s))
        function(out, all_head, [f'static const uint8_t prefix[32] = {{{prefix_bytes(p, s)}}};', 'rt_map_remove_all(rt, prefix);'])


# -------------------------------------------------------------------- dispatch

def origin_check(c):
    council = 'rt_origin_is_restricted(origin)'
    test = {'signed': 'origin->kind == ORIGIN_SIGNED', 'root': 'origin->kind == ORIGIN_ROOT',
            'none': 'origin->kind == ORIGIN_NONE', 'restricted': council, 'any': '',
            'signed_or_root': 'origin->kind == ORIGIN_SIGNED || origin->kind == ORIGIN_ROOT',
            'signed_or_restricted': f'origin->kind == ORIGIN_SIGNED || {council}'}[c.origin]
    return [f'ENSURE({test}, DISPATCH_BAD_ORIGIN);'] if test else []


def run_call(p, c):
    if not c.built:
        return [f'return {p.name.upper()}_CALL_NOT_BUILT;']
    either = ', origin->kind == ORIGIN_SIGNED ? &origin->who : NULL'
    who = {'signed': ', &origin->who', 'any': ', origin', 'signed_or_root': either, 'signed_or_restricted': either}
    args = f', &call->{member(c.name)}' if c.fields else ''
    return origin_check(c) + [f'return {p.name}_{c.name}(rt{who.get(c.origin, "")}{args});']


def info_of(p, c):
    pays = ', .pays_no_fee = true' if not c.pays else ''
    kind = f'.class = CLASS_{c.operation.upper()}{pays}'
    if isinstance(c.weight, str):
        if c.weight not in p.rules:
            return [f'return (dispatch_info_t){{{kind}}};']
        return [f'info = (dispatch_info_t){{{kind}}};', f'{c.weight}(&call->{member(c.name)}, &info);', 'return info;']
    time, proof, reads, writes = c.weight
    return [f'return (dispatch_info_t){{.weight = {{UINT64_C({time + READ * reads + WRITE * writes}), {proof}}}, {kind}}};']


def write_pallet_c(p):
    out = [BANNER.format(p.file), f'#include "{p.name}_pallet.h"', '#include "runtime_types.h"', '']
    for s in p.storage:
        write_storage(p, s, out)
    for e in p.events:
        lines = [encode(f.type, member(f.name) if by_value(f.type) else f'(*{member(f.name)})') for f in e.fields]
        function(out, event_head(p, e), [f'scale_writer_t *w = rt_event_start(rt, {p.index}, {e.index});'] + lines
                 + ['rt_event_end(rt, w);'])
    if not p.calls:
        return out

    def by_index(head, first, arm, otherwise):
        out.extend([head, '{'] + first + ['    switch (call->index) {'])
        for c in p.calls:
            out.extend([f'    case {c.index}:'] + ['        ' + line for line in arm(c)])
        out.extend([f'    default: {otherwise}', '    }', '}', ''])
    by_index(f'dispatch_info_t {p.name}_call_info(const {p.name}_call_t *call)',
             ['    dispatch_info_t info;'] if any(isinstance(c.weight, str) and c.weight in p.rules for c in p.calls) else [],
             lambda c: info_of(p, c), 'return (dispatch_info_t){0};')
    unused = [] if any(c.built for c in p.calls) else ['    (void)rt;', '    (void)origin;']
    by_index(f'dispatch_t {p.name}_call_dispatch(rt_t *rt, const origin_t *origin, const {p.name}_call_t *call)',
             unused, lambda c: run_call(p, c), 'return DISPATCH_OTHER;')
    return out
