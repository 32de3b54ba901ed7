#!/usr/bin/env python3
"""grid_test.py - run the grid as a new user would, twice, and look for what it leaves behind.

Uses ports and a state directory of its own, so that a grid that somebody runs is not disturbed.
Ends with `N passed, N failed`.
"""
import json, os, shutil, subprocess, sys, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
passed = failed = 0


def check(what, holds, detail=''):
    global passed, failed
    if holds: passed += 1
    else:
        failed += 1
        print(f'FAILED {what} {detail}', flush=True)


def listing(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.stdout.splitlines()


def traces():
    """What a workload may leave on a machine: each kind of object as a sorted list."""
    cgroups = [os.path.join(folder, name) for folder, names, _ in os.walk('/sys/fs/cgroup') for name in names]
    return {
        'network namespaces': sorted(listing('ip', 'netns', 'list')),
        'links': sorted(line.split(':')[1].strip() for line in listing('ip', '-o', 'link')),
        'mounts': sorted(line.split(' ')[1] for line in open('/proc/mounts')),
        'firewall rules': listing('nft', 'list', 'ruleset'),
        'loop devices': sorted(listing('losetup', '-a')),
        'cgroups': sorted(cgroups),
    }


def once(state):
    started = time.monotonic()
    done = subprocess.run(['./run', '--once', '--json', '--state-dir', state], cwd=ROOT,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=280)
    took = time.monotonic() - started
    check('./run --once --json ends with 0', done.returncode == 0, done.stderr[-3000:])
    try: return json.loads(done.stdout.strip().splitlines()[-1]), took
    except (IndexError, ValueError): return {}, took


def main():
    before = traces()
    state = tempfile.mkdtemp(prefix='trellis-grid-')
    try:
        for _ in range(2):
            result, took = once(state)
            workload = result.get('workload', {})
            check('the page answers 200', workload.get('http_status') == 200, str(result))
            check('the page names its contract', workload.get('body_has_contract_id') is True)
            check('a bill is above zero', any(b['amount'] > 0 for b in result.get('billed', [])))
            check('the contract was cancelled', result.get('cancelled') is True)
            print(f'one run took {took:.1f} s', flush=True)
    finally:
        subprocess.run([os.path.join(ROOT, 'build/bin/zos-agent'), 'purge', '--state-dir', os.path.join(state, 'agent')],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shutil.rmtree(state, ignore_errors=True)
    after = traces()
    for kind, was in before.items():
        check(f'no {kind} left', after[kind] == was, f'new: {[x for x in after[kind] if x not in was]}')
    print(f'{passed} passed, {failed} failed')
    return failed != 0


if __name__ == '__main__': sys.exit(main())
