"""The SCALE of values that are written in declarations: defaults and constants."""
from hashes import compact
from model import SCALARS


def encode_value(t, literal):
    """literal: an int, a variant's name, or '0x...' (a number for scalars, else the encoded bytes)."""
    if t.kind == 'named' and t.args[0].form == 'newtype' and not (isinstance(literal, str) and is_raw(t)):
        return encode_value(t.args[0].fields[0].type, literal)
    if t.kind == 'named' and t.args[0].form == 'enum' and not literal.startswith('0x'):
        variant = next(v for v in t.args[0].variants if v.name == literal)
        return bytes([variant.index]) + b''.join(default_value(f.type) for f in variant.fields)
    if t.kind in SCALARS or t.kind == 'compact':
        number = int(literal, 0) if isinstance(literal, str) else literal
        return compact(number) if t.kind == 'compact' else number.to_bytes(SCALARS[t.kind][1], 'little')
    return bytes.fromhex(literal[2:])


def is_raw(t):
    inner = t.args[0].fields[0].type
    return inner.kind not in SCALARS and inner.kind != 'named'


def default_value(t):
    """What a missing value of this type reads as, encoded."""
    if t.kind in SCALARS:
        return bytes(SCALARS[t.kind][1])
    if t.kind in ('account', 'hash'):
        return bytes(32)
    if t.kind == 'array':
        return bytes(t.args[0])
    if t.kind == 'tuple':
        return b''.join(default_value(a) for a in t.args)
    if t.kind in ('unit', 'void'):
        return b''
    if t.kind == 'compact':
        return default_value(t.args[0]) and b'\0'
    if t.kind != 'named':
        return b'\0'
    d = t.args[0]
    if d.form == 'enum':
        return bytes([d.variants[0].index]) + b''.join(default_value(f.type) for f in d.variants[0].fields)
    return b''.join(default_value(f.type) if f.default is None else encode_value(f.type, f.default) for f in d.fields)


def stored_default(s):
    if s.optional:
        return b'\0'
    return default_value(s.value) if s.default is None else encode_value(s.value, s.default)
