// zos_commands.test.mjs - a node answers the commands of zos over the real bus: to everybody what is for everybody, to
// the farmer of its farm on the chain what is his; what two twins sign by the classes of grid_client runs and is updated; an image
// has many names.
//
// Needs root, as the agent does. No port is fixed.
// uses: containers
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import { bin, endAll, freePort, scratch, start, startNode, waitFor } from './programs.mjs'

const { Deployment, SignatureRequest, SignatureRequirement, Workload, Zmount } = createRequire(import.meta.url)('@threefold/grid_client')
const GIB = 1024 ** 3
const RELAY = 'bus.test'

async function grid (dir, programs) {
  const key = name => join(dir, name + '.key')
  for (const [name, secret] of [['user', '//Alice'], ['farmer', '//Bob'], ['node', '0x' + '18'.repeat(32)]]) writeFileSync(key(name), secret + '\n', { mode: 0o600 })
  const node = await startNode(dir, ['--sealing', '500'])
  programs.push(node)
  const bus = `tcp://127.0.0.1:${await freePort()}`
  programs.push(start('rmb-relay', ['--substrate', node.url, '--domain', RELAY, '--listen', `127.0.0.1:${await freePort()}`, '--nng-listen', bus, '--store', join(dir, 'relay')], dir))
  const trellis = (who, ...args) => JSON.parse(execFileSync(join(bin, 'trellis'), [...args, '--url', node.url, '--key-file', key(who), '--json'], { encoding: 'utf8' }) || '{}')
  for (const name of ['user', 'farmer']) trellis(name, 'twin', 'create', '--relay', RELAY)
  trellis('farmer', 'farm', 'create', 'commandfarm')
  trellis('user', 'transfer', trellis('node', 'key', 'inspect').address, '1000')
  const state = join(dir, 'agent'), config = join(dir, 'agent.json')
  mkdirSync(state)
  writeFileSync(config, JSON.stringify({
    state_dir: state, prefix: 'zcm', substrate: [node.url], key_file: key('node'), farm_id: 1, relay: { domain: RELAY }, relay_at: { [RELAY]: bus },
    capacity: { cru: 4, mru: 8 * GIB, sru: 200 * GIB, hru: 0 }, overcommit: { sru: 0.5 }, trash_hours: 1, location: { city: 'Ghent', country: 'Belgium', latitude: '51.05', longitude: '3.71' }
  }))
  const agentImage = (...args) => execFileSync(join(bin, 'zos-agent'), ['image', ...args, '--state-dir', state], { encoding: 'utf8' })
  agentImage('demo', 'web')
  programs.push(start('zos-agent', ['--config', config], dir))
  const ask = (who, command, payload) => {
    const said = spawnSync(join(bin, 'trellis'), ['rmb', 'send', '3', command, ...(payload === undefined ? [] : [JSON.stringify(payload)]), '--relay-url', bus,
      '--url', node.url, '--key-file', key(who), '--json', '--expire', '10'], { encoding: 'utf8' })
    if (said.status !== 0) throw new Error(said.stderr + said.stdout)
    return JSON.parse(said.stdout)
  }
  const zosctl = (...args) => JSON.parse(execFileSync(join(bin, 'zosctl'), ['--socket', '/run/zcm/ctl.sock', '--json', ...args], { encoding: 'utf8' }))
  return { ask, zosctl, agentImage, config, trellis }
}

// A deployment of disks, { NAME: [GIB, VERSION] }, that user and farmer must sign: weights 1 and 2.
function disks (version, sizes, weight = 3) {
  const made = (Class, values) => Object.assign(new Class(), values)
  const workloads = Object.entries(sizes).map(([name, [size, version]]) => made(Workload, { version, name, type: 'zmount', data: made(Zmount, { size: size * GIB }), metadata: '', description: '' }))
  const requests = [[1, true, 1], [2, false, 2]].map(([id, required, weight]) => made(SignatureRequest, { twin_id: id, required, weight }))
  const requirement = made(SignatureRequirement, { requests, weight_required: weight, signatures: [] })
  return made(Deployment, { version, twin_id: 1, contract_id: 1, expiration: 0, metadata: '', description: 'of two', workloads, signature_requirement: requirement })
}

// The text of a deployment, signed by those who are named, in the order of their names.
async function signed (deployment, contractId, ...who) {
  deployment.contract_id = contractId
  for (const name of who) await deployment.sign(name === 'user' ? 1 : 2, name === 'user' ? '//Alice' : '//Bob', 'sr25519')
  return JSON.parse(JSON.stringify(deployment))
}

