"""runtime_types.h/.c (any call, any event), runtime_call.h/.c (dispatch and hooks), runtime_version.h."""
from cnames import encode
from hashes import api_id, compact, string, vector
from pallet_c import block_hook_head, hook_head, wired
from reader import member
from types_c import BANNER, event_type, type_of

MAX_DEPTH = 16      # calls within calls; a batch of a batch of ...: more is refused when decoded


def with_calls(rt): return [p for p in rt.pallets if p.calls]
def with_events(rt): return [p for p in rt.pallets if p.events]


def write_runtime_types_h(rt):
    out = [BANNER.format(rt.name + '.runtime'), '#ifndef RUNTIME_TYPES_H', '#define RUNTIME_TYPES_H']
    out += [f'#include "{p.name}_types.h"' for p in rt.pallets]
    out += ['', f'#define RUNTIME_CALL_DEPTH_MAX {MAX_DEPTH}    /* calls within calls */', '',
            '/* One call of the runtime, decoded.  encoded is the bytes that it was read from. */',
            'struct runtime_call {', '    bytes_t encoded;', '    uint8_t pallet;', '    union {']
    out += [f'        {p.name}_call_t {p.name};   /* {p.index} {p.title} */' for p in with_calls(rt)]
    out += ['    };', '};', '_Static_assert(sizeof(runtime_call_t) <= 1024, "a call is kept on the stack");', '',
            '/* runtime_call_decode reads a call and all calls within it, which it takes from the reader\'s arena. */',
            'void runtime_call_decode(scale_reader_t *r, runtime_call_t *call);',
            '/* runtime_call_encode writes call->encoded when that is set, else the fields. */',
            'void runtime_call_encode(scale_writer_t *w, const runtime_call_t *call);',
            '/* runtime_call_take reads a call into the arena; NULL on failure. */',
            'runtime_call_t *runtime_call_take(scale_reader_t *r);', '',
            '/* One event of the runtime, decoded. */', 'struct runtime_event {', '    uint8_t pallet;', '    union {']
    out += [f'        {p.name}_event_t {p.name};   /* {p.index} {p.title} */' for p in with_events(rt)]
    out += ['    };', '};', '', 'void runtime_event_decode(scale_reader_t *r, runtime_event_t *event);',
            'void runtime_event_encode(scale_writer_t *w, const runtime_event_t *event);',
            'runtime_event_t *runtime_event_take(scale_reader_t *r);', '', '#endif']
    return out


def switch(out, head, lines, subject, arms, otherwise, after=()):
    out.extend([head, '{'] + ['    ' + line for line in lines] + [f'    switch ({subject}) {{'])
    out.extend(f'    case {p.index}: {code}' for p, code in arms)
    out.extend([f'    default: {otherwise}', '    }'] + ['    ' + line for line in after] + ['}', ''])


def write_runtime_types_c(rt):
    out = [BANNER.format(rt.name + '.runtime'), '#include "runtime_types.h"', '']
    switch(out, 'void runtime_call_decode(scale_reader_t *r, runtime_call_t *call)',
           ['const uint8_t *start = r->at;', '', 'call->encoded = (bytes_t){0};', 'if (r->depth >= RUNTIME_CALL_DEPTH_MAX)',
            '    scale_fail(r);', 'r->depth++;'], 'call->pallet = scale_get_u8(r)',
           [(p, f'{p.name}_call_decode(r, &call->{p.name}); break;') for p in with_calls(rt)], 'scale_fail(r);',
           ['r->depth--;', 'if (!r->failed)', '    call->encoded = (bytes_t){start, (uint32_t)(r->at - start)};'])
    switch(out, 'void runtime_call_encode(scale_writer_t *w, const runtime_call_t *call)',
           ['if (call->encoded.data) {', '    scale_put_raw(w, call->encoded.data, call->encoded.len);', '    return;', '}',
            'scale_put_u8(w, call->pallet);'], 'call->pallet',
           [(p, f'{p.name}_call_encode(w, &call->{p.name}); return;') for p in with_calls(rt)], 'w->failed = true;')
    switch(out, 'void runtime_event_decode(scale_reader_t *r, runtime_event_t *event)', [], 'event->pallet = scale_get_u8(r)',
           [(p, f'{p.name}_event_decode(r, &event->{p.name}); return;') for p in with_events(rt)], 'scale_fail(r);')
    switch(out, 'void runtime_event_encode(scale_writer_t *w, const runtime_event_t *event)',
           ['scale_put_u8(w, event->pallet);'], 'event->pallet',
           [(p, f'{encode(type_of(event_type(p)), "event->" + p.name)} return;') for p in with_events(rt)], 'w->failed = true;')
    for what in ('call', 'event'):
        out += [f'runtime_{what}_t *runtime_{what}_take(scale_reader_t *r)', '{', '    scale_spend(r, SCALE_CALL_COST);',
                f'    runtime_{what}_t *taken = r->failed || !r->arena ? NULL : arena_take(r->arena, sizeof *taken);', '',
                '    if (!taken) {', '        scale_fail(r);', '        return NULL;', '    }',
                f'    runtime_{what}_decode(r, taken);', '    return r->failed ? NULL : taken;', '}', '']
    return out


