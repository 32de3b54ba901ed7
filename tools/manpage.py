#!/usr/bin/env python3
"""manpage - a page of the manual from what a program says of itself.

    python3 tools/manpage.py PROGRAM OUT.1

PROGRAM --help begins with `name - summary`; options are lines of two spaces and a dash, with their text two
spaces behind or on the lines below; lines that begin at the margin and end without a stop are headings.
"""
import os
import re
import subprocess
import sys

OPTION = re.compile(r'^  (-\S.*?)(?:   *(\S.*))?$')


def roff(text):
    text = text.replace('\\', '\\e').replace('-', '\\-')
    return '\\&' + text if text[:1] in ('.', "'") else text


def is_heading(lines, i):
    line = lines[i]
    return bool(line) and not line.startswith(' ') and not line.endswith(('.', ',')) and i + 1 < len(lines) and lines[i + 1].startswith('  -')


def page(name, text):
    lines = text.rstrip().split('\n')
    title, _, summary = lines[0].partition(' - ')
    if title != name:
        sys.exit(f'{name} --help begins with {lines[0]!r}')
    out = [f'.\\" made by tools/manpage.py', f'.TH {name.upper()} 1 "" "Trellis" "Trellis manual"', '.SH NAME',
           f'{roff(name)} \\- {roff(summary)}', '.SH DESCRIPTION']
    literal = False
    for i, line in enumerate(lines[1:], 1):
        option = OPTION.match(line)
        if literal and (option or not line.startswith('  ')):
            out.append('.fi'); literal = False
        if is_heading(lines, i):
            out += [f'.SH "{roff(line.rstrip(":").upper())}"']
        elif option:
            out += ['.TP', f'\\fB{roff(option.group(1))}\\fR']
            if option.group(2):
                out.append(roff(option.group(2)))
        elif line.startswith(' ' * 10) and not literal:
            out.append(roff(line.strip()))
        elif line.startswith('  '):
            if not literal:
                out += ['.PP', '.nf']; literal = True
            out.append(roff(line))
        elif line:
            out += ['.PP', roff(line)]
    if literal:
        out.append('.fi')
    return out + ['.SH SEE ALSO', '\\fBtrellis\\fR(1), \\fBtrellis\\-node\\fR(1), \\fBrmb\\-relay\\fR(1), \\fBzos\\-agent\\fR(1)', '']


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    said = subprocess.run([sys.argv[1], '--help'], capture_output=True, text=True, check=True).stdout
    os.makedirs(os.path.dirname(os.path.abspath(sys.argv[2])), exist_ok=True)
    open(sys.argv[2], 'w').write('\n'.join(page(os.path.basename(sys.argv[1]), said)))


main()
