#!/usr/bin/env python3
"""grid.py - a grid of one machine: what ./run starts after the build.

Chain, relay, indexer and agent run as child processes, each with a log under the state directory.  All that a user
does is done with the `trellis` command, as a user would.  Only Python's standard library.
"""
import argparse, hashlib, json, os, shutil, signal, subprocess, sys, time, urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIN = os.path.join(ROOT, 'build', 'bin')
RELAY_DOMAIN = 'grid.local'         # as the chain has it: a bare domain; --relay-at says where it is
PROGRAMS = ('trellis-node', 'rmb-relay', 'zos-agent', 'trellis-indexer', 'trellis')


class Failed(Exception):
    """Something that the user is told in a sentence."""


class Grid:
    def __init__(self, options):
        self.o = options
        self.dir = os.path.abspath(options.state_dir)
        self.rpc = f'ws://127.0.0.1:{options.rpc_port}'
        self.relay_url = f'ws://127.0.0.1:{options.relay_port}'
        self.relay_bus = f'tcp://127.0.0.1:{options.relay_port + 1}'
        self.index = f'http://127.0.0.1:{options.index_port}'
        self.children = []          # (name, process), in the order started

    # ------------------------------------------------------------------ processes

    def path(self, *parts): return os.path.join(self.dir, *parts)

    def say(self, text):
        print(text, file=sys.stderr if self.o.json else sys.stdout, flush=True)

    def start(self, name, *arguments):
        log = open(self.path('log', name + '.log'), 'ab')
        process = subprocess.Popen([os.path.join(BIN, name), *arguments], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                   start_new_session=True)
        self.children.append((name, process))

    def stop(self):
        """Stop what was started, the last first; each gets SIGTERM and time to end by itself."""
        clean = True
        for name, process in reversed(self.children):
            if process.poll() is None: process.send_signal(signal.SIGTERM)
            try: status = process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill(); process.wait(); status = -9
            if status != 0:
                clean = False
                self.say(f'{name} ended with status {status}; its log: {self.path("log", name + ".log")}')
        self.children = []
        return clean

    def check_children(self):
        for name, process in self.children:
            if process.poll() is not None:
                tail = open(self.path('log', name + '.log'), errors='replace').read().splitlines()[-12:]
                raise Failed(f'{name} ended with status {process.returncode}:\n  ' + '\n  '.join(tail))

    def wait(self, what, check, seconds=60):
        """Ask `check` until it gives something true; the last error when it never does."""
        end, last = time.monotonic() + seconds, ''
        while time.monotonic() < end:
            self.check_children()
            try:
                found = check()
                if found: return found
            except Failed as error: last = str(error)
            time.sleep(0.2)
        raise Failed(f'waited {seconds} s for {what} in vain' + (f': {last}' if last else ''))

    # ----------------------------------------------------------------- the command

    def trellis(self, *arguments, key=None):
        """Run `trellis … --json` and give what it says."""
        command = [os.path.join(BIN, 'trellis'), *arguments, '--json', '--url', self.rpc]
        if key: command += ['--key-file', self.key_file(key)]
        try: done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL, timeout=120)
        except subprocess.TimeoutExpired as late: raise Failed(f'trellis {" ".join(arguments)}: no end after {late.timeout:.0f} s')
        if done.returncode != 0: raise Failed(f'trellis {" ".join(arguments)}: {(done.stderr or done.stdout).strip()}')
        return json.loads(done.stdout) if done.stdout.strip() else {}

    def key_file(self, name): return self.path('keys', name)

    def make_key(self, name, suri=None):
        """A key file: a development account's URI, or a new secret of its own."""
        path = self.key_file(name)
        if os.path.exists(path): return
        if suri is None: suri = '0x' + os.urandom(32).hex()
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), 'w') as f: f.write(suri + '\n')

    # ---------------------------------------------------------------------- stages

    def prepare(self):
        for program in PROGRAMS:
            if not os.path.exists(os.path.join(BIN, program)): raise Failed(f'build/bin/{program} is missing: run ./run --build')
        stamp = hashlib.sha256(open(os.path.join(BIN, 'trellis-node'), 'rb').read()).hexdigest()
        known = self.path('built-by')
        if os.path.exists(known) and open(known).read() != stamp or self.o.fresh:
            self.say('the node was built anew: starting a new chain' if not self.o.fresh else 'starting a new chain')
            self.wipe()
        for folder in ('log', 'keys', 'chain', 'relay', 'agent'): os.makedirs(self.path(folder), exist_ok=True)
        with open(known, 'w') as f: f.write(stamp)

    def wipe(self):
        if not os.path.isdir(self.dir): return
        self.purge()
        try: shutil.rmtree(self.dir)
        except OSError as error: raise Failed(f'the old state cannot be removed: {error}; is another grid running on it?')

    def purge(self):
        """Remove every workload of this grid from the machine, whatever the chain says."""
        if os.path.isdir(self.path('agent')):
            subprocess.run([os.path.join(BIN, 'zos-agent'), 'purge', '--state-dir', self.path('agent')], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)

    def start_chain(self):
        self.start('trellis-node', '--dev', '--base-path', self.path('chain'), '--sealing', '1000', '--rpc-port', str(self.o.rpc_port),
                   '--prometheus-port', str(self.o.metrics_port), '--name', 'grid')
        self.wait('the first block', lambda: self.health())

    def health(self):
        body = json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': 'chain_getHeader', 'params': []}).encode()
        request = urllib.request.Request(f'http://127.0.0.1:{self.o.rpc_port}', body, {'Content-Type': 'application/json'})
        try: answer = json.load(urllib.request.urlopen(request, timeout=2))
        except (OSError, ValueError) as error: raise Failed(str(error))
        return int(answer['result']['number'], 16) > 0

    def start_relay(self):
        self.start('rmb-relay', '--substrate', self.rpc, '--domain', RELAY_DOMAIN, '--listen', f'127.0.0.1:{self.o.relay_port}',
                   '--nng-listen', self.relay_bus, '--store', self.path('relay'))

    def make_parties(self):
        """The farmer with a farm, and the user: development accounts, each with a twin."""
        self.make_key('farmer', '//Bob')
        self.make_key('user', '//Dave')
        self.make_key('bank', '//Alice')
        self.make_key('node')
        for name in ('farmer', 'user'):
            if not self.find(lambda: self.trellis('twin', 'show', key=name)):
                self.trellis('twin', 'create', '--relay', RELAY_DOMAIN, key=name)
        self.twin_id = self.trellis('twin', 'show', key='user')['id']
        farms = self.trellis('farm', 'list')
        mine = [farm for farm in farms if farm['name'] == 'trellis-farm']
        self.farm_id = mine[0]['id'] if mine else self.trellis('farm', 'create', 'trellis-farm', key='farmer')['farm_id']
        node = self.trellis('key', 'inspect', key='node')['address']
        if int(self.trellis('balance', node)['free']) < 10_000_000:
            self.trellis('transfer', node, '1000', key='bank')

    def start_indexer(self):
        """What clients of the grid ask beside the chain; it asks nodes over the bus, as the farmer's twin."""
        self.start('trellis-indexer', '--substrate', self.rpc, '--db', self.path('index.db'), '--listen', f'127.0.0.1:{self.o.index_port}',
                   '--kyc', 'verified', '--relay', self.relay_bus, '--key-file', self.key_file('farmer'))

    @staticmethod
    def find(ask):
        try: return ask()
        except Failed: return None

    def start_agent(self):
        config = {
            'state_dir': self.path('agent'), 'substrate': [self.rpc], 'key_file': self.key_file('node'), 'farm_id': self.farm_id,
            'relay': {'domain': RELAY_DOMAIN}, 'relay_at': {RELAY_DOMAIN: self.relay_bus},
            'capacity': {'cru': 4, 'mru': 8 << 30, 'sru': 200 << 30, 'hru': 0},
            'location': {'city': 'Ghent', 'country': 'Belgium', 'latitude': '51.05', 'longitude': '3.71'},
            'prometheus_port': self.o.metrics_port + 1,
        }
        with open(self.path('agent.json'), 'w') as f: json.dump(config, f, indent=2)
        done = subprocess.run([os.path.join(BIN, 'zos-agent'), 'image', 'demo', '--state-dir', self.path('agent')], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)
        if done.returncode != 0: raise Failed('zos-agent image demo: ' + done.stdout.strip())
        self.start('zos-agent', '--config', self.path('agent.json'))
        node = self.wait('the agent to register its node',
                         lambda: next((n for n in self.trellis('node', 'list') if n['farm_id'] == self.farm_id), None), 90)
        self.node_id = node['id']

    def deploy(self):
        self.say('deploying examples/web.json')
        answer = self.trellis('deploy', os.path.join(ROOT, 'examples', 'web.json'), '--node', str(self.node_id),
                              '--relay-at', f'{RELAY_DOMAIN}={self.relay_url}', key='user')
        self.contract_id = answer['contract_id']
        self.url = f'http://127.0.0.1:{self.o.web_port}/'

    def fetch(self):
        def ask():
            try:
                with urllib.request.urlopen(self.url, timeout=3) as page: return page.status, page.read().decode(errors='replace')
            except OSError as error: raise Failed(str(error))
        status, body = self.wait('the page of the workload', ask, 30)
        return {'url': self.url, 'http_status': status, 'body_has_contract_id': str(self.contract_id) in body}

    def first_bill(self):
        def billed():
            bills = self.trellis('contract', 'bills', str(self.contract_id))
            return [b for b in bills if int(b['amount']) > 0]
        return [{'block': b['block'], 'amount': int(b['amount'])} for b in self.wait('the first bill', billed, 90)]

    def cancel(self):
        self.say(f'cancelling contract {self.contract_id}')
        self.trellis('contract', 'cancel', str(self.contract_id), key='user')

        def is_gone():
            try: urllib.request.urlopen(self.url, timeout=2)
            except OSError: return True
            return False
        self.wait('the workload to be gone', is_gone, 60)
        self.wait('the agent to have removed everything', self.is_clean, 60)

    def is_clean(self):
        done = subprocess.run([os.path.join(BIN, 'zos-agent'), 'status', '--state-dir', self.path('agent'), '--json'], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
        if done.returncode != 0: raise Failed('zos-agent status: ' + (done.stderr or done.stdout).strip())
        return not json.loads(done.stdout)['workloads']

    # ---------------------------------------------------------------------- output

    def table(self, workload, bills):
        rows = [('chain', self.rpc), ('relay', f'{RELAY_DOMAIN} at {self.relay_url}'), ('index', f'{self.index}/nodes  (GraphQL: {self.index}/graphql)'), ('metrics', f'http://127.0.0.1:{self.o.metrics_port}/metrics'),
                ('user twin', self.twin_id), ('farm', self.farm_id), ('node', self.node_id), ('contract', self.contract_id),
                ('workload', f'{workload["url"]}  (HTTP {workload["http_status"]})'),
                ('billed', ', '.join(f'{b["amount"] / 1e7:.7f} TFT in block {b["block"]}' for b in bills)), ('logs', self.path('log'))]
        self.say('')
        for name, value in rows: self.say(f'  {name:10} {value}')
        self.say('')
        self.say('  try next   curl ' + workload['url'])
        self.say(f'             build/bin/trellis contract show {self.contract_id} --url {self.rpc}')
        self.say(f'             build/bin/trellis contract watch {self.contract_id} --url {self.rpc}')
        self.say('')


def parse():
    p = argparse.ArgumentParser(prog='./run', description='A grid of one machine: chain, relay, indexer and agent, with a web server deployed and billed.')
    p.add_argument('--once', action='store_true', help='deploy, bill, cancel, clean up and exit')
    p.add_argument('--json', action='store_true', help='with --once: one JSON object on the last line')
    p.add_argument('--build', action='store_true', help='only install what is missing, and build')
    p.add_argument('--fresh', action='store_true', help='forget the state of earlier runs')
    p.add_argument('--state-dir', default=os.path.join(ROOT, '.run'), help='where chain, relay, indexer and agent keep their state (default: .run)')
    p.add_argument('--rpc-port', type=int, default=9944)
    p.add_argument('--relay-port', type=int, default=8980, help='WebSocket edge; the bus is on the next port')
    p.add_argument('--index-port', type=int, default=8970, help='gridproxy paths and GraphQL')
    p.add_argument('--metrics-port', type=int, default=9615, help="the node's Prometheus port; the agent's is the next")
    p.add_argument('--web-port', type=int, default=8090, help='where examples/web.json publishes its page')
    return p.parse_args()


def main():
    options = parse()
    grid = Grid(options)
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    result, status = {}, 1
    try:
        grid.prepare()
        grid.say('starting the chain, the relay, the indexer and the agent')
        grid.start_chain()
        grid.start_relay()
        grid.make_parties()
        grid.start_indexer()
        grid.start_agent()
        grid.deploy()
        workload = grid.fetch()
        grid.say('waiting for the first bill')
        bills = grid.first_bill()
        result = {'rpc': grid.rpc, 'relay': grid.relay_url, 'index': grid.index, 'twin_id': grid.twin_id, 'farm_id': grid.farm_id, 'node_id': grid.node_id,
                  'contract_id': grid.contract_id, 'workload': workload, 'billed': bills, 'cancelled': False}
        grid.table(workload, bills)
        if not options.once:
            grid.say('  Ctrl-C cancels the contract and stops everything')
            try:
                while True:
                    time.sleep(1); grid.check_children()
            except KeyboardInterrupt: grid.say('')
        grid.cancel()
        result['cancelled'] = True
        status = 0
    except KeyboardInterrupt: grid.say('stopping')
    except Failed as error: print(f'run: {error}', file=sys.stderr)
    finally:
        if not grid.stop(): status = status or 1
        if status != 0: grid.purge()
    if options.json: print(json.dumps(result))
    return status


if __name__ == '__main__': sys.exit(main())
