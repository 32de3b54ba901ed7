// grid_client.test.mjs - unmodified @threefold/grid_client deploys on our chain, relay, indexer and agent: a machine with
// a network and a disk, gateways to it, a second machine, a larger disk, a machine with a public address; and
// cancels all.
//
// Needs root: containers, network namespaces, and port 443, as a twin's relay and the KYC service have no port.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { bin, freePort, scratch, start, startNode, waitFor } from './programs.mjs'

const RELAY = '127.0.0.4'
const KYC = '127.0.0.5'
const ALICE = '0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a' // the mini-secret of sr25519 //Alice
const FLIST = 'https://images.local/web.flist' // an entry of the node's table of images
const PREFIX = 'gce'
const GIB = 1024 ** 3
const DOMAIN = 'gw.local'
const FQDN = 'shop.example.net'
const PUBLIC = '185.206.122.33' // of the farmer's; outside is a namespace on the other end of the node's link
const ROUTER = '185.206.122.1'
const OUTSIDE = 'out-gce'
const LINK = PREFIX + 'pub'

function certificates (dir) {
  const openssl = (...args) => execFileSync('openssl', args, { cwd: dir, stdio: 'ignore' })
  const key = name => ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', name]
  writeFileSync(join(dir, 'names'), `subjectAltName=IP:${RELAY},IP:${KYC},DNS:kyc.dev.grid.tf`)
  openssl('req', '-x509', ...key('ca.key'), '-out', 'ca.pem', '-days', '2', '-subj', '/CN=test')
  openssl('req', ...key('tls.key'), '-out', 'tls.csr', '-subj', '/CN=grid')
  openssl('x509', '-req', '-in', 'tls.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'names', '-out', 'tls.pem')
  return { ca: join(dir, 'ca.pem'), cert: join(dir, 'tls.pem'), key: join(dir, 'tls.key') }
}

class Grid {
  dir = scratch()
  programs = []

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
    const tls = this.tls = certificates(this.dir)
    for (const [name, secret] of [['user', '//Alice'], ['farmer', '//Bob'], ['indexer', '//Eve'], ['node', '0x' + '17'.repeat(32)]]) {
      writeFileSync(this.key(name), secret + '\n', { mode: 0o600 })
    }
    this.node = await startNode(this.dir, ['--sealing', '500'])
    this.programs.push(this.node)
    this.bus = await freePort()
    this.start('rmb-relay', ['--substrate', this.node.url, '--domain', RELAY, '--listen', RELAY + ':443', '--nng-listen', `tcp://127.0.0.1:${this.bus}`,
      '--store', join(this.dir, 'relay'), '--tls-cert', tls.cert, '--tls-key', tls.key])
    for (const name of ['user', 'farmer', 'indexer']) this.trellis(name, 'twin', 'create', '--relay', RELAY)
    this.trellis('farmer', 'farm', 'create', 'clientfarm')
    this.trellis('farmer', 'farm', 'add-ip', '1', `${PUBLIC}/24,${ROUTER}`)
    this.street()
    this.trellis('user', 'transfer', this.trellis('node', 'key', 'inspect').address, '1000')
    await this.agentUp()
    this.http = await freePort()
    this.indexer = this.start('trellis-indexer', ['--substrate', this.node.url, '--db', join(this.dir, 'index.db'), '--listen', `127.0.0.1:${this.http}`,
      '--kyc', 'verified', '--kyc-listen', KYC + ':443', '--kyc-cert', tls.cert, '--kyc-key', tls.key,
      '--relay', `tcp://127.0.0.1:${this.bus}`, '--key-file', this.key('indexer')])
    this.features = await waitFor('the indexer to have asked the node', async () => {
      const [node] = await this.get('/nodes?node_id=1')
      return node?.features.length > 0 && node.features
    }, 60000)
  }

  // The wire with the farmer's public addresses, and who is outside.
  street () {
    const ip = (...args) => execFileSync('ip', args)
    this.hasStreet = true
    ip('netns', 'add', OUTSIDE)
    ip('link', 'add', LINK, 'type', 'veth', 'peer', 'name', 'street', 'netns', OUTSIDE)
    ip('link', 'set', LINK, 'up')
    ip('-n', OUTSIDE, 'addr', 'add', ROUTER + '/24', 'dev', 'street')
    ip('-n', OUTSIDE, 'link', 'set', 'street', 'up')
  }

  // What somebody outside is served at the public address.
  outside () {
    try { return execFileSync('ip', ['netns', 'exec', OUTSIDE, 'curl', '-s', '-m', '2', `http://${PUBLIC}/`], { encoding: 'utf8' }) } catch {}
  }

  async agentUp () {
    const state = join(this.dir, 'agent')
    mkdirSync(state)
    this.config = join(this.dir, 'agent.json')
    this.web = await freePort()
    writeFileSync(this.config, JSON.stringify({
      state_dir: state, substrate: [this.node.url], key_file: this.key('node'), farm_id: 1, prefix: PREFIX,
      relay: { domain: RELAY }, relay_at: { [RELAY]: `tcp://127.0.0.1:${this.bus}` },
      capacity: { cru: 4, mru: 8 * GIB, sru: 200 * GIB, hru: 0 },
      location: { city: 'Ghent', country: 'Belgium', latitude: '51.05', longitude: '3.71' }, prometheus_port: await freePort(),
      public: { link: LINK }, gateway: { domain: DOMAIN, address: '127.0.0.1', http_port: this.web, https_port: await freePort() }
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
      relayURL: 'wss://' + RELAY, activationURL: http + '/activation/activate'
    }
    const child = spawn(process.execPath, [join(here, 'grid_client_user.mjs'), JSON.stringify(options)], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { ...process.env, NODE_EXTRA_CA_CERTS: this.tls.ca, KYC_ADDRESS: KYC, HOME: this.dir }
    })
    this.programs.push({ child })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const call = async (name, ...args) => {
      child.stdin.write(JSON.stringify({ call: name, args }) + '\n')
      const { value, done } = await lines.next()
      assert.ok(!done, `the client ended in ${name}`)
      const answer = JSON.parse(value)
      if (answer.error) throw new Error(`${name}: ${answer.error}`)
      return answer.result
    }
    await call('connect')
    return { call, stop: () => { child.stdin.end(); child.kill() } }
  }

  // What a machine serves, asked from within its network on the node.
  page (ip) {
    for (const namespace of execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' }).split('\n').map(line => line.split(' ')[0])) {
      if (!namespace.startsWith(PREFIX)) continue
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
    for (const { child } of this.programs.reverse()) {
      child.kill('SIGTERM')
      await Promise.race([new Promise(resolve => child.exitCode !== null || child.signalCode ? resolve() : child.once('exit', resolve)), new Promise(resolve => setTimeout(resolve, 8000).unref())])
      child.kill('SIGKILL')
    }
    if (this.config) execFileSync(join(bin, 'zos-agent'), ['purge', '--config', this.config], { stdio: 'ignore' })
    if (this.hasStreet) execFileSync('ip', ['netns', 'delete', OUTSIDE])
    rmSync(this.dir, { recursive: true, force: true })
  }
}

const machine = (name, disk, isPublic = false) => ({
  name, node_id: 1, disks: disk ? [{ name: 'disk1', size: disk, mountpoint: '/data' }] : [], public_ip: isPublic, public_ip6: false, planetary: false,
  mycelium: false, cpu: 1, memory: 512, rootfs_size: 1, flist: FLIST, entrypoint: '', env: { SSH_KEY: 'none' }
})
const network = { name: 'net1', ip_range: '10.20.0.0/16', addAccess: false }

test('grid_client deploys, reads, leads a name to it, adds, grows and cancels', { timeout: 300000 }, async t => {
  if (process.getuid() !== 0) return t.skip('skipped: not root')
  const grid = new Grid()
  try {
    await grid.up()
    let client = await grid.client()

    const deployed = await client.call('machines.deploy', { name: 'vmdep', network, machines: [machine('vm1', 1)], metadata: '', description: '' })
    const [{ contractId }] = deployed.contracts.created
    const listed = await grid.get(`/contracts?twin_id=1&state=created`)
    assert.deepEqual(listed.map(c => c.details.nodeId), [1, 1])
    const page = await waitFor('the machine to answer on its address', () => grid.page('10.20.2.2'), 20000)
    const vm1Page = new RegExp(`contract <b>${contractId}</b> on vm1`)
    assert.match(page, vm1Page)
    client.stop()

    client = await grid.client() // a fresh process sees only what the indexer lists
    assert.deepEqual(await client.call('machines.list'), ['vmdep'])
    let [vm1] = await client.call('machines.getObj', 'vmdep')
    assert.equal(vm1.status, 'ok')
    assert.deepEqual(vm1.interfaces, [{ network: 'net1', ip: '10.20.2.2' }])
    assert.deepEqual(vm1.mounts.map(m => [m.name, m.mountPoint, m.size]), [['disk1', '/data', GIB]])

    await client.call('gateway.deploy_name', { name: 'shop', node_id: 1, tls_passthrough: false, backends: ['http://10.20.2.2:80'], network: 'net1', metadata: '', description: '' })
    const shop = await waitFor('the gateway to lead to the machine', async () => { const answer = await grid.named('shop.' + DOMAIN); return answer.status === 200 && answer }, 20000)
    assert.match(shop.body, vm1Page)
    await client.call('gateway.deploy_fqdn', { name: 'site', node_id: 1, fqdn: FQDN, tls_passthrough: false, backends: ['http://10.20.2.2:80'], network: 'net1', metadata: '', description: '' })
    const site = await waitFor('its own name to lead to the machine', async () => { const answer = await grid.named(FQDN); return answer.status === 200 && answer }, 20000)
    assert.match(site.body, vm1Page)
    assert.deepEqual((await client.call('contracts.listMyContracts')).nameContracts.map(c => c.name), ['shop'])

    await client.call('machines.add_machine', { deployment_name: 'vmdep', ...machine('vm2') })
    assert.match(await waitFor('the second machine to answer', () => grid.page('10.20.2.3'), 20000), /on vm2/)
    await client.call('machines.update', { name: 'vmdep', network, machines: [machine('vm1', 2), machine('vm2')], metadata: '', description: '' })
    const machines = await client.call('machines.getObj', 'vmdep')
    assert.deepEqual(machines.map(m => [m.name, m.status]), [['vm1', 'ok'], ['vm2', 'ok']])
    vm1 = machines[0]
    assert.deepEqual(vm1.interfaces, [{ network: 'net1', ip: '10.20.2.2' }])
    assert.equal(vm1.mounts[0].size, 2 * GIB)
    assert.match(grid.page('10.20.2.2'), /on vm1/)
    assert.equal((await grid.named('shop.' + DOMAIN)).status, 200)

    await client.call('machines.deploy', { name: 'pubdep', network, machines: [machine('vm3', 0, true)], metadata: '', description: '' })
    const [vm3] = await client.call('machines.getObj', 'pubdep')
    assert.deepEqual(vm3.publicIP, { ip: PUBLIC + '/24', ip6: '', gateway: ROUTER })
    assert.match(await waitFor('the machine to answer on its public address', () => grid.outside(), 20000), /on vm3/)
    if (process.env.TRELLIS_LONG) {
      await client.call('machines.delete_machine', { deployment_name: 'vmdep', name: 'vm2' })
      assert.deepEqual((await client.call('machines.getObj', 'vmdep')).map(m => m.name), ['vm1'])
    }

    assert.equal((await client.call('machines.delete', { name: 'pubdep' })).deleted.length, 1)
    await waitFor('the public address to be silent', () => grid.outside() === undefined, 20000)
    assert.equal((await client.call('gateway.delete_fqdn', { name: 'site' })).deleted.length, 1)
    const gateway = await client.call('gateway.delete_name', { name: 'shop' })
    assert.equal(gateway.deleted.length, 2, 'its node contract and its name contract')
    await waitFor('the name to lead nowhere', async () => (await grid.named('shop.' + DOMAIN)).status !== 200, 20000)
    const { deleted } = await client.call('machines.delete', { name: 'vmdep' })
    assert.equal(deleted.length, 2)
    await waitFor('the node to have removed everything', () => grid.workloads().length === 0, 60000)
    assert.equal(grid.page('10.20.2.2'), undefined)
    assert.deepEqual(await waitFor('the indexer to know', async () => {
      const left = await grid.get('/contracts?twin_id=1&state=created,graceperiod')
      return left.length === 0 && left
    }), [])
    assert.deepEqual(await client.call('contracts.listMyContracts'), { nameContracts: [], nodeContracts: [], rentContracts: [] })
    client.stop()
  } catch (error) {
    error.message += '\n' + grid.logs()
    throw error
  } finally { await grid.down() }
})
