// gridproxy.test.mjs - what unmodified clients ask of gridproxy and GraphQL, on a real chain: every name that
// @threefold/gridproxy_client knows lets some in and leaves some out, each option of grid_client's searches filters, and the
// lists of contracts, bills and consumption are those of the chain.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import { Keyring } from '@polkadot/keyring'
import { cryptoWaitReady } from '@polkadot/util-crypto'
import { connect, freePort, scratch, send, start, startNode, waitFor } from './programs.mjs'

await cryptoWaitReady()
const require = createRequire(import.meta.url)
const { default: GridProxyClient, FarmsBuilder, NodesBuilder, ContractsBuilder, TwinsBuilder, GatewayBuilder, StatsBuilder } = require('@threefold/gridproxy_client')
const { Nodes, TFClient } = require('@threefold/grid_client')
const GIB = 2 ** 30
const ALICE = '0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a' // the mini-secret of sr25519 //Alice

const DATA = '{"version":3,"type":"vm","name":"one & 100%25","projectName":"vm/one"}'

// Three farmers' machines: 1 shared with a public config, 2 rented by Alice, 3 with an extra fee and switched off.
const MACHINES = [
  { farm: 1, country: 'Belgium', city: 'Ghent', resources: { cru: 8, mru: 16 * GIB, sru: 1024 * GIB, hru: 0 } },
  { farm: 1, country: 'Egypt', city: 'Cairo', resources: { cru: 32, mru: 64 * GIB, sru: 2048 * GIB, hru: 4096 * GIB } },
  { farm: 2, country: 'United States', city: 'New York', resources: { cru: 16, mru: 32 * GIB, sru: 512 * GIB, hru: 1024 * GIB } }
]

class World {
  dir = scratch()

  async up () {
    this.node = await startNode(this.dir)
    const api = this.api = await connect(this.node)
    const keyring = new Keyring({ type: 'sr25519' })
    const [alice, bob, charlie, ...nodes] = ['//Alice', '//Bob', '//Charlie', '//Dave', '//Eve', '//Ferdie'].map(uri => keyring.addFromUri(uri))
    this.users = { alice, bob, charlie }
    const { tfgridModule: grid, smartContractModule: contracts } = api.tx
    const go = (user, call) => send(api, call, user)
    for (const [i, user] of [alice, bob, charlie, ...nodes].entries()) {
      await go(user, grid.userAcceptTc('https://example.org/terms', 'f'.repeat(32)))
      await go(user, grid.createTwin(i % 2 ? 'relay.example.org' : 'other.example.org', null))
    }
    await go(bob, grid.createFarm('green-farm', [{ ip: '185.206.122.33/24', gw: '185.206.122.1' }, { ip: '185.206.122.34/24', gw: '185.206.122.1' }]))
    await go(charlie, grid.createFarm('blue-farm', []))
    await go(bob, grid.addStellarPayoutV2address(1, 'GSTELLAR'))
    for (const [i, { farm, country, city, resources }] of MACHINES.entries()) {
      await go(nodes[i], grid.createNode(farm, resources, { city, country, latitude: '51.05', longitude: '3.71' }, [{ name: 'zos', mac: '00:00:5e:00:53:af', ips: ['10.2.3.3'] }], false, false, null))
    }
    await go(bob, grid.addNodePublicConfig(1, 1, { ip4: { ip: '185.206.122.2/24', gw: '185.206.122.1' }, ip6: { ip: '2a10:b600:1::2/64', gw: '2a10:b600:1::1' }, domain: 'gent01.example.org' }))
    await go(charlie, contracts.setDedicatedNodeExtraFee(3, 5000))
    await go(alice, contracts.createRentContract(2, null)) // 1
    await go(alice, contracts.createNodeContract(1, 'a'.repeat(32), DATA, 1, null)) // 2
    await go(alice, contracts.createNodeContract(2, 'b'.repeat(32), '{"version":3,"type":"network","name":"net","projectName":""}', 0, null)) // 3
    await go(bob, contracts.createNameContract('shop')) // 4
    await go(alice, contracts.createNodeContract(1, 'c'.repeat(32), '{"version":3,"type":"vm","name":"two","projectName":""}', 0, null)) // 5
    await go(alice, contracts.cancelContract(5))
    await go(charlie, grid.changePowerTarget(3, 'Down'))
    await go(nodes[2], grid.changePowerState('Down'))
    this.port = await freePort()
    this.url = `http://127.0.0.1:${this.port}`
    this.indexer = start('trellis-indexer', ['--substrate', this.node.url, '--db', join(this.dir, 'index.db'), '--listen', `127.0.0.1:${this.port}`], this.dir)
    const best = parseInt((await this.node.rpc('chain_getHeader')).number, 16)
    await waitFor('the index to stand on the best block', async () => (await (await fetch(this.url + '/health')).json()).index.block >= best)
  }

