"""The metadata of the runtime, version 14, as bytes."""
from hashes import compact, option, string, vector
from model import HASHERS, Type
from registry import Registry
from runtime_c import version_bytes
from values import encode_value, stored_default
from types_c import BANNER


def strings(items): return vector([string(s) for s in items])
def optional_id(i): return option(None if i is None else compact(i))


def encode_fields(fields):
    return vector([option(None if name is None else string(name)) + compact(inner)
                   + option(None if type_name is None else string(type_name)) + strings(docs)
                   for name, inner, type_name, docs in fields])


def encode_definition(d):
    form = d[0]
    if form == 'composite':
        return b'\0' + encode_fields(d[1])
    if form == 'variant':
        return b'\1' + vector([string(name) + encode_fields(fields) + bytes([index]) + strings(docs)
                               for index, name, fields, docs in d[1]])
    if form == 'sequence':
        return b'\2' + compact(d[1])
    if form == 'array':
        return b'\3' + d[1].to_bytes(4, 'little') + compact(d[2])
    if form == 'tuple':
        return b'\4' + vector([compact(i) for i in d[1]])
    if form == 'primitive':
        return b'\5' + bytes([d[1]])
    return b'\6' + compact(d[1])


def encode_types(reg):
    return vector([compact(i) + strings(path) + vector([string(n) + optional_id(t) for n, t in params])
                   + encode_definition(d) + strings(docs) for i, (path, params, d, docs) in enumerate(reg.bodies)])


def encode_storage(reg, s):
    value, keys = reg.of(s.value), [reg.of(t) for _, t, _ in s.keys]
    shape = b'\0' + compact(value)
    if keys:
        shape = (b'\1' + vector([bytes([HASHERS[h][0]]) for _, _, h in s.keys])
                 + compact(keys[0] if len(keys) == 1 else reg.tuple(keys)) + compact(value))
    default = stored_default(s)
    return (string(s.name) + bytes([0 if s.optional else 1]) + shape + compact(len(default)) + default + strings(s.docs))


def const_bytes(rt, p, c):
    if (p.name, c.name) == ('system', 'Version'):
        return version_bytes(rt)
    return encode_value(c.type, c.value)


def encode_pallet(rt, reg, p):
    entries = [encode_storage(reg, s) for s in p.storage]
    consts = []
    for c in p.consts:
        value = const_bytes(rt, p, c)
        consts.append(string(c.name) + compact(reg.of(c.type)) + compact(len(value)) + value + strings(c.docs))
    call, event, error = (optional_id(reg.pallet_enum(p, what)) for what in ('Call', 'Event', 'Error'))
    return (string(p.title) + option(string(p.title) + vector(entries) if entries else None)
            + call + event + vector(consts) + error + bytes([p.index]))


def encode_api(reg, api):
    name, _, methods = api
    return string(name) + vector([
        string(method) + vector([string(f.name) + compact(reg.of(f.type)) for f in inputs]) + compact(reg.of(output)) + strings([])
        for method, inputs, output in methods]) + strings([])


def metadata(rt):
    """(bytes of the V14 metadata, of the V15, the registry of their types)"""
    reg = Registry(rt)
    pallets = [encode_pallet(rt, reg, p) for p in rt.pallets]
    calls, events, runtime, extrinsic = reg.outer('call'), reg.outer('event'), reg.of(Type('runtime')), reg.extrinsic()
    extensions = vector([string(name) + compact(reg.of(t)) + compact(reg.of(signs)) for name, t, signs in rt.extensions])
    v14 = (b'meta' + bytes([14]) + encode_types(reg) + vector(pallets) + compact(extrinsic) + bytes([4]) + extensions
           + compact(runtime))
    apis = vector([encode_api(reg, api) for api in rt.apis])
    parts = b''.join(compact(i) for i in (reg.of(rt.address), calls, reg.of(rt.signature), reg.extra()))
    outer = compact(calls) + compact(events) + compact(reg.outer('error'))
    documented = [one + strings(p.docs) for one, p in zip(pallets, rt.pallets)]
    v15 = (b'meta' + bytes([15]) + encode_types(reg) + vector(documented) + bytes([4]) + parts + extensions + compact(runtime)
           + apis + outer + vector([]))
    return v14, v15, reg


def array(name, blob):
    rows = [', '.join(f'0x{b:02x}' for b in blob[i:i + 20]) + ',' for i in range(0, len(blob), 20)]
    return ['', f'const uint32_t {name}_len = {len(blob)};', f'const uint8_t  {name}[] = {{'] + ['    ' + row for row in rows] + ['};']


def write_metadata(rt, v14, v15):
    return [BANNER.format(rt.name + '.runtime'), '#include "runtime_call.h"', *array('runtime_metadata', v14),
            *array('runtime_metadata_v15', v15)]
