"""What palletgen makes equals what is kept in the repository, so that a reviewer sees a change of the
chain as a readable difference.

    python3 test_golden.py GEN_DIR            compare
    python3 test_golden.py GEN_DIR --update   keep what was made (after a change that was meant)"""
import difflib
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, '..', '..')
DOCS = os.path.join(ROOT, 'docs', 'pallets')
METADATA = os.path.join(HERE, 'metadata.txt')


def read(path):
    return open(path).read() if os.path.exists(path) else ''


def made_files(gen):
    """{kept file: what was made}"""
    text = subprocess.run([sys.executable, os.path.join(ROOT, 'tools', 'metadata_text.py'), os.path.join(gen, 'metadata.hex')],
                          check=True, capture_output=True, text=True).stdout
    made = {METADATA: text}
    for name in sorted(os.listdir(os.path.join(gen, 'docs'))):
        made[os.path.join(DOCS, name)] = read(os.path.join(gen, 'docs', name))
    return made


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    made, passed, failed = made_files(sys.argv[1]), 0, 0
    kept = [METADATA] + [os.path.join(DOCS, name) for name in sorted(os.listdir(DOCS) if os.path.isdir(DOCS) else [])]
    if '--update' in sys.argv:
        os.makedirs(DOCS, exist_ok=True)
        for path in set(kept) - set(made):
            os.remove(path)
        for path, text in made.items():
            open(path, 'w').write(text)
        return
    for path in sorted(set(kept) | set(made)):
        old, new = read(path), made.get(path, '')
        if old == new:
            passed += 1
            continue
        failed += 1
        name = os.path.relpath(path, ROOT)
        for line in list(difflib.unified_diff(old.splitlines(), new.splitlines(), name + ' (kept)', name + ' (made)', lineterm='', n=0))[:12]:
            print(line[:200])
    said = read(os.path.join(sys.argv[1], 'said.txt'))      # a rule or a marker is missing
    print(said, end='')
    passed, failed = passed + (not said), failed + bool(said)
    if failed:
        print('if this was meant: python3 tests/golden/test_golden.py BUILD/gen --update')
    print(f'{passed} passed, {failed} failed')
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
