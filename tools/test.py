#!/usr/bin/env python3
"""test.py - run the stages of ./test and add up what they passed.

    tools/test.py [STAGE ...]

A stage is a list of commands; the tests of a command are what it prints as `N passed, N failed`
(the last such line), or one test when it prints none.  As many run at a time as there are cores, at most
TRELLIS_TEST_JOBS (default 4); what is printed keeps their order.  Two that use the same thing of the machine do not run
at once: a test program says so by ctest's RESOURCE_LOCK (or RUN_SERIAL: it runs alone), a test of tests/e2e by a line
`// uses: THING ...` (`// uses: machine`: it runs alone).  Only Python's standard library.
"""
import json, os, re, subprocess, sys, tempfile, threading, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
JOBS = str(os.cpu_count() or 2)
AT_ONCE = min(os.cpu_count() or 2, int(os.environ.get('TRELLIS_TEST_JOBS', '4')))
SUMMARY = re.compile(r'^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$', re.M)
USES = re.compile(r'^// uses: (.+)$', re.M)
NODE_RUNNER = re.compile(r'^# (pass|fail|skipped) (\d+)$', re.M)


class Tally:
    def __init__(self): self.passed = self.failed = self.skipped = 0; self.broken = []

    def add(self, name, passed, failed, skipped=0):
        self.passed += passed; self.failed += failed; self.skipped += skipped
        if failed: self.broken.append(name)


