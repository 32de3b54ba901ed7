"""<pallet>_types.h and <pallet>_codec.c: what anybody may include, runtime or client."""
from cnames import (arg, bounds, by_value, ctype, declare, decode, doc_comment, encode, field_lines, is_bare_enum,
                    is_container, is_pointer, least_size, names_in, param, plain, stem)
from hashes import twox128
from model import HASHERS, Named, Type, declared, snake, upper, walk
from reader import member

BANNER = '/* Made by palletgen from {} - do not edit. */'


def owner_of(t, user, order):
    """The pallet whose header holds a container: that of the last declared type within it, or support."""
    owners = {d.home for d in names_in(t)}
    return max(owners, key=order.index, default='support')


def place_containers(rt):
    """{pallet name: [container types]}, innermost first, each C type once."""
    order = ['support'] + [p.name for p in rt.pallets]
    placed, seen = {name: [] for name in order}, set()
    for p in [rt.support] + rt.pallets:
        uses = list(declared(p)) + [Type('account'), Type('bytes')]
        for t in [inner for t in uses for inner in expand(t)]:
            if is_container(t) and stem(t) not in seen:
                seen.add(stem(t))
                placed[owner_of(t, p.name, order)].append(t)
    return placed


def expand(t):
    """t and all within, through newtypes, inner ones first."""
    t = plain(t)
    for a in t.args:
        if isinstance(a, Type):
            yield from expand(a)
    yield t


def c_types(p):
    """The declared types that become C: not newtypes, not empty enums."""
    return [d for d in p.types.values() if d.form != 'newtype' and not d.like and needs_c(d)]


def needs_c(d):
    return d.has_c and not any(inner.kind == 'era' for f in d.items for inner in expand(f.type)) and (d.form != 'struct' or d.fields)


def event_type(p):
    """The events of a pallet as one type: <pallet>_event_t."""
    return Named('Event', 'enum', [], [], [], p.events, p.docs, p.name, p.name)


def type_of(d): return Type('named', (d,))


def write_struct(d, out):
    name = stem(type_of(d))
    out += [''] + doc_comment(d.docs)
    if d.form == 'struct':
        out += ['typedef struct {'] + field_lines(d.fields) + [f'}} {name}_t;']
        return
    out.append('typedef enum {')
    out += [f'    {name.upper()}_{upper(v.name)} = {v.index},' for v in d.variants]
    if not any(v.fields for v in d.variants):
        out.append(f'}} {name}_t;')
        return
    out += [f'}} {name}_kind_t;', '', 'typedef struct {', f'    {name}_kind_t kind;', '    union {']
    for v in d.variants:
        if len(v.fields) == 1:
            out.append(f'        {declare(v.fields[0].type, member(snake(v.name)))};')
        elif v.fields:
            out += ['        struct {'] + field_lines(v.fields, ' ' * 12) + [f'        }} {member(snake(v.name))};']
    out += ['    };', f'}} {name}_t;']


def container_body(t):
    if t.kind == 'vec':
        return f'{declare(t.args[0], "*items")}; uint32_t len;'
    if t.kind == 'option':
        return f'bool some; {declare(t.args[0], "value")};'
    if t.kind == 'result':
        return f'bool is_ok; {declare(t.args[1], "error")};'
    return ' '.join(f'{declare(a, f"f{i}")};' for i, a in enumerate(t.args))


def codec_heads(t):
    """(encode, decode) prototypes of a type that has its own codec."""
    most = ''.join(f', uint32_t most{i or ""}' for i, _ in enumerate(bounds(t)))
    return (f'void {stem(t)}_encode(scale_writer_t *w, {param(t, "v")})',
            f'void {stem(t)}_decode(scale_reader_t *r{most}, {ctype(t)} *v)')


def key_params(s): return ''.join(', ' + param(t, member(name)) for name, t, _ in s.keys)


def call_args(p, c): return f'{p.name}_{c.name}_args_t'


