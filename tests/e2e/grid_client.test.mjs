// grid_client.test.mjs - unmodified @threefold/grid_client deploys on our chain, relay, indexer and agent: a machine with
// a network and a disk, gateways to it, a second machine, a larger disk, a machine with a public address; and
// cancels all.
//
// Needs root: containers, network namespaces, and port 443, as a twin's relay and the KYC service have no port.
// uses: port443 containers
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DOMAIN, FLIST, GIB, Grid, PUBLIC, ROUTER } from './grid_client_grid.mjs'
import { waitFor } from './programs.mjs'

const FQDN = 'shop.example.net'

const machine = (name, disk, isPublic = false) => ({
  name, node_id: 1, disks: disk ? [{ name: 'disk1', size: disk, mountpoint: '/data' }] : [], public_ip: isPublic, public_ip6: false, planetary: false,
  mycelium: false, cpu: 1, memory: 512, rootfs_size: 1, flist: FLIST, entrypoint: '', env: { SSH_KEY: 'none' }
})
const network = { name: 'net1', ip_range: '10.20.0.0/16', addAccess: false }

// Every question that the client has for a node, and for contracts, farms and prices.
async function asks (grid, client, contractId) {
  const node = { nodeId: 1 }
  const questions = [['zos.pingNode', node], ['zos.getDeployment', { contractId }], ['zos.getNodeStatistics', node], ['zos.hasPublicIPv6', node], ['zos.listNetworkInterfaces', node],
    ['zos.listNetworkPublicIPs', node], ['zos.getNetworkPublicConfig', node], ['zos.getStoragePools', node], ['zos.getNodeGPUInfo', node], ['zos.getNodePerfTests', node], ['zos.getNodeIPerfTest', node],
    ['networks.list'], ['networks.hasNode', { name: 'net1', ipRange: '10.20.0.0/16', nodeId: 1 }], ['contracts.get', { id: contractId }], ['contracts.getConsumption', { id: contractId }], ['contracts.getDiscountPackage', { id: contractId }],
    ['contracts.getActiveContracts', node], ['contracts.getContractsLockDetails'], ['contracts.getTotalOverdue'], ['farms.getFarmByID', { id: 1 }], ['nodes.get', { id: 1 }], ['nodes.all'],
    ['capacity.filterNodes', { features: ['zmachine', 'network'], healthy: true }], ['capacity.filterNodes', { features: ['qsfs'] }], ['capacity.checkNodeCapacityPool', { nodeId: 1, ssdDisks: [GIB], hddDisks: [], rootfsDisks: [] }]]
  const answers = await client.all(questions)
  const said = Object.fromEntries(answers.map((answer, i) => [questions[i][0] + (i === 23 ? ' none' : ''), answer]))
  const of = name => { assert.equal(said[name].error, undefined, `${name}: ${said[name].error}`); return said[name].result }
  assert.match(of('zos.pingNode').zos, /^3\./)
  const { workloads, version, twin_id: twin } = of('zos.getDeployment')
  assert.deepEqual([version, twin, workloads.map(w => [w.type, w.result.state])], [0, 1, [['zmount', 'ok'], ['zmachine', 'ok']]])
  const { total, used, system, users } = of('zos.getNodeStatistics')
  assert.deepEqual([total.cru, used.cru - system.cru, used.mru - system.mru, used.sru - system.sru, used.ipv4u], [4, 1, GIB / 2, 2 * GIB, 0])
  assert.deepEqual([users.deployments, users.workloads], [2, 3])
  assert.equal(typeof of('zos.hasPublicIPv6'), 'boolean')
  assert.deepEqual(of('zos.listNetworkInterfaces').ygg, [])
  assert.deepEqual(of('zos.listNetworkPublicIPs'), [])
  assert.match(said['zos.getNetworkPublicConfig'].error, /no public config found/)
  assert.deepEqual(of('zos.getStoragePools').map(p => [p.type, p.size]), [['ssd', total.sru]])
  assert.ok(Array.isArray(of('zos.getNodeGPUInfo')) || of('zos.getNodeGPUInfo') === null)
  assert.deepEqual(of('zos.getNodePerfTests').healthCheck.result, { cache: [], network: [] })
  assert.match(said['zos.getNodeIPerfTest'].error, /result not found/)
  assert.deepEqual(of('networks.list'), ['net1'])
  assert.equal(of('networks.hasNode'), true)
  assert.equal(of('contracts.get').contractType.nodeContract.nodeId, 1)
  assert.ok(['None', 'Gold'].includes(of('contracts.getDiscountPackage'))) // before its first bill, and after
  assert.ok(of('contracts.getConsumption').amountBilled >= 0)
  assert.ok(of('contracts.getActiveContracts').map(Number).includes(Number(contractId)))
  assert.equal(of('contracts.getTotalOverdue').totalOverdueAmount, 0)
  assert.equal(of('contracts.getContractsLockDetails').totalAmountLocked, 0)
  assert.equal(of('farms.getFarmByID').name, 'clientfarm')
  assert.equal(of('nodes.get').farmId, 1)
  assert.equal(of('nodes.all').length, 1)
  assert.deepEqual(of('capacity.filterNodes').map(n => [n.nodeId, n.healthy]), [[1, true]])
  assert.deepEqual(of('capacity.filterNodes none'), [])
  assert.equal(of('capacity.checkNodeCapacityPool'), true)
  const shown = await grid.get('/nodes/1')
  assert.deepEqual([shown.healthy, shown.status, shown.rentable], [true, 'up', false])
  const { total: ofProxy } = await grid.get('/nodes/1/statistics')
  assert.deepEqual(ofProxy, total)
}

test('grid_client deploys, reads, leads a name to it, adds, grows and cancels', { timeout: 300000 }, async t => {
  if (process.getuid() !== 0) return t.skip('skipped: not root')
  const grid = new Grid({ last: 4, prefix: 'gce', hasStreet: true })
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
    await asks(grid, client, contractId)
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
