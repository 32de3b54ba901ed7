"""What a .pallet file says, as Python values."""
import re
from dataclasses import dataclass, field

# name: (C type, bytes, primitive in the metadata)
SCALARS = {
    'bool': ('bool', 1, 0), 'u8': ('uint8_t', 1, 3), 'u16': ('uint16_t', 2, 4), 'u32': ('uint32_t', 4, 5),
    'u64': ('uint64_t', 8, 6), 'u128': ('u128_t', 16, 7)}
ALIASES = {'BlockNumber': 'u32', 'Balance': 'u128', 'Moment': 'u64'}
# name: (number in the metadata, bytes before the key)
HASHERS = {'blake2_128_concat': (2, 16), 'twox_64_concat': (5, 8), 'identity': (6, 0)}
NOT_BUILT = 200                     # error index of CallNotBuilt, beyond any that upstream has


@dataclass
class Type:
    """A use of a type.  kind: a scalar's name, unit, str, bytes, vec, option, result, array, tuple,
    compact, account, hash, era, void, call, event or named (then args is the Named)."""
    kind: str
    args: tuple = ()
    bound: object = None            # of bytes and vec: most items, or None
    weak: bool = False              # a WeakBoundedVec
    text: str = ''                  # as written

    def key(self):
        parts = tuple(a.key() if isinstance(a, Type) else (a.pallet, a.name) if isinstance(a, Named) else a
                      for a in self.args)
        return (self.kind, parts, self.bound, self.weak)


@dataclass
class Field:
    name: str
    type: Type
    docs: list
    unnamed: bool = False           # a name for C and docs only
    default: object = None


@dataclass
class Variant:
    index: int
    name: str
    fields: list
    docs: list


@dataclass
class Named:
    name: str
    form: str                       # struct, newtype or enum
    path: list
    params: list                    # [(name, Type or None)]
    fields: list
    variants: list
    docs: list
    pallet: str                     # prefix in C
    home: str = ''                  # the pallet whose header holds it
    like: object = None             # the Named whose C it shares
    has_c: bool = True

    @property
    def items(self):
        return self.fields + [f for v in self.variants for f in v.fields]


@dataclass
class Const:
    name: str
    type: Type
    value: object
    docs: list


@dataclass
class Storage:
    name: str
    keys: list                      # [(name, Type, hasher)]
    value: Type
    optional: bool
    default: object
    docs: list


@dataclass
class Call:
    index: int
    name: str
    fields: list
    docs: list
    origin: str = ''
    weight: object = (0, 0, 0, 0)   # ps, proof bytes, reads, writes; or a function's name
    operation: str = 'normal'
    pays: bool = True
    built: bool = True
    marked: bool = False            # as `not built` in the file


@dataclass
class Hook:
    name: str
    fields: list
    docs: list


@dataclass
class Pallet:
    file: str
    name: str = ''
    crate: str = ''
    instance: bool = False
    plain_events: bool = False
    docs: list = field(default_factory=list)
    uses: list = field(default_factory=list)
    consts: list = field(default_factory=list)
    types: dict = field(default_factory=dict)
    storage: list = field(default_factory=list)
    events: list = field(default_factory=list)
    errors: list = field(default_factory=list)
    calls: list = field(default_factory=list)
    hooks: list = field(default_factory=list)
    block_hooks: list = field(default_factory=list)
    index: int = -1
    title: str = ''


@dataclass
class Runtime:
    name: str = ''
    crate: str = ''
    version: dict = field(default_factory=dict)
    apis: list = field(default_factory=list)        # [(name, version, [(method, inputs, output)])]
    support: list = field(default_factory=list)     # pallets of shared types
    pallets: list = field(default_factory=list)
    extensions: list = field(default_factory=list)  # [(name, Type, Type signed)]
    wires: list = field(default_factory=list)       # [(pallet, hook, [pallet])]
    address: Type = None
    signature: Type = None
    scope: dict = field(default_factory=dict)


def snake(name):
    name = name.replace('IPs', 'Ips').replace('IDs', 'Ids')
    return re.sub(r'(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])', '_', name).lower()


def upper(name):
    return snake(name).upper()


def walk(t):
    """t and every type within it, inner ones first; stops at names."""
    for a in t.args:
        if isinstance(a, Type):
            yield from walk(a)
    yield t


def declared(p):
    """Every use of a type that needs C in the declarations of a pallet."""
    for d in [d for d in p.types.values() if d.has_c]:
        for f in d.items:
            yield from walk(f.type)
    for s in p.storage:
        for t in [t for _, t, _ in s.keys] + [s.value]:
            yield from walk(t)
    for item in p.events + p.calls + p.hooks:
        for f in item.fields:
            yield from walk(f.type)