def write_types(p, containers, shared=False):
    P, done, out = p.name.upper(), set(), [BANNER.format(p.file)]
    out += [f'#ifndef {P}_TYPES_H', f'#define {P}_TYPES_H']
    out += ['#include "scale.h"', '#include "storage_key.h"'] if shared else ['#include "support_types.h"']
    out += [f'#include "{name}_types.h"' for name in p.uses]
    if shared:
        out += ['', 'typedef struct runtime_call  runtime_call_t;    /* runtime_types.h */',
                'typedef struct runtime_event runtime_event_t;', '']
        out += [f'typedef struct {{ uint8_t b[{n}]; }} bytes{n}_t;' for n in p.array_sizes]
    out.append('')
    structs = {stem(type_of(d)): d for d in c_types(p)}
    pool = {stem(t): t for t in containers}

    def ready(t):
        """Emit what t needs before it, then t."""
        t = plain(t)
        name = stem(t)
        if name in done or not (t.kind == 'named' and name in structs or name in pool):
            if not is_container(t):
                return
        if name in done:
            return
        for a in [a for a in t.args if isinstance(a, Type)]:
            ready(a)
        if name in done:
            return
        done.add(name)
        if name in pool:
            out.append(f'typedef struct {{ {container_body(t)} }} {ctype(t)};')
        elif name in structs:
            for f in structs[name].items:
                ready(f.type)
            write_struct(structs[name], out)

    for d in structs.values():
        ready(type_of(d))
    for t in containers:
        ready(t)
    for c in p.calls:
        if c.fields:
            out += ['', f'/* Arguments of call {c.index}, {c.name}. */', 'typedef struct {'] + field_lines(c.fields)
            out += [f'}} {call_args(p, c)};']
    events = event_type(p)
    if p.events:
        write_struct(events, out)
    out.append('')
    for t in [type_of(d) for d in structs.values()] + list(pool.values()) + ([type_of(events)] if p.events else []):
        out += [head + ';' for head in codec_heads(t)]
    out += ['', '/* One call of this pallet, decoded: which one, and its arguments. */'] if p.calls else []
    if p.calls:
        out += ['typedef struct {', '    uint8_t index;', '    union {']
        out += [f'        {call_args(p, c)} {member(c.name)};' for c in p.calls if c.fields]
        out += ['    };', f'}} {p.name}_call_t;', '', f'#define {P}_PALLET {p.index}', 'enum {']
        out += [f'    {P}_CALL_{c.name.upper()} = {c.index},' for c in p.calls] + ['};', '']
        out += [f'void {p.name}_call_decode(scale_reader_t *r, {p.name}_call_t *call);',
                f'void {p.name}_call_encode(scale_writer_t *w, const {p.name}_call_t *call);', '',
                '/* A call with its pallet and number, as an extrinsic holds it. */']
        for c in p.calls:
            out.append(call_encode_head(p, c) + ';')
    if p.storage:
        out += ['', '/* Keys in storage. */']
        for s in p.storage:
            out.append(key_head(p, s) + ';')
    return out + ['', '#endif']


def call_encode_head(p, c):
    args = f', const {call_args(p, c)} *args' if c.fields else ''
    return f'void {p.name}_{c.name}_call_encode(scale_writer_t *w{args})'


def key_head(p, s): return f'void {p.name}_{snake(s.name)}_key(scale_writer_t *w{key_params(s)})'


# ------------------------------------------------------------------ the codecs

def function(out, head, body): out.extend([head, '{'] + ['    ' + line for line in body] + ['}', ''])


def write_named_codec(d, out):
    t = type_of(d)
    name, c = stem(t), ctype(t)
    head_e, head_d = codec_heads(t)
    if d.form == 'struct':
        function(out, head_e, [encode(f.type, f'v->{member(f.name)}') for f in d.fields])
        function(out, head_d, [decode(f.type, f'v->{member(f.name)}') for f in d.fields])
        return
    if is_bare_enum(t):
        cases = [f'case {name.upper()}_{upper(v.name)}:' for v in d.variants]
        function(out, head_e, ['scale_put_u8(w, (uint8_t)v);'])
        function(out, head_d, [f'*v = ({c})scale_get_u8(r);', 'switch (*v) {'] + cases
                 + ['    return;', '}', f'*v = {name.upper()}_{upper(d.variants[0].name)};', 'scale_fail(r);'])
        return

    def arms(code):
        for v in d.variants:
            yield f'case {name.upper()}_{upper(v.name)}:'
            for i, f in enumerate(v.fields):
                at = f'v->{member(snake(v.name))}' + ('' if len(v.fields) == 1 else f'.{member(f.name) or "f%d" % i}')
                yield '    ' + code(f.type, at)
            yield '    return;'
    function(out, head_e, ['scale_put_u8(w, (uint8_t)v->kind);', 'switch (v->kind) {', *arms(encode), '}'])
    function(out, head_d, [f'v->kind = ({name}_kind_t)scale_get_u8(r);', 'switch (v->kind) {', *arms(decode), '}',
                           f'*v = ({c}){{0}};', 'scale_fail(r);'])


