// zos_commands.test.mjs - a node answers the commands of zos over the real bus: to everybody what is for everybody, to
// the farmer of its farm on the chain what is his; a disk that a contract leaves is kept, and an image has many names.
//
// Needs root, as the agent does. No port is fixed.
// uses: containers
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { bin, endAll, freePort, scratch, start, startNode, waitFor } from './programs.mjs'

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
  return { ask, zosctl, agentImage, config }
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

    const { on_chain: onChain } = g.zosctl('status')
    assert.deepEqual([onChain.farm, onChain.certification, onChain.power], ['commandfarm', 'Diy', 'up'])
    g.agentImage('map', 'https://hub.grid.tf/*/web-*.flist', 'web') // beside the agent that runs
    assert.deepEqual(g.zosctl('images').rules.map(r => [r.image, r.is_there]), [['web', true]])
    assert.match(g.agentImage('verify'), /web\s+sound/)
    assert.deepEqual(g.zosctl('trash').trash, [])
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
