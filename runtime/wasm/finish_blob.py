#!/usr/bin/env python3
"""Finishes the runtime's blob: finish_blob.py LINKED runtime_version.h BLOB

Appends the custom sections runtime_version and runtime_apis, which let a host know the version without
running the code (spec chain-host 7.2), and refuses a blob that is too large, lacks __heap_base, or imports
anything but the host's functions and memory.
"""
import re
import sys

MOST = 600 * 1024


def leb(n):
    out = bytearray()
    while True:
        out.append(n & 0x7f | (0x80 if n > 0x7f else 0))
        n >>= 7
        if not n: return bytes(out)


def read_leb(data, at):
    value = shift = 0
    while True:
        byte = data[at]; at += 1
        value |= (byte & 0x7f) << shift; shift += 7
        if byte < 0x80: return value, at


def sections(blob):
    at = 8
    while at < len(blob):
        kind = blob[at]
        size, at = read_leb(blob, at + 1)
        yield kind, blob[at:at + size]
        at += size


def name_at(data, at):
    size, at = read_leb(data, at)
    return data[at:at + size].decode(), at + size


def imports(data):
    count, at = read_leb(data, 0)
    for _ in range(count):
        module, at = name_at(data, at)
        name, at = name_at(data, at)
        kind = data[at]; at += 1
        if kind == 0: _, at = read_leb(data, at)
        elif kind == 2:
            flags = data[at]; at += 1
            for _ in range(1 + (flags & 1)): _, at = read_leb(data, at)
        else: sys.exit(f'finish_blob: {module}.{name} is imported: only functions and memory may be')
        yield module, name, kind


def exports(data):
    count, at = read_leb(data, 0)
    for _ in range(count):
        name, at = name_at(data, at)
        at += 1
        _, at = read_leb(data, at)
        yield name


def version_sections(header):
    lines = re.search(r'#define RUNTIME_VERSION_BYTES((?:.*\\\n)+.*)', open(header).read()).group(1)
    version = bytes(int(x, 16) for x in re.findall(r'0x([0-9a-f]{2})', lines))
    at = 0
    for _ in range(2): at += 1 + (version[at] >> 2)            # spec_name, impl_name
    at += 12
    count = version[at] >> 2
    apis = version[at + 1:at + 1 + 12 * count]
    return version[:at] + b'\0' + version[at + 1 + len(apis):], apis


def custom(name, content):
    body = leb(len(name)) + name.encode() + content
    return b'\0' + leb(len(body)) + body


def main():
    linked, header, out = sys.argv[1:]
    blob = open(linked, 'rb').read()
    found = dict(sections(blob))
    for module, name, kind in imports(found.get(2, b'\0')):
        if module != 'env' or not (name.startswith('ext_') if kind == 0 else name == 'memory'):
            sys.exit(f'finish_blob: {module}.{name} is imported: the host does not have it')
    if '__heap_base' not in exports(found.get(7, b'\0')): sys.exit('finish_blob: __heap_base is not exported')
    version, apis = version_sections(header)
    blob += custom('runtime_version', version) + custom('runtime_apis', apis)
    if len(blob) > MOST: sys.exit(f'finish_blob: the blob has {len(blob)} bytes, at most {MOST} are allowed')
    with open(out, 'wb') as f: f.write(blob)


if __name__ == '__main__':
    main()