  async down () {
    await this.api?.disconnect().catch(() => {})
    this.indexer?.child.kill('SIGKILL')
    this.node?.child.kill('SIGKILL')
    rmSync(this.dir, { recursive: true, force: true })
  }
}

// The names that a builder knows, but how much of a list and in which order is asked for.
const LIMITS = ['page', 'size', 'retCount', 'sortBy', 'sortOrder', 'randomize']
const namesOf = Builder => Object.getOwnPropertyNames(new Builder('')).filter(name => !name.startsWith('_') && name !== 'uri' && !LIMITS.includes(name))

// Each row asks a question and says which rows must come; each name must leave some out, and let some in but where the
// client lets through no value that this chain has.
async function eachFilters (what, Builder, all, id, list, rows, never = []) {
  const seen = {}
  for (const [query, expected] of rows) {
    const { count, data } = await list({ ...query, retCount: true, size: 100 })
    assert.deepEqual(data.map(id).sort((a, b) => a - b), expected, `${what} ${JSON.stringify(query)}`)
    assert.equal(count, expected.length, `${what} ${JSON.stringify(query)}: its total`)
    for (const name of Object.keys(query)) {
      seen[name] ??= { in: 0, out: 0 }
      seen[name].in += expected.length
      seen[name].out += all.length - expected.length
    }
  }
  for (const name of namesOf(Builder)) {
    assert.ok(seen[name]?.out > 0 && seen[name].in > 0 === !never.includes(name), `${what}: ${name} lets some in and leaves some out: ${JSON.stringify(seen[name])}`)
  }
}

const NODE_ROWS = [
  [{ freeMru: 40 * GIB }, [2]], [{ freeSru: 1500 * GIB }, [2]], [{ freeHru: GIB }, [2, 3]], [{ freeIps: 1 }, [1, 2]], [{ freeIps: 2 }, []],
  [{ status: 'up' }, [1, 2]], [{ status: 'standby' }, [3]], [{ status: 'down' }, []], [{ status: 'up,standby' }, [1, 2, 3]],
  [{ city: 'ghent' }, [1]], [{ country: 'EGYPT' }, [2]], [{ country: 'France' }, []], [{ region: 'europe' }, [1]], [{ region: 'Americas' }, [3]], [{ farmName: 'Blue-Farm' }, [3]],
  [{ domain: true }, [1]], [{ domain: false }, [2, 3]], [{ ipv4: true }, [1]], [{ ipv4: false }, [2, 3]], [{ ipv6: true }, [1]], [{ ipv6: false }, [2, 3]],
  [{ dedicated: true }, [2, 3]], [{ dedicated: false }, [1]], [{ rentable: true }, [3]], [{ rentable: false }, [1, 2]], [{ rented: true }, [2]], [{ rented: false }, [1, 3]],
  [{ rentedBy: 1 }, [2]], [{ rentedBy: 2 }, []], [{ availableFor: 1 }, [1, 2]], [{ availableFor: 2 }, [1]], [{ rentableOrRentedBy: 1 }, [2, 3]], [{ rentableOrRentedBy: 2 }, [3]],
  [{ farmIds: '1,2' }, [1, 2, 3]], [{ farmIds: '2' }, [3]], [{ nodeId: 2 }, [2]], [{ nodeId: 99 }, []], [{ ownedBy: 3 }, [3]],
  [{ totalCru: 16 }, [2, 3]], [{ totalHru: 2048 * GIB }, [2]], [{ totalMru: 32 * GIB }, [2, 3]], [{ totalSru: 1024 * GIB }, [1, 2]],
  // What the chain does not know and no node was asked: nobody has it.
  [{ hasGpu: true }, []], [{ hasGpu: false }, [1, 2, 3]], [{ numGpu: 1 }, []], [{ numGpu: 0 }, [1, 2, 3]], [{ totalGpu: 1 }, []], [{ totalGpu: 0 }, [1, 2, 3]],
  [{ freeGpu: 1 }, []], [{ freeGpu: 0 }, [1, 2, 3]], [{ healthy: true }, []], [{ healthy: false }, [1, 2, 3]], [{ hasIPv6: true }, []], [{ hasIPv6: false }, [1, 2, 3]]
]
const NEVER = ['gpuAvailable', 'gpuDeviceId', 'gpuDeviceName', 'gpuVendorId', 'gpuVendorName', 'certificationType'] // tests/indexer has some
for (const name of NEVER) NODE_ROWS.push([{ [name]: { gpuAvailable: true, certificationType: 'Gold' }[name] ?? 'x' }, []])

