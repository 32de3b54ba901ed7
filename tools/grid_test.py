#!/usr/bin/env python3
"""grid_test.py - run the grid as a new user would, twice, and look for what it leaves behind.

Uses ports and a state directory of its own, so that a grid that somebody runs is not disturbed.
Ends with `N passed, N failed`.
"""
import argparse, json, os, shutil, signal, subprocess, sys, tempfile, time, urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import grid

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


def is_served(url):
    try:
        with urllib.request.urlopen(url, timeout=2) as page: return page.status == 200
    except OSError: return False


def servers():
    """The web servers of workloads: process and start time, so that one that was started again is seen.  What a server
    forks for a connection is not one."""
    found = {}
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            if 'httpd' not in open(f'/proc/{pid}/cmdline').read(): continue
            fields = open(f'/proc/{pid}/stat').read().rsplit(')', 1)[1].split()
            found[pid] = (fields[1], fields[19])
        except OSError: pass
    return {(pid, started) for pid, (parent, started) in found.items() if parent not in found}


def faults(state):
    """The agent is killed, the user runs out of money and pays again; the same container serves throughout."""
    g = grid.Grid(argparse.Namespace(state_dir=state, rpc_port=9944, relay_port=8980, metrics_port=9615, web_port=8090, index_port=8970, json=False, fresh=False))
    g.say = lambda text: None
    try:
        g.prepare(); g.start_chain(); g.start_relay(); g.make_parties(); g.start_agent(); g.deploy(); g.fetch()
        before = servers()
        check('one web server runs', len(before) == 1, str(before))
        name, agent = next(c for c in g.children if c[0] == 'zos-agent')
        agent.send_signal(signal.SIGKILL); agent.wait(); g.children.remove((name, agent))
        check('the workload serves while the agent is dead', is_served(g.url))
        g.start('zos-agent', '--config', g.path('agent.json'))
        time.sleep(5)
        check('the killed agent finds its workload again and starts nothing', servers() == before, f'{before} {servers()}')
        check('the workload serves after the agent is back', is_served(g.url))

        bank = g.trellis('key', 'inspect', key='bank')['address']
        user = g.trellis('key', 'inspect', key='user')['address']
        g.trellis('call', 'Balances.transfer_all', json.dumps({'dest': bank, 'keep_alive': True}), key='user')
        g.wait('the workload to be suspended in grace', lambda: not is_served(g.url), 60)
        check('the contract is in grace', 'GracePeriod' in json.dumps(g.trellis('contract', 'show', str(g.contract_id))['state']))
        check('the suspended workload is kept', servers() == before)
        g.trellis('transfer', user, '100', key='bank')
        g.wait('the workload to be back', lambda: is_served(g.url), 60)
        check('the same container serves after it was paid', servers() == before)
        g.cancel()
        check('nothing serves after cancelling', servers() == set(), str(servers()))
    except grid.Failed as error: check('the grid survives faults', False, str(error))
    finally:
        check('everything stops cleanly', g.stop())


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
        faults(state)
    finally:
        subprocess.run([os.path.join(ROOT, 'build/bin/zos-agent'), 'purge', '--state-dir', os.path.join(state, 'agent')],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shutil.rmtree(state, ignore_errors=True)
    after = traces()
    for kind, was in before.items():
        left = [x for x in after[kind] if x not in was]
        check(f'no {kind} left', not left, str(left))
    print(f'{passed} passed, {failed} failed')
    return failed != 0


if __name__ == '__main__': sys.exit(main())
