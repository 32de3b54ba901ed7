#!/usr/bin/env python3
"""callnames - who may send a call, what it may answer, what a pallet is about: C tables for the command line.

    python3 tools/callnames.py RUNTIME OUT.c

The origins and lines stand in the .pallet files.  What a call may answer is read off its rule: each error
that the function names, or a function that it calls, in the pallets' C.
"""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'palletgen'))

from model import upper               # noqa: E402
from reader import read_runtime       # noqa: E402
from table import text                # noqa: E402

ORIGINS = {'signed': 'any account', 'root': 'the chain itself: root, by a vote of the farmers (dao)', 'none': 'block authors alone, in each block',
           'restricted': 'the council (3 of 5 must agree: --propose) or root', 'any': 'any account, the council or root',
           'signed_or_root': 'any account or root', 'signed_or_restricted': 'any account, the council or root'}


def functions(folder):
    """{name: body} of every function in the C files under a folder."""
    found = {}
    for where, _, files in sorted(os.walk(folder)):
        for file in sorted(f for f in files if f.endswith('.c')):
            source = open(os.path.join(where, file)).read()
            for m in re.finditer(r'^[a-z][\w \*]*?\n?(\w+)\([^;{]*?\)\n\{\n(.*?)^\}', source, re.M | re.S):
                found[m.group(1)] = m.group(2)
    return found


def reached(name, bodies, seen):
    """The text of a function and of all that it calls.  Calls within calls (utility, council) answer for themselves."""
    if name in seen or name not in bodies or name in ('nested_run', 'call_run'):
        return ''
    seen.add(name)
    body = bodies[name]
    return body + ''.join(reached(word, bodies, seen) for word in dict.fromkeys(re.findall(r'\b([a-z]\w+)\(', body)))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    rt = read_runtime(sys.argv[1])
    bodies = functions(os.path.join(os.path.dirname(os.path.abspath(sys.argv[1])), '..', 'pallets'))
    errors = {f'{p.name.upper()}_{upper(e.name)}': (p.title, e.name) for p in rt.pallets for e in p.errors}
    out = ['/* Made by tools/callnames.py; do not edit. */', '#include "runtime_names.h"', '#include <stddef.h>', '',
           'const call_error_t runtime_call_errors[] = {']
    for p in rt.pallets:
        for c in p.calls:
            words = dict.fromkeys(re.findall(r'\b[A-Z][A-Z0-9_]+\b', reached(f'{p.name}_{c.name}', bodies, set())))
            out += [f'    {{{text(errors[w][0])}, {text(errors[w][1])}, {p.index}, {c.index}}},' for w in words if w in errors]
    out += ['    {0},', '};', '', 'const call_origin_t runtime_call_origins[] = {']
    out += [f'    {{{text(ORIGINS[c.origin])}, {p.index}, {c.index}}},' for p in rt.pallets for c in p.calls]
    out += ['    {0},', '};', '', 'const pallet_about_t runtime_pallets_about[] = {']
    out += [f'    {{{text(" ".join(p.docs))}, {p.index}}},' for p in rt.pallets]
    out += ['    {0},', '};', '']
    made = '\n'.join(out)
    if not os.path.exists(sys.argv[2]) or open(sys.argv[2]).read() != made:
        open(sys.argv[2], 'w').write(made)


main()
