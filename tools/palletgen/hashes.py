"""The hashes and the SCALE that declarations need at build time."""
import hashlib

M64 = (1 << 64) - 1


def xxh64(data, seed):
    P1, P2, P3, P4, P5 = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63,
                          0x27D4EB2F165667C5)
    rot = lambda x, r: ((x << r) | (x >> (64 - r))) & M64
    rnd = lambda a, x: rot((a + x * P2) & M64, 31) * P1 & M64
    u64 = lambda i: int.from_bytes(data[i:i + 8], 'little')
    i, size = 0, len(data)
    if size >= 32:
        v = [(seed + P1 + P2) & M64, (seed + P2) & M64, seed, (seed - P1) & M64]
        while i <= size - 32:
            v = [rnd(v[j], u64(i + 8 * j)) for j in range(4)]
            i += 32
        h = sum(rot(v[j], r) for j, r in enumerate((1, 7, 12, 18))) & M64
        for a in v:
            h = ((h ^ rnd(0, a)) * P1 + P4) & M64
    else:
        h = (seed + P5) & M64
    h = (h + size) & M64
    while i + 8 <= size:
        h = (rot(h ^ rnd(0, u64(i)), 27) * P1 + P4) & M64
        i += 8
    if i + 4 <= size:
        h = (rot(h ^ int.from_bytes(data[i:i + 4], 'little') * P1 & M64, 23) * P2 + P3) & M64
        i += 4
    while i < size:
        h = rot(h ^ data[i] * P5 & M64, 11) * P1 & M64
        i += 1
    for shift, mul in ((33, P2), (29, P3), (32, 1)):
        h = (h ^ h >> shift) * mul & M64
    return h


def twox128(text):
    return b''.join(xxh64(text.encode(), seed).to_bytes(8, 'little') for seed in (0, 1))


def api_id(name):
    return hashlib.blake2b(name.encode(), digest_size=8).digest()


def compact(v):
    if v < 1 << 6:
        return bytes([v << 2])
    if v < 1 << 14:
        return (v << 2 | 1).to_bytes(2, 'little')
    if v < 1 << 30:
        return (v << 2 | 2).to_bytes(4, 'little')
    size = (v.bit_length() + 7) // 8
    return bytes([(size - 4) << 2 | 3]) + v.to_bytes(size, 'little')


def string(s): return compact(len(s.encode())) + s.encode()
def vector(items): return compact(len(items)) + b''.join(items)
def option(b): return b'\0' if b is None else b'\1' + b