def write_container_codec(t, out):
    head_e, head_d = codec_heads(t)
    names = [f'most{i or ""}' for i, _ in enumerate(bounds(t))]
    inner = t.args[0]
    if t.kind == 'vec':
        function(out, head_e, ['scale_put_compact(w, v.len);', 'for (uint32_t i = 0; i < v.len; i++)',
                               '    ' + encode(inner, 'v.items[i]')])
        least = max(least_size(inner), 1)
        function(out, head_d, [f'v->items = scale_get_items(r, most, {least}, sizeof *v->items, &v->len);',
                               'for (uint32_t i = 0; i < v->len; i++)', '    ' + decode(inner, 'v->items[i]', names[1:])])
    elif t.kind == 'option' and inner.kind == 'bool':
        function(out, head_e, ['scale_put_option_bool(w, v->some, v->value);'])
        function(out, head_d, ['*v = (bool_opt_t){0};', 'v->some = scale_get_option_bool(r, &v->value);'])
    elif t.kind == 'option':
        function(out, head_e, ['scale_put_option(w, v->some);', 'if (v->some)', '    ' + encode(inner, 'v->value')])
        function(out, head_d, [f'*v = ({ctype(t)}){{0}};', 'v->some = scale_get_option(r);', 'if (v->some)',
                               '    ' + decode(inner, 'v->value', names)])
    elif t.kind == 'result':
        function(out, head_e, ['scale_put_u8(w, v->is_ok ? 0 : 1);', 'if (!v->is_ok)', '    ' + encode(t.args[1], 'v->error')])
        function(out, head_d, [f'*v = ({ctype(t)}){{0}};', 'v->is_ok = !scale_get_bool(r);', 'if (!v->is_ok)',
                               '    ' + decode(t.args[1], 'v->error', names)])
    else:
        decodes, left = [], names
        for i, a in enumerate(t.args):
            mine = len(bounds(a))
            decodes.append(decode(a, f'v->f{i}', left[:mine]))
            left = left[mine:]
        function(out, head_e, [encode(a, f'v->f{i}') for i, a in enumerate(t.args)])
        function(out, head_d, decodes)


def prefix_bytes(p, s): return ', '.join(f'0x{b:02x}' for b in twox128(p.title) + twox128(s.name))


def write_key(p, s, out):
    body = [f'static const uint8_t prefix[32] = {{{prefix_bytes(p, s)}}};', 'scale_put_raw(w, prefix, sizeof prefix);']
    if s.keys:
        body.insert(0, 'uint32_t at;')
    for name, t, hasher in s.keys:
        value = member(name) if by_value(t) else f'(*{member(name)})'
        body += [f'at = storage_key_open(w, {HASHERS[hasher][1]});', encode(t, value), f'storage_key_{hasher}(w, at);']
    function(out, key_head(p, s), body)


def write_call_codec(p, out):
    def by_index(head, subject, arm, otherwise):
        out.extend([head, '{', f'    switch ({subject}) {{'])
        for c in p.calls:
            out.extend([f'    case {c.index}:'] + ['        ' + line for line in arm(c)])
        out.extend([f'    default: {otherwise}', '    }', '}', ''])

    def code(c, one): return [one(a.type, f'call->{member(c.name)}.{member(a.name)}') for a in c.fields] + ['return;']
    by_index(f'void {p.name}_call_decode(scale_reader_t *r, {p.name}_call_t *call)', 'call->index = scale_get_u8(r)',
             lambda c: code(c, decode), 'scale_fail(r);')
    out += [f'void {p.name}_call_encode(scale_writer_t *w, const {p.name}_call_t *call)', '{',
            '    scale_put_u8(w, call->index);', '    switch (call->index) {']
    for c in p.calls:
        out.extend([f'    case {c.index}:'] + ['        ' + line for line in code(c, encode)])
    out += ['    default: w->failed = true;', '    }', '}', '']
    for c in p.calls:
        function(out, call_encode_head(p, c), [f'scale_put_u8(w, {p.index});', f'scale_put_u8(w, {c.index});']
                 + [encode(a.type, f'args->{member(a.name)}') for a in c.fields])


def write_codec(p, containers):
    out = [BANNER.format(p.file), f'#include "{p.name}_types.h"', '#include "runtime_types.h"', '']
    for d in c_types(p) + ([event_type(p)] if p.events else []):
        write_named_codec(d, out)
    for t in containers:
        write_container_codec(t, out)
    if p.calls:
        write_call_codec(p, out)
    for s in p.storage:
        write_key(p, s, out)
    return out
