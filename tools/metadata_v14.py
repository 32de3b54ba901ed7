"""metadata_v14 - read version 14 metadata of a Substrate chain into plain Python values.

    md = decode(bytes)      {'types': [...], 'pallets': [...], 'extrinsic': {...}}
    md = load(path)         from a file that holds the bytes, or them as hex

Only Python's standard library."""

HASHERS = {0: 'blake2_128', 1: 'blake2_256', 2: 'blake2_128_concat', 3: 'twox_128', 4: 'twox_256', 5: 'twox_64_concat',
           6: 'identity'}
PRIMITIVES = ['bool', 'char', 'str', 'u8', 'u16', 'u32', 'u64', 'u128', 'u256', 'i8', 'i16', 'i32', 'i64', 'i128', 'i256']


class Reader:
    def __init__(self, data): self.data, self.at = data, 0
    def raw(self, n):
        if self.at + n > len(self.data):
            raise ValueError('the metadata ends early')
        self.at += n
        return self.data[self.at - n:self.at]
    def u8(self): return self.raw(1)[0]
    def u32(self): return int.from_bytes(self.raw(4), 'little')
    def compact(self):
        first = self.u8()
        if first & 3 == 3:
            return int.from_bytes(self.raw((first >> 2) + 4), 'little')
        rest = self.raw((0, 1, 3)[first & 3])
        return int.from_bytes(bytes([first]) + rest, 'little') >> 2
    def bytes(self): return self.raw(self.compact())
    def str(self): return self.bytes().decode()
    def vec(self, one): return [one() for _ in range(self.compact())]
    def option(self, one): return one() if self.u8() else None


def read_fields(r):
    return r.vec(lambda: {'name': r.option(r.str), 'type': r.compact(), 'typeName': r.option(r.str), 'docs': r.vec(r.str)})


def read_definition(r):
    form = r.u8()
    if form == 0:
        return ('composite', read_fields(r))
    if form == 1:
        return ('variant', r.vec(lambda: {'name': r.str(), 'fields': read_fields(r), 'index': r.u8(), 'docs': r.vec(r.str)}))
    if form == 2:
        return ('sequence', r.compact())
    if form == 3:
        size = r.u32()
        return ('array', size, r.compact())
    if form == 4:
        return ('tuple', r.vec(r.compact))
    if form == 5:
        return ('primitive', r.u8())
    if form == 6:
        return ('compact', r.compact())
    return ('bits', r.compact(), r.compact())


def read_type(r):
    return {'id': r.compact(), 'path': r.vec(r.str), 'params': r.vec(lambda: (r.str(), r.option(r.compact))),
            'def': read_definition(r), 'docs': r.vec(r.str)}


def read_entry(r):
    entry = {'name': r.str(), 'optional': r.u8() == 0, 'hashers': [], 'key': None}
    if r.u8():
        entry.update(hashers=r.vec(lambda: HASHERS[r.u8()]), key=r.compact())
    entry.update(value=r.compact(), default=r.bytes(), docs=r.vec(r.str))
    return entry


def read_pallet(r):
    return {'name': r.str(), 'storage': r.option(lambda: {'prefix': r.str(), 'items': r.vec(lambda: read_entry(r))}),
            'calls': r.option(r.compact), 'events': r.option(r.compact),
            'constants': r.vec(lambda: {'name': r.str(), 'type': r.compact(), 'value': r.bytes(), 'docs': r.vec(r.str)}),
            'errors': r.option(r.compact), 'index': r.u8()}


def decode(data):
    r = Reader(data)
    if r.raw(5) != b'meta\x0e':
        raise ValueError('not version 14 metadata')
    md = {'types': r.vec(lambda: read_type(r)), 'pallets': r.vec(lambda: read_pallet(r))}
    md['extrinsic'] = {'type': r.compact(), 'version': r.u8(), 'extensions': r.vec(
        lambda: {'name': r.str(), 'type': r.compact(), 'signs': r.compact()})}
    md['runtime'] = r.compact()
    if r.at != len(data):
        raise ValueError('bytes after the metadata')
    return md


def load(path):
    data = open(path, 'rb').read()
    if data[:4] == b'meta':
        return decode(data)
    text = data.decode().strip()
    return decode(bytes.fromhex(text[2:] if text.startswith('0x') else text))