def run(command, timeout, cwd=ROOT, env=None):
    """Run a command; (exit status, everything it printed)."""
    try:
        done = subprocess.run(command, cwd=cwd, env={**os.environ, **(env or {})}, timeout=timeout, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace')
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        out = late.stdout or b''
        return 124, (out.decode(errors='replace') if isinstance(out, bytes) else out) + f'\ntook more than {timeout} s\n'


def counts(output):
    """What a program said that it passed, failed, skipped; None when it said nothing."""
    ours = SUMMARY.findall(output)
    if ours: return int(ours[-1][0]), int(ours[-1][1]), int(ours[-1][2] or 0)
    theirs = dict((kind, int(n)) for kind, n in NODE_RUNNER.findall(output))
    return (theirs.get('pass', 0), theirs.get('fail', 0), theirs.get('skipped', 0)) if theirs else None


class Job:
    """One command of a stage; `uses` names what of the machine it needs for itself, "machine" all of it."""
    def __init__(self, name, command, timeout=600, cwd=ROOT, env=None, uses=()):
        self.name, self.command, self.timeout, self.cwd, self.env, self.uses = name, command, timeout, cwd, env, set(uses)
        self.result = None

    def fits(self, running):
        if not running: return True
        return not any('machine' in other.uses or self.uses & other.uses for other in running) and 'machine' not in self.uses

    def run(self):
        started = time.monotonic()
        status, output = run(self.command, self.timeout, self.cwd, self.env)
        passed, failed, skipped = counts(output) or (int(status == 0), int(status != 0), 0)
        if status != 0 and failed == 0: failed = 1
        self.result = passed, failed, skipped, output, time.monotonic() - started

    def tell(self, tally):
        passed, failed, skipped, output, seconds = self.result
        tally.add(self.name, passed, failed, skipped)
        print(f'{"ok  " if failed == 0 else "FAIL"} {self.name:32} {passed:5} passed {failed:3} failed {seconds:7.1f} s', flush=True)
        for line in output.splitlines():
            if 'skipped:' in line: print('     ' + line.strip())
        if failed: print('\n'.join('     | ' + line for line in output.splitlines()[-60:]), flush=True)
        return failed == 0


def test_all(tally, jobs, at_once=AT_ONCE):
    """Run jobs side by side, the first that fits next; tell of each when all before it were told of."""
    waiting, running, told = list(jobs), [], 0
    changed = threading.Condition()

    def work(job):
        try: job.run()
        except Exception as error: job.result = 0, 1, 0, f'the test could not be run: {error!r}', 0.0
        with changed:
            running.remove(job)
            changed.notify()

    with changed:
        while told < len(jobs):
            for job in list(waiting):
                if len(running) >= at_once: break
                if not job.fits(running): continue
                waiting.remove(job)
                running.append(job)
                threading.Thread(target=work, args=(job,), daemon=True).start()
            while told < len(jobs) and jobs[told].result:
                jobs[told].tell(tally)
                told += 1
            if told < len(jobs): changed.wait()


def test(tally, name, command, timeout=600, cwd=ROOT, env=None):
    test_all(tally, [Job(name, command, timeout, cwd, env)])


def build(tally, preset):
    for step in (['cmake', '--preset', preset], ['cmake', '--build', '--preset', preset, '-j', JOBS]):
        status, output = run(step, 3000)
        if status: tally.add(f'build {preset}', 0, 1); print(output[-6000:]); return False
    print(f'ok   built {preset}', flush=True)
    return True


def stage_unit(tally):
    """Every test program and corpus of the sanitized build, each as its own process."""
    if not build(tally, 'asan'): return
    status, listing = run(['ctest', '--show-only=json-v1'], 60, cwd=os.path.join(ROOT, 'build-asan'))
    jobs = []
    for entry in json.loads(listing)['tests']:
        marks = {mark['name']: mark['value'] for mark in entry.get('properties', [])}
        uses = ['machine'] if marks.get('RUN_SERIAL') else marks.get('RESOURCE_LOCK', [])
        jobs.append(Job(entry['name'], entry['command'], timeout=900, uses=uses))
    test_all(tally, jobs)


def stage_style(tally):
    """The house style, and every public header compiled alone."""
    status, output = run(['cmake', '--build', '--preset', 'asan', '--target', 'all_verify_interface_header_sets'], 900) if build(tally, 'asan') else (0, '')
    tally.add('headers', int(status == 0), int(status != 0))
    if status: print(output[-3000:])
    test(tally, 'tidy.py', [sys.executable, 'tools/tidy.py'])
    status, files = run(['git', 'ls-files', '*.c', '*.h'], 60)
    test(tally, 'clang-format', ['clang-format', '--dry-run', '--Werror', *files.split()])


def stage_wasm(tally):
    if build(tally, 'wasm'): tally.add('wasm', 1, 0)


def stage_fuzz(tally):
    """Every decoder under libFuzzer for a few seconds, from its corpus; the build is clang's."""
    if not build(tally, 'fuzz'): return
    targets = os.path.join(ROOT, 'build-fuzz/tests/fuzz')
    jobs = []
    found = tempfile.TemporaryDirectory()
    for name in sorted(os.listdir(targets)):
        path = os.path.join(targets, name)
        if not name.startswith('fuzz_') or not os.path.isfile(path): continue
        corpus = os.path.join(ROOT, 'tests/fuzz/corpus', name.removeprefix('fuzz_'))
        own = os.path.join(found.name, name)
        os.mkdir(own)
        jobs.append(Job('libfuzzer/' + name, [path, '-max_total_time=3', '-verbosity=0', '-print_final_stats=0', own, corpus],
                        env={'ASAN_OPTIONS': 'detect_leaks=0'}))
    with found: test_all(tally, jobs)


def stage_e2e(tally):
    """Unmodified clients from npm against our own programs."""
    folder = os.path.join(ROOT, 'tests/e2e')
    if not os.path.exists(os.path.join(folder, 'package.json')): return
    if not build(tally, 'release'): return
    # The random chain of twin.test.mjs is no part of what is installed.
    status, output = run(['cmake', '--build', '--preset', 'release', '--target', 'random_chain'], 900)
    if status: tally.add('build random_chain', 0, 1); print(output[-3000:]); return
    # Not `npm ci`: newer versions refuse a lock file that leaves out optional packages of other platforms.
    status, output = run(['npm', 'install', '--no-save', '--no-audit', '--no-fund'], 900, cwd=folder)
    if status: tally.add('npm install', 0, 1); print(output[-3000:]); return
    jobs = []
    for name in sorted(n for n in os.listdir(folder) if n.endswith('.test.mjs')):
        with open(os.path.join(folder, name), encoding='utf-8') as file: uses = USES.search(file.read())
        jobs.append(Job('e2e/' + name, ['node', '--test', '--test-reporter=tap', name], cwd=folder, uses=uses.group(1).split() if uses else ()))
    test_all(tally, jobs)


def stage_grid(tally):
    """What a new user does: the whole grid, twice, and nothing left behind."""
    test(tally, 'run --once', [sys.executable, 'tools/grid_test.py'], timeout=600)


STAGES = {'unit': stage_unit, 'style': stage_style, 'wasm': stage_wasm, 'fuzz': stage_fuzz, 'e2e': stage_e2e, 'grid': stage_grid}


def main():
    names = sys.argv[1:] or list(STAGES)
    for name in names:
        if name not in STAGES: sys.exit(f'no stage {name!r}; there are: {" ".join(STAGES)}')
    tally = Tally()
    for name in names:
        print(f'-- {name}', flush=True)
        STAGES[name](tally)
    if tally.broken: print('failed: ' + ', '.join(tally.broken))
    print(f'{tally.passed} passed, {tally.failed} failed' + (f', {tally.skipped} skipped' if tally.skipped else ''))
    sys.exit(tally.failed != 0 or tally.passed == 0)


if __name__ == '__main__': main()