async function asksOfGridproxy (world) {
  const client = new GridProxyClient(world.url)
  const node = n => n.nodeId
  await eachFilters('nodes', NodesBuilder, MACHINES, node, query => client.nodes.list(query), NODE_ROWS, NEVER)
  const gateways = NODE_ROWS.filter(([query]) => namesOf(GatewayBuilder).includes(Object.keys(query)[0]) && !/standby/.test(query.status))
  await eachFilters('gateways', GatewayBuilder, MACHINES, node, query => client.gateways.list(query), gateways)
  assert.equal((await client.gateways.byId(1)).publicConfig.domain, 'gent01.example.org')

  await eachFilters('farms', FarmsBuilder, [1, 2], f => f.farmId, query => client.farms.list(query), [
    [{ freeIps: 1 }, [1]], [{ totalIps: 2 }, [1]], [{ totalIps: 3 }, []], [{ certificationType: 'Certified' }, []], [{ dedicated: true }, []], [{ dedicated: false }, [1, 2]],
    [{ farmId: 2 }, [2]], [{ name: 'GREEN-farm' }, [1]], [{ nameContains: 'Lue' }, [2]], [{ nameContains: 'farm' }, [1, 2]], [{ pricingPolicyId: 1 }, [1, 2]], [{ pricingPolicyId: 2 }, []],
    [{ stellarAddress: 'GSTELLAR' }, [1]], [{ twinId: 3 }, [2]], [{ nodeHasIPv6: true }, []], [{ nodeHasIPv6: false }, [1, 2]], [{ version: 4 }, [1, 2]], [{ version: 3 }, []]
  ], ['certificationType'])
  await eachFilters('contracts', ContractsBuilder, [1, 2, 3, 4, 5], c => c.contract_id, query => client.contracts.list(query), [
    [{ contractId: 2 }, [2]], [{ twinId: 1 }, [1, 2, 3, 5]], [{ twinId: 2 }, [4]], [{ nodeId: 2 }, [1, 3]], [{ name: 'shop' }, [4]], [{ type: 'rent' }, [1]], [{ type: 'node' }, [2, 3, 5]],
    [{ type: 'name' }, [4]], [{ state: ['Created', 'GracePeriod'] }, [1, 2, 3, 4]], [{ state: ['Deleted'] }, [5]], [{ deploymentHash: 'b'.repeat(32) }, [3]],
    [{ deploymentData: '{"version":3,"type":"network","name":"net","projectName":""}' }, [3]], [{ numberOfPublicIps: 1 }, [2]], [{ nodeId: 1, state: ['Created'], type: 'node' }, [2]]
  ])
  const TWIN_ROWS = [[{ twinId: 5 }, [5]], [{ accountId: 5 }, []]] // it sends numbers alone for an account
  await eachFilters('twins', TwinsBuilder, [1, 2, 3, 4, 5, 6], t => t.twinId, query => client.twins.list(query), TWIN_ROWS, ['accountId'])
  const ofAlice = await (await fetch(`${world.url}/twins?account_id=${world.users.alice.address}`)).json()
  assert.deepEqual(ofAlice.map(t => t.twinId), [1])
  const ofData = await (await fetch(`${world.url}/contracts?deployment_data=${encodeURIComponent(DATA)}&type=node`)).json()
  assert.deepEqual(ofData.map(c => c.contract_id), [2], 'signs of a query in a value')
  await client.publicIps.list({ free: true, retCount: true }).then(({ count, data }) => assert.deepEqual([count, data.map(ip => ip.ip).length], [1, 1]))
  assert.deepEqual((await client.publicIps.listAll()).map(ip => ip.contract_id > 0).sort(), [false, true])
  assert.deepEqual(namesOf(StatsBuilder), ['status'])
  for (const [status, count, cru] of [['up', 2, 40], ['standby', 1, 16], ['down', 0, 0]]) {
    const stats = await client.stats.get({ status })
    assert.deepEqual([stats.nodes, stats.totalCru], [count, cru], status)
  }
  const loaded = await client.nodes.list({ nodeId: 1 }, { loadFarm: true, loadTwin: true })
  assert.deepEqual([loaded.data[0].farm.name, loaded.data[0].twin.twinId, loaded.data[0].publicIps], ['green-farm', 4, { total: 2, used: 1, free: 1 }])
  assert.equal((await client.nodes.byId(2)).total_resources.cru, 32)
  assert.equal((await client.farms.listAll()).length, 2)
  assert.deepEqual(Object.keys(await client.twins.getConsumption(1)).sort(), ['last_hour_consumption', 'overall_consumption'])
  for (const [sortBy, first] of [['farm_name', 3], ['total_cru', 1], ['free_cru', 1], ['country', 1], ['status', 1]]) {
    assert.equal((await client.nodes.list({ sortBy, sortOrder: 'asc' })).data[0].nodeId, first, sortBy)
    assert.notEqual((await client.nodes.list({ sortBy, sortOrder: 'desc' })).data[0].nodeId, first, sortBy)
  }
}

