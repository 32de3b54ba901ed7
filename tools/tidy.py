#!/usr/bin/env python3
"""tidy.py - the house style as a test.

    tools/tidy.py [FILE ...]       without files: everything that git tracks

Each rule is a function that yields (line, message) for one file.  Prints FILE:LINE: MESSAGE and ends
with `N passed, N failed`, one for each file.  Only Python's standard library.
"""
import functools, os, re, subprocess, sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PURE = ('lib/base/', 'lib/rt/', 'lib/state/', 'pallets/', 'runtime/')
MOST_LINES = 800
MOST_FUNCTION_LINES = 60
BANNED = {  # what, and what to do instead
    r'\bstrcpy\(': 'copy with a length', r'\bstrcat\(': 'write with a length', r'\bsprintf\(': 'use snprintf',
    r'\batoi\(': 'parse with an error', r'\batol\(': 'parse with an error', r'\brand\(': 'take random bytes from io',
    r'\bgets\(': 'read with a length', r'\bstrtok\(': 'scan with a length',
}
BANNED_PRODUCT = {r'\bsystem\(': 'spawn with an argument list'}  # tests and benches may
BANNED_PURE = {
    r'\bmalloc\(': 'take from the arena', r'\bcalloc\(': 'take from the arena', r'\bfree\(': 'the arena is dropped whole',
    r'\bprintf\(': 'pure code does not print', r'\b(float|double)\b': 'no floating point in consensus code',
    r'#include <(stdio|stdlib|time|unistd|math)\.h>': 'pure code has no operating system',
}
# kv_memory.c is the one file of lib/state that is not built for wasm: a store for tests and genesis.
IMPURE_FILES = {'lib/state/kv_memory.c'}
FOREIGN_FILES = {'pair1_poly.c'}  # of nng
REGISTRIES = re.compile(r'registry\.npm' + r'js|deb\.deb' + r'ian\.org|registry\.yarn' + r'pkg', re.I)


def strip_comments(text):
    """Code without comments and strings, its lines kept."""
    blank = lambda m: re.sub(r'[^\n]', ' ', m.group())
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def rule_header_comment(path, text, code):
    name = os.path.basename(path)
    if path.startswith('tests/') and text.startswith('/*'): return
    first = text.split('\n', 1)[0]
    if not first.startswith('/* '): yield 1, f'the first line is not a comment that says what {name} holds'
    elif path.endswith('.h') and not first.startswith(f'/* {name} - '): yield 1, f'the first line does not start with "/* {name} - "'


def rule_length(path, text, code):
    lines = text.count('\n')
    if lines > MOST_LINES: yield lines, f'{lines} lines; at most {MOST_LINES}'


def rule_functions(path, text, code):
    """A function starts at a line `{` in the first column and ends at a line `}`."""
    start = None
    for number, line in enumerate(code.split('\n'), 1):
        if line.startswith('{'): start = number
        elif line.startswith('}') and start:
            if number - start - 1 > MOST_FUNCTION_LINES: yield start, f'a function of {number - start - 1} lines; at most {MOST_FUNCTION_LINES}'
            start = None


def rule_banned(path, text, code):
    rules = dict(BANNED)
    if not path.startswith(('tests/', 'bench/')): rules.update(BANNED_PRODUCT)
    if path.startswith(PURE) and path not in IMPURE_FILES: rules.update(BANNED_PURE)
    for number, line in enumerate(code.split('\n'), 1):
        for pattern, instead in rules.items():
            found = re.search(pattern, line)
            if found: yield number, f'{found.group().strip("(")}: {instead}'


def rule_unfinished(path, text, code):
    for number, line in enumerate(text.split('\n'), 1):
        if re.search(r'\b(TODO|FIXME|XXX)\b', line): yield number, 'unfinished work is said in docs, not left in code'