def write_runtime_call_h(rt):
    out = [BANNER.format(rt.name + '.runtime'), '#ifndef RUNTIME_CALL_H', '#define RUNTIME_CALL_H',
           '#include "pallet.h"', '#include "runtime_types.h"']
    out += [f'#include "{p.name}_pallet.h"' for p in rt.pallets]
    out += ['', '/* runtime_call_dispatch_info says what a call costs at most, its class, and whether it pays. */',
            'dispatch_info_t runtime_call_dispatch_info(const runtime_call_t *call);', '',
            '/* runtime_call_dispatch runs a call in a layer of its own: refused, nothing of it is kept. */',
            'dispatch_t runtime_call_dispatch(rt_t *rt, const origin_t *origin, const runtime_call_t *call);', '',
            '/* The hooks of all pallets, by ascending index.  on_initialize gives the weight they took. */',
            'weight_t runtime_on_initialize(rt_t *rt);',
            'void     runtime_on_finalize(rt_t *rt);', '',
            '/* The metadata, version 14 and 15. */',
            'extern const uint8_t  runtime_metadata[];', 'extern const uint32_t runtime_metadata_len;',
            'extern const uint8_t  runtime_metadata_v15[];', 'extern const uint32_t runtime_metadata_v15_len;', '', '#endif']
    return out


def write_runtime_call_c(rt):
    out = [BANNER.format(rt.name + '.runtime'), '#include "runtime_call.h"', '']
    switch(out, 'dispatch_info_t runtime_call_dispatch_info(const runtime_call_t *call)', [], 'call->pallet',
           [(p, f'return {p.name}_call_info(&call->{p.name});') for p in with_calls(rt)], 'return (dispatch_info_t){0};')
    switch(out, 'static dispatch_t run(rt_t *rt, const origin_t *origin, const runtime_call_t *call)', [], 'call->pallet',
           [(p, f'return {p.name}_call_dispatch(rt, origin, &call->{p.name});') for p in with_calls(rt)],
           'return DISPATCH_OTHER;')
    out += ['dispatch_t runtime_call_dispatch(rt_t *rt, const origin_t *origin, const runtime_call_t *call)', '{',
            '    rt_layer_t layer = rt_layer_begin(rt);', '    dispatch_t result = run(rt, origin, call);', '',
            '    rt_layer_end(rt, layer, result == DISPATCH_OK);', '    return result;', '}', '']
    by_name = {p.name: p for p in rt.pallets}
    for p in rt.pallets:
        for h in p.hooks:
            args = ''.join(', ' + member(f.name) for f in h.fields)
            out += [hook_head(p, h), '{']
            body = [f'    {q}_{h.name}(rt{args});' for _, _, q in sorted(
                (w for w in wired(rt) if w[:2] == (p.name, h.name)), key=lambda w: wire_order(rt, w))
                if f'{q}_{h.name}' in by_name[q].rules]
            out += body or [f'    (void){name};' for name in ['rt'] + [member(f.name) for f in h.fields]]
            out += ['}', '']
    starts = [p for p in rt.pallets if 'on_initialize' in p.block_hooks and f'{p.name}_on_initialize' in p.rules]
    ends = [p for p in rt.pallets if 'on_finalize' in p.block_hooks and f'{p.name}_on_finalize' in p.rules]
    out += ['weight_t runtime_on_initialize(rt_t *rt)', '{', '    weight_t sum = {0}, one;', '']
    for p in starts:
        out += [f'    one = {p.name}_on_initialize(rt);', '    sum.ref_time += one.ref_time;',
                '    sum.proof_size += one.proof_size;']
    out += ([] if starts else ['    (void)rt, (void)one;']) + ['    return sum;', '}', '']
    out += ['void runtime_on_finalize(rt_t *rt)', '{'] + [f'    {p.name}_on_finalize(rt);' for p in ends]
    return out + ([] if ends else ['    (void)rt;']) + ['}']


def wire_order(rt, w):
    for pallet, hook, listeners in rt.wires:
        if (pallet, hook) == w[:2] and w[2] in listeners:
            return listeners.index(w[2])
    return 0


def version_bytes(rt):
    """RuntimeVersion, as Core_version gives it."""
    v, u32 = rt.version, lambda name: int(rt.version[name]).to_bytes(4, 'little')
    apis = vector([api_id(name) + number.to_bytes(4, 'little') for name, number, _ in rt.apis])
    return (string(v['spec_name']) + string(v['impl_name']) + u32('authoring_version') + u32('spec_version')
            + u32('impl_version') + apis + u32('transaction_version') + bytes([int(v['state_version'])]))


def write_runtime_version_h(rt):
    v, encoded = rt.version, version_bytes(rt)
    rows = [', '.join(f'0x{b:02x}' for b in encoded[i:i + 16]) for i in range(0, len(encoded), 16)]
    out = [BANNER.format(rt.name + '.runtime'), '#ifndef RUNTIME_VERSION_H', '#define RUNTIME_VERSION_H', '']
    for name in ('spec_name', 'impl_name'):
        out.append(f'#define RUNTIME_{name.upper()} "{v[name]}"')
    for name in ('authoring_version', 'spec_version', 'impl_version', 'transaction_version', 'state_version'):
        out.append(f'#define RUNTIME_{name.upper()} {v[name]}')
    out += ['', '/* Runtime APIs: X(name, id in hex, version) */', '#define RUNTIME_APIS(X) \\']
    out += [f'    X({name}, "{api_id(name).hex()}", {number}) \\' for name, number, _ in rt.apis]
    out[-1] = out[-1][:-2]
    out += ['', '/* RuntimeVersion encoded, as Core_version gives it: the items of an array. */',
            '#define RUNTIME_VERSION_BYTES \\'] + [f'    {row}, \\' for row in rows]
    out[-1] = out[-1][:-3]
    return out + ['', '#endif']