async function twoSign (g, answered, refused) {
  const first = disks(0, { data: [1, 0] })
  const contract = Number(g.trellis('user', 'contract', 'create', '1', first.challenge_hash(), '--data', '{"type":"vm"}').contract_id)
  const wrong = async (text, deployment, who, command = 'zos.deployment.deploy', from = 'user') => refused(from, command, await signed(deployment, contract, ...who), text)
  await wrong(/missing required signature for twin '1'/, disks(0, { data: [1, 0] }), ['farmer'])
  await wrong(/failed to verify signature/, disks(0, { data: [1, 0] }), ['user'])
  await wrong(/required signature weight is not reached/, disks(0, { data: [1, 0] }, 4), ['user', 'farmer'])
  await wrong(/twin id mismatch \(deployment: 1, message: 2\)/, disks(0, { data: [1, 0] }), ['user', 'farmer'], undefined, 'farmer')
  await wrong(/version (to be )?0/, disks(1, { data: [1, 1] }), ['user', 'farmer'])
  await wrong(/hash/, disks(0, { data: [2, 0] }), ['user', 'farmer']) // another one than the contract's
  assert.equal(answered('user', 'zos.deployment.deploy', await signed(first, contract, 'farmer', 'user')), null)
  const states = version => waitFor(`version ${version}`, () => {
    const d = answered('user', 'zos.deployment.get', { contract_id: contract })
    return d.version === version && d.workloads.every(w => w.result.state === 'ok') && d.workloads.map(w => [w.name, w.version, w.data.size / GIB])
  }, 30000)
  assert.deepEqual(await states(0), [['data', 0, 1]])

  const second = disks(1, { data: [2, 1], more: [1, 1] })
  g.trellis('user', 'contract', 'update', String(contract), second.challenge_hash())
  await wrong(/failed to verify signature/, disks(1, { data: [2, 1], more: [1, 1] }), ['user'], 'zos.deployment.update')
  await wrong(/expecting deployment version 1, got 2/, disks(2, { data: [2, 2] }), ['user', 'farmer'], 'zos.deployment.update')
  assert.equal(answered('user', 'zos.deployment.update', await signed(second, contract, 'user', 'farmer')), null)
  assert.deepEqual(await states(1), [['data', 1, 2], ['more', 1, 1]])

  assert.deepEqual(answered('user', 'zos.deployment.list').map(d => d.contract_id), [contract])
  assert.deepEqual(answered('farmer', 'zos.deployment.list'), [])
  refused('farmer', 'zos.deployment.get', { contract_id: contract }, /deployment not found/)
  refused('user', 'zos.deployment.delete', { contract_id: contract }, /deletion over the api is disabled, please cancel your contract instead/)
  const changes = answered('user', 'zos.deployment.changes', { contract_id: contract })
  const came = changes.filter(w => w.result.state === 'ok').map(w => [w.name, w.version, w.data.size / GIB].join())
  assert.deepEqual([came[0], ...came.slice(1).sort()], ['data,0,1', 'data,1,2', 'more,1,1'])
  assert.equal(answered('user', 'zos.statistics.get').users.workloads, 2)
  g.trellis('user', 'contract', 'cancel', String(contract))
  await waitFor('the disks to be gone', () => answered('user', 'zos.deployment.list').length === 0, 30000)
}

test('a node answers the commands of zos, and its operator', { timeout: 180000 }, async t => {
  if (process.getuid() !== 0) return t.skip('skipped: not root')
  const dir = scratch(), programs = []
  let config
  try {
    const g = await grid(dir, programs)
    config = g.config
    const answered = (who, command, payload) => { const said = g.ask(who, command, payload); return said && typeof said === 'object' && 'payload' in said ? said.payload : said }
    const refused = (who, command, payload, text) => assert.throws(() => g.ask(who, command, payload), text)
    const version = await waitFor('the node to answer', () => { try { return answered('user', 'zos.system.version') } catch {} }, 60000)
    assert.match(version.zos, /^3\./)
    const statistics = answered('user', 'zos.statistics.get')
    assert.equal(statistics.total.sru, 100 * GIB) // half of what there is may be given away
    assert.equal(answered('user', 'zos.storage.pools')[0].size, 100 * GIB)
    assert.ok(answered('user', 'zos.system.node_features_get').includes('zmachine'))
    assert.equal(typeof answered('user', 'zos.system.hypervisor'), 'string')
    refused('user', 'zos.admin.interfaces', undefined, /unauthorized/)
    refused('user', 'zos.debug.deployment.list', undefined, /unauthorized/)
    refused('user', 'zos.system.reboot', undefined, /function is not found/)
    const interfaces = await waitFor('the farmer to be known', () => { try { return answered('farmer', 'zos.network.admin.interfaces') } catch {} }, 30000)
    assert.ok(Object.values(interfaces).every(i => Array.isArray(i.ips)))
    assert.deepEqual(answered('farmer', 'zos.debug.deployment.list'), { deployments: [] })
    const health = await waitFor('a look at its health', () => { try { return answered('user', 'zos.perf.get', { Name: 'healthcheck' }) } catch {} }, 60000)
    assert.deepEqual(health.result, { cache: [], network: [] })
    assert.equal(answered('user', 'zos.system.diagnostics').healthy, true)
    refused('user', 'zos.perf.get', { name: 'iperf' }, /result not found/)

    await twoSign(g, answered, refused)

    const { on_chain: onChain } = g.zosctl('status')
    assert.deepEqual([onChain.farm, onChain.certification, onChain.power], ['commandfarm', 'Diy', 'up'])
    g.agentImage('map', 'https://hub.grid.tf/*/web-*.flist', 'web') // beside the agent that runs
    assert.deepEqual(g.zosctl('images').rules.map(r => [r.image, r.is_there]), [['web', true]])
    assert.match(g.agentImage('verify'), /web\s+sound/)
    assert.equal(g.zosctl('trash').trash.length, 2) // the disks that were left
    assert.equal(g.zosctl('capacity').overcommit.sru, '0.50')
  } catch (error) {
    console.log(programs.map(p => p.tail?.()).join('\n'))
    throw error
  } finally {
    await endAll(programs.map(program => program.child))
    if (config) execFileSync(join(bin, 'zos-agent'), ['purge', '--config', config], { stdio: 'ignore' })
    rmSync(dir, { recursive: true, force: true })
  }
})