@functools.lru_cache(maxsize=None)
def tracked(*more):
    listed = subprocess.run(['git', 'ls-files', *more], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.split('\n')
    return [f for f in listed if f and os.path.exists(os.path.join(ROOT, f))]


@functools.lru_cache(maxsize=None)
def known():
    """What may be named: words of the code, names of files, and paths of files and folders."""
    files = tracked('-co', '--exclude-standard')
    words, paths = set(), set(files)
    for path in files:
        if path.endswith(('.c', '.h', '.pallet')): words |= set(re.findall(r'\w+', re.sub(r'/\*.*?\*/', '', open(os.path.join(ROOT, path)).read(), flags=re.S)))
        while os.path.dirname(path):
            path = os.path.dirname(path)
            paths.add(path)
    return words, {os.path.basename(f) for f in files}, paths


def rule_comments_name_what_is_there(path, text, code):
    """A comment that starts with a function's name, or speaks of a file.  A name that ends in _ is a family's."""
    words, names, _ = known()
    for comment in re.finditer(r'/\*.*?\*/', text, re.S):
        line = text.count('\n', 0, comment.start()) + 1
        first = re.match(r'/\* ([a-z]\w*_\w*[a-z0-9])\b(?!\.)', comment.group())
        if first and first.group(1) not in words: yield line, f'a comment on {first.group(1)}, which is not there'
        for name in re.findall(r'(?<![\w/.*-])\w+\.[ch]\b', comment.group()):
            if name not in names | FOREIGN_FILES: yield line, f'a comment names {name}, which is not there'


C_RULES = [rule_header_comment, rule_length, rule_functions, rule_banned, rule_unfinished, rule_comments_name_what_is_there]


def rule_documents_name_what_is_there(path, text):
    """Paths between backticks that begin with a folder of the tree; a test's or a program's without its ending."""
    _, _, paths = known()
    for number, line in enumerate(text.split('\n'), 1):
        for named in re.findall(r'`([^`]+)`', line):
            for at in re.findall(r'(?<![\w./-])[\w-]+(?:/[\w.-]+)+', named):
                at = at.rstrip('.')
                if at.split('/')[0] in paths and not {at, at + '.c', at + '.h'} & paths: yield number, f'{at} is not there'


def rule_paths(path, text):
    for number, line in enumerate(text.split('\n'), 1):
        if ROOT + '/' in line: yield number, 'a path of one machine'
        if REGISTRIES.search(line): yield number, 'a registry named by its host'


def orphans(files):
    """C files that no CMakeLists.txt on the way up to the root names: by name, by stem, or without the prefix that
    a loop adds (test_, fuzz_).  Rules in pallets/ are found by their folder."""
    lists = {os.path.dirname(p): open(os.path.join(ROOT, p)).read() for p in files if os.path.basename(p) == 'CMakeLists.txt'}
    for path in files:
        if not path.endswith('.c') or re.match(r'pallets/\w+/|tests/support/', path): continue
        stem = os.path.basename(path)[:-2]
        names = {stem, re.sub(r'^(test|fuzz|bench)_', '', stem)}
        folder, found = os.path.dirname(path), False
        while not found:
            found = any(re.search(rf'\b{re.escape(n)}\b', lists.get(folder, '')) for n in names)
            if folder == '': break
            folder = os.path.dirname(folder)
        if not found: yield path


def main():
    files = sys.argv[1:] or tracked()
    passed = failed = 0
    lost = set(orphans(files)) if not sys.argv[1:] else set()
    for path in files:
        try: text = open(os.path.join(ROOT, path), encoding='utf-8').read()
        except UnicodeDecodeError: continue
        found = list(rule_paths(path, text))
        if path.endswith(('.c', '.h')):
            code = strip_comments(text)
            for rule in C_RULES: found += rule(path, text, code)
        if path.endswith('.md'): found += rule_documents_name_what_is_there(path, text)
        if path in lost: found.append((1, 'no CMakeLists.txt names this file'))
        for line, message in found: print(f'{path}:{line}: {message}')
        passed, failed = passed + (not found), failed + bool(found)
    print(f'{passed} passed, {failed} failed')
    sys.exit(failed != 0)


if __name__ == '__main__': main()
