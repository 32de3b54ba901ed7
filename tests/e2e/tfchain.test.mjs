// tfchain.test.mjs - unmodified @threefold/tfchain_client against our node: terms to bill.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { rmSync } from 'node:fs'
import { scratch, startNode } from './programs.mjs'
import { checkRoots } from './scenario.mjs'

const { Client, QueryClient } = createRequire(import.meta.url)('@threefold/tfchain_client')
const apply = async extrinsic => (await extrinsic).apply()
const terms = { documentLink: 'https://example.org/terms', documentHash: 'f'.repeat(32) }
const GIB = 2 ** 30

async function withClients (names, test) {
  const dir = scratch()
  const node = await startNode(dir)
  const clients = {}
  try {
    for (const name of names) {
      clients[name] = new Client({ url: node.url, mnemonicOrSecret: '//' + name })
      await clients[name].connect()
    }
    await test(clients, node)
    await checkRoots(node)
    for (const client of Object.values(clients)) await client.disconnect()
    await node.stop()
  } catch (error) {
    error.message += `\n--- trellis-node:\n${node.tail()}`
    throw error
  } finally {
    for (const client of Object.values(clients)) await client.disconnect().catch(() => {})
    node.child.kill('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  }
}

const becomeTwin = async (client, relay = 'relay.example.org') => {
  await apply(client.termsAndConditions.accept(terms))
  return apply(client.twins.create({ relay }))
}

const registerNode = (client, farm) => client.applyExtrinsic(
  client.api.tx.tfgridModule.createNode(farm, { hru: 0, sru: 500 * GIB, cru: 8, mru: 16 * GIB },
    { city: 'Ghent', country: 'Belgium', latitude: '51.05', longitude: '3.71' }, [{ name: 'zos', mac: '00:00:5e:00:53:af', ips: ['10.2.3.3'] }], false, false, null),
  ['tfgridModule'], ['NodeStored'])

test('twin, farm, node, contract, report, bill, cancel', () => withClients(['Alice', 'Bob', 'Charlie'], async ({ Alice: farmer, Bob: node, Charlie: user }) => {
  const farmerTwin = await becomeTwin(farmer)
  await becomeTwin(node)
  const userTwin = await becomeTwin(user)
  assert.equal(farmerTwin.id, 1)
  assert.equal(userTwin.id, 3)
  const farm = await apply(farmer.farms.create({ name: 'a-farm', publicIps: [{ ip: '185.206.122.33/24', gw: '185.206.122.1' }] }))
  assert.equal(farm.twinId, 1)
  await registerNode(node, farm.id)
  assert.equal((await user.nodes.get({ id: 1 })).farmId, farm.id)

  const contract = await apply(user.contracts.createNode({ nodeId: 1, hash: 'a'.repeat(32), data: '{"type":"vm"}', numberOfPublicIps: 1 }))
  assert.equal(contract.contractType.nodeContract.publicIpsList[0].ip, '185.206.122.33/24')
  assert.deepEqual(await user.contracts.getActiveContracts({ nodeId: 1 }), [contract.contractId])
  assert.equal(await user.contracts.getContractIdByNodeIdAndHash?.({ nodeId: 1, hash: 'a'.repeat(32) }) ?? contract.contractId, contract.contractId)

  await node.applyExtrinsic(node.api.tx.smartContractModule.reportContractResources(
    [{ contract_id: contract.contractId, used: { hru: 0, sru: 20 * GIB, cru: 2, mru: 2 * GIB } }]), ['smartContractModule'], ['UpdatedUsedResources'])
  const updated = await apply(user.contracts.updateNode({ id: contract.contractId, hash: 'b'.repeat(32), data: '{"type":"vm"}' }))
  assert.equal(updated.contractId, contract.contractId)

  // Instant sealing moves the chain's time on by a slot of 6 s a block: a whole billing cycle is 10 blocks.
  const reserved = async () => (await user.api.query.system.account(user.address)).data.reserved.toBigInt()
  for (let i = 0; i < 12; i++) await user.applyExtrinsic(user.api.tx.system.remarkWithEvent('0x00'), ['system'], ['Remarked'])
  assert.ok(await reserved() > 0n)
  const state = await user.contracts.getContractPaymentState(contract.contractId)
  assert.equal(BigInt(state.standardReserve), await reserved())

  await apply(user.contracts.cancel({ id: contract.contractId }))
  assert.equal(await user.contracts.get({ id: contract.contractId }), null)
  assert.equal(await reserved(), 0n)
  const farms = await user.farms.get({ id: farm.id })
  assert.equal(farms.publicIps[0].contractId, 0)
}))

test('names, key-value store and service contracts', () => withClients(['Alice', 'Bob'], async ({ Alice: service, Bob: user }) => {
  await becomeTwin(service)
  await becomeTwin(user)
  const name = await apply(user.contracts.createName({ name: 'my-name' }))
  assert.equal(await user.contracts.getContractIdByName({ name: 'my-name' }), name.contractId)
  await apply(user.contracts.cancel({ id: name.contractId }))
  await apply(user.kvStore.set({ key: 'a-key', value: 'a value' }))
  assert.equal(await user.kvStore.get({ key: 'a-key' }), 'a value')
  await apply(user.kvStore.delete({ key: 'a-key' }))
}))

test('a client without a signer reads', () => withClients(['Alice'], async ({ Alice }, node) => {
  await becomeTwin(Alice)
  const reader = new QueryClient(node.url)
  await reader.connect()
  assert.equal((await reader.twins.get({ id: 1 })).relay, 'relay.example.org')
  assert.equal((await reader.pricingPolicies.get({ id: 1 })).name, 'threefold_default_pricing_policy')
  await reader.disconnect()
}))
