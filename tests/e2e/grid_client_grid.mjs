// grid_client_grid.mjs - the grid that @threefold/grid_client finds: our chain, relay, indexer and agent, each test's on
// addresses and with names of its own.
//
// Needs root: containers, network namespaces, and port 443, as a twin's relay and the KYC service have no port.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { bin, endAll, freePort, scratch, start, startNode, waitFor } from './programs.mjs'

const ALICE = '0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a' // the mini-secret of sr25519 //Alice
export const ROUTER = '185.206.122.1'
export const FLIST = 'https://images.local/web.flist' // an entry of the node's table of images
export const PUBLIC = '185.206.122.33' // of the farmer's; outside is a namespace on the other end of the node's link
export const DOMAIN = 'gw.local'
export const GIB = 1024 ** 3

function certificates (dir, relay, kyc) {
  const openssl = (...args) => execFileSync('openssl', args, { cwd: dir, stdio: 'ignore' })
  const key = name => ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', name]
  writeFileSync(join(dir, 'names'), `subjectAltName=IP:${relay},IP:${kyc},DNS:kyc.dev.grid.tf`)
  openssl('req', '-x509', ...key('ca.key'), '-out', 'ca.pem', '-days', '2', '-subj', '/CN=test')
  openssl('req', ...key('tls.key'), '-out', 'tls.csr', '-subj', '/CN=grid')
  openssl('x509', '-req', '-in', 'tls.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'names', '-out', 'tls.pem')
  return { ca: join(dir, 'ca.pem'), cert: join(dir, 'tls.pem'), key: join(dir, 'tls.key') }
}

export class Grid {
  dir = scratch()
  programs = []

  // `last` is the last number of two loopback addresses, `prefix` the node's, `config` more of its configuration.
  constructor ({ last, prefix, config = {}, hasStreet = false }) {
    Object.assign(this, { prefix, more: config, wantsStreet: hasStreet, relay: '127.0.0.' + last, kyc: '127.0.0.' + (last + 1) })
    this.out = 'out-' + prefix
    this.link = prefix + 'pub'
  }

  start (name, args) {
    const program = start(name, args, this.dir)
    this.programs.push(program)
    return program
  }

  trellis (key, ...args) {
    const out = execFileSync(join(bin, 'trellis'), [...args, '--url', this.node.url, '--key-file', this.key(key), '--json'], { encoding: 'utf8' })
    return out.trim() ? JSON.parse(out) : {}
  }

  key (name) { return join(this.dir, name + '.key') }

  async up () {
    const tls = this.tls = certificates(this.dir, this.relay, this.kyc)
    for (const [name, secret] of [['user', '//Alice'], ['farmer', '//Bob'], ['indexer', '//Eve'], ['node', '0x' + '17'.repeat(32)]]) {
      writeFileSync(this.key(name), secret + '\n', { mode: 0o600 })
    }
    this.node = await startNode(this.dir, ['--sealing', '500'])
    this.programs.push(this.node)
    this.bus = await freePort()
    this.start('rmb-relay', ['--substrate', this.node.url, '--domain', this.relay, '--listen', this.relay + ':443', '--nng-listen', `tcp://127.0.0.1:${this.bus}`,
      '--store', join(this.dir, 'relay'), '--tls-cert', tls.cert, '--tls-key', tls.key])
    for (const name of ['user', 'farmer', 'indexer']) this.trellis(name, 'twin', 'create', '--relay', this.relay)
    this.trellis('farmer', 'farm', 'create', 'clientfarm')
    if (this.wantsStreet) this.street()
    this.trellis('user', 'transfer', this.trellis('node', 'key', 'inspect').address, '1000')
    await this.agentUp()
    this.http = await freePort()
    this.indexer = this.start('trellis-indexer', ['--substrate', this.node.url, '--db', join(this.dir, 'index.db'), '--listen', `127.0.0.1:${this.http}`,
      '--kyc', 'verified', '--kyc-listen', this.kyc + ':443', '--kyc-cert', tls.cert, '--kyc-key', tls.key,
      '--relay', `tcp://127.0.0.1:${this.bus}`, '--key-file', this.key('indexer')])
    this.features = await waitFor('the indexer to have asked the node', async () => {
      const [node] = await this.get('/nodes?node_id=1')
      return node?.features.length > 0 && node.features
    }, 60000)
  }

  // The wire with the farmer's public addresses, and who is outside.
  street () {
    const ip = (...args) => execFileSync('ip', args)
    this.trellis('farmer', 'farm', 'add-ip', '1', `${PUBLIC}/24,${ROUTER}`)
    for (const args of [['link', 'delete', this.link], ['netns', 'delete', this.out]]) { // of a run that was killed
      try { execFileSync('ip', args, { stdio: 'ignore' }) } catch {}
    }
    this.hasStreet = true
    ip('netns', 'add', this.out)
    ip('link', 'add', this.link, 'type', 'veth', 'peer', 'name', 'street', 'netns', this.out)
    ip('link', 'set', this.link, 'up')
    ip('-n', this.out, 'addr', 'add', ROUTER + '/24', 'dev', 'street')
    ip('-n', this.out, 'link', 'set', 'street', 'up')
  }

  // What somebody outside is served at the public address.
  outside () {
    try { return execFileSync('ip', ['netns', 'exec', this.out, 'curl', '-s', '-m', '2', `http://${PUBLIC}/`], { encoding: 'utf8' }) } catch {}
  }

  async agentUp () {
    const state = join(this.dir, 'agent')
    mkdirSync(state)
    this.config = join(this.dir, 'agent.json')
    this.web = await freePort()
    writeFileSync(this.config, JSON.stringify({
      state_dir: state, substrate: [this.node.url], key_file: this.key('node'), farm_id: 1, prefix: this.prefix,
      relay: { domain: this.relay }, relay_at: { [this.relay]: `tcp://127.0.0.1:${this.bus}` },
      capacity: { cru: 4, mru: 8 * GIB, sru: 200 * GIB, hru: 0 },
      location: { city: 'Ghent', country: 'Belgium', latitude: '51.05', longitude: '3.71' }, prometheus_port: await freePort(),
      gateway: { domain: DOMAIN, address: '127.0.0.1', http_port: this.web, https_port: await freePort() },
      ...(this.wantsStreet ? { public: { link: this.link } } : {}), ...this.more
    }))
    execFileSync(join(bin, 'zos-agent'), ['image', 'demo', FLIST, '--state-dir', state], { stdio: 'ignore' })
    this.agent = this.start('zos-agent', ['--config', this.config])
  }

  async get (path) {
    const answer = await fetch(`http://127.0.0.1:${this.http}${path}`)
    assert.equal(answer.status, 200, `${path}: ${await answer.clone().text()}`)
    return answer.json()
  }

  workloads () {
    return JSON.parse(execFileSync(join(bin, 'zos-agent'), ['status', '--json', '--config', this.config], { encoding: 'utf8' })).workloads
  }

  // A client in a process of its own, as Node reads NODE_EXTRA_CA_CERTS at its start.
  async client () {
    const here = dirname(fileURLToPath(import.meta.url))
    const http = `http://127.0.0.1:${this.http}`
    const options = {
      mnemonic: ALICE, keypairType: 'sr25519', substrateURL: this.node.url, proxyURL: http, graphqlURL: http + '/graphql',
      relayURL: 'wss://' + this.relay, activationURL: http + '/activation/activate'
    }
    const child = spawn(process.execPath, [join(here, 'grid_client_user.mjs'), JSON.stringify(options)], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { ...process.env, NODE_EXTRA_CA_CERTS: this.tls.ca, KYC_ADDRESS: this.kyc, HOME: this.dir }
    })
    this.programs.push({ child })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const say = async (what, name) => {
      child.stdin.write(JSON.stringify(what) + '\n')
      const { value, done } = await lines.next()
      assert.ok(!done, `the client ended in ${name}`)
      const answer = JSON.parse(value)
      if (answer.error) throw new Error(`${name}: ${answer.error}`)
      return answer.result
    }
    const call = (name, ...args) => say({ call: name, args }, name)
    const all = calls => say({ all: calls }, calls[0][0]) // [NAME, ...ARGS] each, at once: [{ result } or { error }]
    await call('connect')
    return { call, all, stop: () => { child.stdin.end(); child.kill() } }
  }

  // What a machine serves, asked from within its network on the node.
  page (ip) {
    for (const namespace of execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' }).split('\n').map(line => line.split(' ')[0])) {
      if (!namespace.startsWith(this.prefix)) continue
      try { return execFileSync('ip', ['netns', 'exec', namespace, 'curl', '-s', '-m', '2', `http://${ip}/`], { encoding: 'utf8' }) } catch {}
    }
  }

  // What the gateway's name serves on HTTP.
  named (host) {
    return new Promise((resolve, reject) => http.get({ host: '127.0.0.1', port: this.web, path: '/', headers: { host }, timeout: 3000, agent: false }, answer => {
      let body = ''
      answer.on('data', chunk => { body += chunk })
      answer.on('end', () => resolve({ status: answer.statusCode, body }))
    }).on('error', reject).on('timeout', function () { this.destroy(new Error('timeout')) }))
  }

  logs () { return this.programs.filter(p => p.tail).map(p => `--- ${p.log}:\n${p.tail()}`).join('\n') }

  async down () {
    await endAll(this.programs.map(program => program.child))
    if (this.config) execFileSync(join(bin, 'zos-agent'), ['purge', '--config', this.config], { stdio: 'ignore' })
    if (this.hasStreet) execFileSync('ip', ['netns', 'delete', this.out])
    rmSync(this.dir, { recursive: true, force: true })
  }
}