async function asksOfGridClient (world) {
  const nodes = new Nodes(world.url + '/graphql', world.url, {})
  const ids = list => list.map(n => n.nodeId ?? n.farmId).sort()
  for (const [options, expected] of [
    [{}, [1, 2]], [{ cru: 16 }, [2]], [{ mru: 20 }, [2]], [{ sru: 1500 }, [2]], [{ hru: 1 }, [2]], [{ publicIPs: true }, []], [{ hasIPv6: true }, []], [{ accessNodeV4: true }, [1]], [{ accessNodeV6: true }, [1]],
    [{ gateway: true }, []], [{ certified: true }, []], [{ nodeExclude: [1] }, [2]], [{ farmIds: [1, 2] }, [1, 2]], [{ farmIds: [2] }, []], [{ farmId: 1 }, [1, 2]], [{ nodeId: 1 }, [1]], [{ farmName: 'green-farm' }, [1, 2]],
    [{ farmName: 'none' }, []], [{ country: 'Belgium' }, [1]], [{ city: 'Cairo' }, [2]], [{ dedicated: true }, [2]], [{ dedicated: false }, [1]], [{ availableFor: 1 }, [1, 2]], [{ availableFor: 2 }, [1]],
    [{ rentedBy: 1 }, [2]], [{ hasGPU: true }, []], [{ rentable: true }, []], [{ rentable: true, status: 'standby' }, [3]], [{ region: 'Africa' }, [2]], [{ healthy: true }, []], [{ rentableOrRentedBy: 1 }, [2]],
    [{ status: 'standby' }, [3]], [{ wireguard: true }, []], [{ mycelium: true }, []], [{ planetary: true }, []], [{ features: ['zmachine'] }, []], [{ size: 1, page: 2 }, [1]], [{ randomize: true }, [1, 2]]
  ]) {
    assert.deepEqual(ids(await nodes.filterNodes({ ...options })), expected, JSON.stringify(options))
    if (!options.size && !options.nodeExclude) assert.equal(await nodes.getNodesCount({ ...options }), expected.length, JSON.stringify(options))
  }
  for (const [options, expected] of [
    [{}, [1]], [{ nodeCRU: 16 }, [1]], [{ nodeCRU: 64 }, []], [{ nodeMRU: 40 }, [1]], [{ nodeSRU: 4000 }, []], [{ nodeHRU: 100 }, [1]], [{ publicIp: true }, [1]], [{ nodeHasIPv6: true }, []],
    [{ certificationType: 'NotCertified' }, [1]], [{ certificationType: 'Gold' }, []], [{ farmName: 'green-farm' }, [1]], [{ farmName: 'blue-farm' }, []], [{ country: 'Egypt' }, [1]], [{ country: 'Japan' }, []],
    [{ dedicated: true }, []], [{ nodeCertified: true }, []], [{ nodeCertified: false }, [1]], [{ availableFor: 2 }, [1]], [{ nodeHasGPU: true }, []], [{ nodeRentedBy: 1 }, [1]], [{ nodeRentedBy: 3 }, []],
    [{ ownedBy: 2 }, [1]], [{ ownedBy: 3 }, []], [{ farmId: 1 }, [1]], [{ farmId: 2 }, []], [{ region: 'Europe' }, [1]], [{ region: 'Asia' }, []], [{ mycelium: true }, []]
  ]) {
    assert.deepEqual(ids(await nodes.filterFarms({ ...options })), expected, JSON.stringify(options))
    assert.equal(await nodes.getFarmsCount({ ...options }), expected.length, JSON.stringify(options))
  }
  assert.equal((await nodes.getAllFarms()).length, 2)
  assert.equal((await nodes.getAllNodes()).length, 3)
  assert.deepEqual(ids(await nodes.getNodesByFarmId(1)), [1, 2])
  assert.deepEqual(ids(await nodes.getNodesByFarmId(2)), [3])
  assert.equal(await nodes.getFarmIdFromFarmName('BLUE-farm'), 2)
  assert.equal(await nodes.getFarmIdFromFarmName('none'), 0)
  assert.equal(await nodes.checkFarmHasFreePublicIps(1), true)
  assert.equal(await nodes.checkFarmHasFreePublicIps(2), false)
  assert.equal((await nodes.getNodeFreeResources(2)).cru, 32)
  await assert.rejects(nodes.getNodeFreeResources(99), /not found/)
  assert.equal(await nodes.getNodeTwinId(2), 5)
  assert.equal(await nodes.nodeAvailableForTwinId(2, 1), true)
  assert.equal(await nodes.nodeAvailableForTwinId(2, 2), false)

  const client = new TFClient(world.node.url, ALICE, ALICE)
  await client.connect()
  const graphqlURL = world.url + '/graphql'
  const idsOf = list => list.map(c => Number(c.contractID)).sort()
  const mine = await client.contracts.listMyContracts({ graphqlURL })
  assert.deepEqual([idsOf(mine.nameContracts), idsOf(mine.nodeContracts), idsOf(mine.rentContracts)], [[], [2, 3], [1]])
  const ended = await client.contracts.listMyContracts({ graphqlURL, stateList: ['Deleted'] })
  assert.deepEqual([idsOf(ended.nameContracts), idsOf(ended.nodeContracts)], [[], [5]])
  const his = await client.contracts.listContractsByAddress({ graphqlURL, accountId: world.users.bob.address })
  assert.deepEqual(his.nameContracts.map(c => c.name), ['shop'])
  for (const [options, expected] of [[{ type: 'vm' }, [2]], [{ type: 'network' }, [3]], [{ type: 'vm', projectName: 'vm/one' }, [2]], [{ projectName: 'other' }, []], [{ nodeId: 2 }, [3]], [{ nodeId: 3 }, []]]) {
    assert.deepEqual(idsOf(await client.contracts.listMyNodeContracts({ graphqlURL, ...options })), expected, JSON.stringify(options))
  }
  assert.deepEqual(await client.contracts.getConsumption({ graphqlURL, id: 3 }), { amountBilled: 0, discountReceived: 'None' })
  assert.equal(await client.contracts.getDiscountPackage({ graphqlURL, id: 3 }), 'None')
  const proxy = new GridProxyClient(world.url)
  assert.deepEqual((await client.contracts.listAllContracts(proxy, { twinId: 1 })).map(c => c.contract_id), [1, 2, 3, 5])
  for (const contract of (await proxy.contracts.list({ state: ['Created'] })).data) {
    assert.ok(await client.contracts.getContractCost(contract, proxy) >= 0, `the cost of contract ${contract.contract_id}`)
  }
  await client.disconnect()
}

test('every filter of gridproxy filters, as its own client asks', { timeout: 120000 }, async t => {
  const world = new World()
  try {
    await world.up()
    await t.test('gridproxy_client', () => asksOfGridproxy(world))
    await t.test('grid_client', () => asksOfGridClient(world))
    await world.indexer.stop()
  } catch (error) {
    error.message += '\n' + world.indexer?.tail()
    throw error
  } finally { await world.down() }
})
