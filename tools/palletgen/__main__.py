"""palletgen - make C, metadata and docs from pallet declarations.

    python3 tools/palletgen RUNTIME OUT_DIR       write all files (only those that change)
    python3 tools/palletgen RUNTIME --files       list the C files that it writes, for CMake

Reads a .runtime file and the .pallet files it names (docs/pallet-language.md).  In parts:
reader (text to model), cnames (how a type looks in C), types_c, pallet_c and runtime_c (the C),
registry and metadata (what clients read), table (types as data for JSON), docs.
Only Python's standard library.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cnames import bounds                                          # noqa: E402
from docs import write_docs, write_not_built                       # noqa: E402
from metadata import metadata, write_metadata                      # noqa: E402
from model import declared                                         # noqa: E402
from pallet_c import write_pallet_c, write_pallet_h                # noqa: E402
from reader import read_runtime                                    # noqa: E402
from runtime_c import (write_runtime_call_c, write_runtime_call_h, write_runtime_types_c, write_runtime_types_h,   # noqa: E402
                       write_runtime_version_h)
from table import write_table_c                                    # noqa: E402
from types_c import expand, place_containers, write_codec, write_types     # noqa: E402


def generate(rt):
    """{file: lines}"""
    placed = place_containers(rt)
    rt.support.name = 'support'
    rt.support.array_sizes = sorted({t.args[0] for p in [rt.support] + rt.pallets for use in declared(p)
                                     for t in expand(use) if t.kind == 'array'})
    blob, blob_15, reg = metadata(rt)
    out = {'support_types.h': write_types(rt.support, placed['support'], shared=True),
           'support_codec.c': write_codec(rt.support, placed['support']),
           'runtime_types.h': write_runtime_types_h(rt), 'runtime_types.c': write_runtime_types_c(rt),
           'runtime_call.h': write_runtime_call_h(rt), 'runtime_call.c': write_runtime_call_c(rt),
           'runtime_version.h': write_runtime_version_h(rt), 'runtime_metadata.c': write_metadata(rt, blob, blob_15),
           'runtime_table_data.c': write_table_c(rt, reg),
           'metadata.hex': ['0x' + blob.hex()], 'metadata-v15.hex': ['0x' + blob_15.hex()], 'docs/not-built.md': write_not_built(rt),
           'said.txt': rt.said}
    for p in rt.pallets:
        out[f'{p.name}_types.h'] = write_types(p, placed[p.name])
        out[f'{p.name}_codec.c'] = write_codec(p, placed[p.name])
        out[f'{p.name}_pallet.h'] = write_pallet_h(p, rt)
        out[f'{p.name}_pallet.c'] = write_pallet_c(p)
        out[f'docs/{p.name}.md'] = write_docs(p)
    return out


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    rt = read_runtime(sys.argv[1])
    names = [p.name for p in rt.pallets]
    if sys.argv[2] == '--files':
        types = ['support_types.h', 'support_codec.c', 'runtime_types.h', 'runtime_types.c', 'runtime_version.h',
                 'runtime_table_data.c']
        print(';'.join(types + [f'{n}_{end}' for n in names for end in ('types.h', 'codec.c')]))
        print(';'.join(['runtime_call.h', 'runtime_call.c', 'runtime_metadata.c']
                       + [f'{n}_{end}' for n in names for end in ('pallet.h', 'pallet.c')]))
        return
    os.makedirs(os.path.join(sys.argv[2], 'docs'), exist_ok=True)
    files = generate(rt)
    for stale in set(os.listdir(sys.argv[2])) - set(files) - {'docs'}:
        os.remove(os.path.join(sys.argv[2], stale))
    for name, lines in files.items():
        path, text = os.path.join(sys.argv[2], name), ''.join(line + '\n' for line in lines)
        if not os.path.exists(path) or open(path).read() != text:
            with open(path, 'w') as f:
                f.write(text)
    for line in rt.said:
        print('palletgen:', line)


if __name__ == '__main__':
    main()
