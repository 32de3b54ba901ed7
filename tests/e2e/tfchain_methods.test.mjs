// tfchain_methods.test.mjs - every public method of unmodified @threefold/tfchain_client, each with its effect.
//
// The methods are found by looking at the package's own classes: one that no flow calls fails the test.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { scratch, startNode } from './programs.mjs'
import { checkRoots, record } from './scenario.mjs'

const require = createRequire(import.meta.url)
const tfchain = require('@threefold/tfchain_client')
const { Client, QueryClient, TFChainError, TFChainErrorWrapper } = tfchain
const GIB = 2 ** 30
const TFT = 10_000_000
const STELLAR = 'GBRPYHIL2CI3FNQ4BXLFMNDLFJUNPU2HY3ZMFSHONUCEOASW7QC7OX2H'
const BRIDGE = 'quarter between satisfy three sphere six soda boss cute decade old trend'

// ---------------------------------------------------------------------------------- what is called

const called = new Set()
const isClass = value => typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value))
const methodsOf = prototype => Object.getOwnPropertyNames(prototype)
  .filter(name => name !== 'constructor' && !name.startsWith('_') && typeof prototype[name] === 'function')
const declared = Object.values(tfchain).filter(isClass).flatMap(one => methodsOf(one.prototype).map(name => `${one.name}.${name}`))

// owner is the class that an object has a method from.
function owner (object, name) {
  let prototype = Object.getPrototypeOf(object)
  while (prototype && !Object.hasOwn(prototype, name)) prototype = Object.getPrototypeOf(prototype)
  return prototype?.constructor
}

// watched notes the methods that a test calls on an object and on what it holds; the object itself is as it was.
const watched = object => new Proxy(object, {
  get (target, name) {
    const value = target[name]
    if (typeof value === 'function') {
      const from = owner(target, name)
      if (isClass(from)) return (...args) => { called.add(`${from.name}.${name}`); return value.apply(target, args) }
      return value
    }
    const isPart = value && typeof value === 'object' && isClass(value.constructor) && Object.values(tfchain).includes(value.constructor)
    return isPart ? watched(value) : value
  }
})

const apply = async extrinsic => (await extrinsic).apply()

// ------------------------------------------------------------------------------------------ flows

const resources = { hru: 0, sru: 500 * GIB, cru: 8, mru: 16 * GIB }
const location = { city: 'Ghent', country: 'Belgium', latitude: '51.05', longitude: '3.71' }
const registerNode = (client, farm) => client.applyExtrinsic(
  client.api.tx.tfgridModule.createNode(farm, resources, location, [{ name: 'zos', mac: '00:00:5e:00:53:af', ips: ['10.2.3.3'] }], false, false, null),
  ['tfgridModule'], ['NodeStored'])

async function twinsAndBalances ({ alice, bob, dave, others }) {
  for (const client of [alice, bob, dave, ...others]) {
    await apply(client.termsAndConditions.accept({ documentLink: 'https://example.org/terms', documentHash: 'f'.repeat(32) }))
    await apply(client.twins.create({ relay: 'relay.example.org' }))
  }
  assert.equal(await alice.twins.getMyTwinId(), 1)
  assert.equal(await alice.twins.getTwinIdByAccountId({ accountId: bob.address }), 2)
  assert.equal((await apply(bob.twins.update({ relay: 'other.example.org', pk: '0x' + '02'.repeat(33) }))).relay, 'other.example.org')
  assert.equal((await alice.twins.get({ id: 2 })).relay, 'other.example.org')
  await assert.rejects(alice.twins.get({ id: -1 }))

  const before = await alice.balances.get({ address: dave.address })
  assert.equal(await apply(bob.balances.transfer({ address: dave.address, amount: TFT })), TFT)
  assert.equal(BigInt((await dave.balances.getMyBalance()).free) - BigInt(before.free), BigInt(TFT))
  await assert.rejects(bob.balances.transfer({ address: dave.address, amount: 0 }))
}

async function farmsAndNodes ({ alice, bob, others }) {
  const farms = []
  for (let i = 0; i < 5; i++) farms.push(await apply(alice.farms.create({ name: `farm-${i}`, publicIps: [] })))
  assert.deepEqual(farms.map(farm => farm.id), [1, 2, 3, 4, 5])
  await apply(alice.farms.addFarmIp({ farmId: 1, ip: '185.206.122.33/24', gw: '185.206.122.1' }))
  await apply(alice.farms.addFarmIp({ farmId: 1, ip: '185.206.122.34/24', gw: '185.206.122.1' }))
  await apply(alice.farms.removeFarmIp({ farmId: 1, ip: '185.206.122.34/24' }))
  await apply(alice.farms.addStellarAddress({ farmId: 1, stellarAddress: STELLAR }))
  assert.deepEqual((await alice.farms.get({ id: 1 })).publicIps.map(one => one.ip), ['185.206.122.33/24'])
  for (const [i, client] of [bob, ...others].entries()) await registerNode(client, i + 1)
  assert.equal((await alice.nodes.get({ id: 1 })).farmId, 1)
  await assert.rejects(alice.nodes.get({ id: 0 }))
  const publicConfig = { ip4: { ip: '185.206.122.50/24', gw: '185.206.122.1' }, ip6: null, domain: null }
  await apply(alice.nodes.addNodePublicConfig({ farmId: 1, nodeId: 1, publicConfig }))
  assert.equal((await alice.nodes.get({ id: 1 })).publicConfig.ip4.ip, '185.206.122.50/24')
  for (const power of [false, true]) await apply(alice.nodes.setPower({ nodeId: 1, power }))
  assert.equal((await alice.pricingPolicies.get({ id: 1 })).name, 'threefold_default_pricing_policy')
}

async function contracts ({ alice, bob, dave }) {
  const node = await apply(dave.contracts.createNode({ nodeId: 1, hash: 'a'.repeat(32), data: '{"type":"vm"}', numberOfPublicIps: 1 }))
  const name = await apply(dave.contracts.createName({ name: 'a-name' }))
  await apply(alice.contracts.setDedicatedNodeExtraFee({ nodeId: 2, extraFee: 100 }))
  const rent = await apply(dave.contracts.createRent({ nodeId: 2 }))
  const ids = [node, name, rent].map(contract => contract.contractId)
  assert.deepEqual(ids, [1, 2, 3])
  await apply(dave.contracts.updateNode({ id: 1, hash: 'b'.repeat(32), data: '{"type":"vm"}' }))
  await bob.applyExtrinsic(bob.api.tx.smartContractModule.reportContractResources(
    [{ contract_id: 1, used: { hru: 0, sru: 20 * GIB, cru: 2, mru: 2 * GIB } }]), ['smartContractModule'], ['UpdatedUsedResources'])
  assert.equal((await dave.contracts.get({ id: 1 })).twinId, 3)
  assert.equal((await dave.contracts.getNodeContractResources({ id: 1 })).used.cru, 2)
  assert.equal(await dave.contracts.getContractIdByActiveRentForNode({ nodeId: 2 }), 3)
  assert.deepEqual(await dave.contracts.getActiveContracts({ nodeId: 1 }), [1])
  assert.equal(await dave.contracts.getContractIdByName({ name: 'a-name' }), 2)
  assert.equal(await dave.contracts.getContractIdByNodeIdAndHash({ nodeId: 1, hash: 'b'.repeat(32) }), 1)
  assert.equal((await dave.contracts.contractLock({ id: 1 })).amountLocked, 0)
  assert.equal(await dave.contracts.getDeletionTime({ id: 1 }), 0)
  assert.equal(await dave.contracts.getDedicatedNodeExtraFee({ nodeId: 2 }), 100)
  await apply(dave.contracts.unlock(1)) // bills now
  assert.ok((await dave.contracts.getContractPaymentState(1)).lastUpdatedSeconds > 0)
  assert.equal((await dave.contracts.getContractBillingInformationByID(1)).previousNuReported, 0)
  await apply(dave.contracts.cancel({ id: 1 }))
  await apply(dave.contracts.cancel({ id: 3 }))
  assert.equal(await dave.contracts.get({ id: 1 }), null)
  assert.equal(await dave.contracts.cancel({ id: 1 }), undefined)
}

async function services ({ dave, bob }) {
  const made = await apply(dave.contracts.createService({ serviceAccount: dave.address, consumerAccount: bob.address }))
  assert.equal(made.serviceContractId, 1)
  await apply(dave.contracts.setServiceMetadata({ serviceId: 1, metadata: 'what is agreed' }))
  await apply(dave.contracts.setServiceFees({ serviceId: 1, baseFee: 100, variableFee: 1000 }))
  for (const client of [dave, bob]) await apply(client.contracts.approveService({ serviceId: 1, approve: true }))
  await apply(dave.contracts.billService({ serviceId: 1, variableAmount: 0, metadata: 'a bill' }))
  assert.equal((await dave.contracts.getService({ serviceId: 1 })).state, 'ApprovedByBoth')
  assert.equal(await apply(dave.contracts.cancelService({ serviceId: 1 })), 1)
  await apply(dave.contracts.createService({ serviceAccount: dave.address, consumerAccount: bob.address }))
  await apply(dave.contracts.setServiceMetadata({ serviceId: 2, metadata: 'not agreed' }))
  await apply(dave.contracts.setServiceFees({ serviceId: 2, baseFee: 1, variableFee: 1 }))
  await apply(bob.contracts.approveService({ serviceId: 2, approve: false }))
  assert.equal(await dave.contracts.getService({ serviceId: 2 }), null)
}

async function storeAndUtility ({ alice, dave }) {
  for (const key of ['one', 'two', 'three']) await apply(dave.kvStore.set({ key, value: `value of ${key}` }))
  assert.equal(await dave.kvStore.get({ key: 'two' }), 'value of two')
  await apply(dave.kvStore.delete({ key: 'two' }))
  assert.deepEqual((await dave.kvStore.list()).sort(), ['one', 'three'])
  assert.deepEqual((await dave.kvStore.deleteAll()).sort(), ['one', 'three'])
  assert.deepEqual(await dave.kvStore.list(), [])

  const transfer = amount => dave.balances.transfer({ address: alice.address, amount })
  assert.equal((await dave.utility.batch([await transfer(1), await transfer(2)])).length > 0, true)
  assert.equal((await dave.utility.batchAll([await transfer(3), undefined, await transfer(4)])).length > 0, true)
  assert.deepEqual(await dave.utility.batch([]), [])
  const { resultSections, resultEvents } = dave.utility.extractResultSectionsAndEvents([await transfer(5)])
  assert.deepEqual([resultSections, resultEvents], [['balances'], []])
  await dave.applyAllExtrinsics([await transfer(6)])
  const patched = dave.patchExtrinsic(dave.api.tx.balances.transferKeepAlive(alice.address, 7), { map: () => 'moved' })
  assert.equal(await patched.apply(), 'moved')
}

// council has all its members agree.
async function council ({ alice, bob, charlie, dave }) {
  const members = await alice.council.members()
  assert.deepEqual([...members].sort(), [alice, bob, charlie].map(client => client.address).sort())
  const carryOut = async proposal => {
    const { hash, index } = await apply(alice.council.propose({ threshold: 2, proposal }))
    assert.deepEqual(await alice.council.getAllProposals(), [hash])
    assert.ok(await alice.council.getProposal({ hash }))
    for (const client of [alice, bob]) await apply(client.council.vote({ hash, index, approve: true }))
    await apply(bob.council.close({ hash, index }))
    assert.deepEqual(await alice.council.getAllProposals(), [])
  }
  await carryOut(alice.api.tx.tfgridModule.setConnectionPrice(90))
  assert.equal((await alice.api.query.tfgridModule.connectionPrice()).toNumber(), 90)
  await carryOut(await alice.contracts.cancelCollective({ id: 2 }))
  assert.equal(await dave.contracts.get({ id: 2 }), null)
  assert.equal(await alice.council.getProposalCount(), 2)
  await assert.rejects(dave.council.propose({ threshold: 2, proposal: alice.api.tx.system.remark('0x') }), /council member/)
  for (const call of [alice.balances.forceTransfer({ source: bob.address, dest: dave.address, amount: TFT }),
    alice.balances.forceSetBalance({ address: dave.address, amount: TFT })]) {
    await assert.rejects(apply(call), error => error instanceof TFChainError && error.keyError === 'BadOriginError')
  }
}

async function dao ({ alice, dave }) {
  const proposal = alice.api.tx.system.remark('0x0102')
  const { hash, index } = await apply(alice.dao.propose({ threshold: 5, proposal, description: 'a remark', link: 'https://example.org' }))
  for (let farmId = 1; farmId <= 4; farmId++) await apply(alice.dao.vote({ farmId, hash, approve: true }))
  await assert.rejects(apply(alice.dao.close({ hash, index })), error => error.keyError === 'OngoingVoteAndTresholdStillNotMet')
  await apply(alice.dao.vote({ farmId: 5, hash, approve: false }))
  const { active, inactive } = await dave.dao.get()
  assert.deepEqual([active.length, inactive.length, active[0].hash, active[0].description], [1, 0, hash, 'a remark'])
  const votes = await dave.dao.getProposalVotes(hash)
  assert.deepEqual([votes.ayes.length, votes.nays.length], [4, 1])
  assert.equal(dave.dao.getVotesWithWeights(votes.nays), votes.nays[0].weight)
  assert.equal(Math.round(dave.dao.getProgress(votes.ayes, votes.nays, true)), 80)
  assert.equal(Math.round((await dave.dao.getVotesOfProposal(hash)).nayesProgress), 20)
  assert.equal((await dave.dao.getDaoProposal(hash)).index, index)
  assert.ok(await dave.dao.getProposal(hash))
  await apply(alice.dao.close({ hash, index }))
  assert.deepEqual(await dave.dao.get(), { active: [], inactive: [] })
}

async function bridgeAndPrice ({ alice, dave, bridge }) {
  assert.deepEqual([await dave.tftBridge.getWithdrawFee(), await dave.tftBridge.getDepositFee()], [TFT, TFT])
  const burnt = await apply(dave.tftBridge.swapToStellar({ target: STELLAR, amount: 20 * TFT }))
  assert.equal(burnt, 1)
  const vote = () => bridge.applyExtrinsic(bridge.api.tx.tftBridgeModule.proposeOrVoteMintTransaction(
    'a'.repeat(64), dave.address, 5 * TFT), ['tftBridgeModule'], ['MintCompleted'])
  const minted = dave.tftBridge.listenToMintCompleted(dave.address)
  const heard = dave.listenForEvent('tftBridgeModule', 'MintCompleted', data => data[0].target.toString() === dave.address)
  await vote()
  assert.equal(await minted, 5 * TFT)
  assert.equal((await heard)[0].amount.toNumber(), 5 * TFT)
  assert.deepEqual([dave.checkSection('tftBridgeModule'), dave.checkSection('nothing')], [true, false])
  assert.deepEqual([dave.checkMethod('tftBridgeModule', 'MintCompleted'), dave.checkMethod('tftBridgeModule', 'Nothing')], [true, false])
  await assert.rejects(dave.listenForEvent('nothing', 'Nothing', () => true), /not defined/)
  await alice.applyExtrinsic(alice.api.tx.tftPriceModule.setPrices(55, 1), ['tftPriceModule'], ['PriceStored'])
  assert.equal(await dave.tftPrice.get(), 55)
}

async function errors ({ alice, dave }, { url }) {
  const extrinsic = alice.api.tx.system.remark('0x')
  const wrapper = watched(new TFChainErrorWrapper(new Error('1010: Invalid Transaction: Inability to pay some fees'), extrinsic, alice.api))
  assert.throws(() => wrapper.throw(), /Insufficient Balance/)
  assert.equal(wrapper.isDispatchError(new Error()), false)
  await assert.rejects(dave.applyExtrinsic(dave.api.tx.tfgridModule.createFarm('farm-1', [])),
    error => error.keyError === 'FarmExists' && error.section === 'tfgridModule')
  const poor = watched(new Client({ url, mnemonicOrSecret: '//Nobody' }))
  await poor.connect()
  await assert.rejects(poor.applyExtrinsic(poor.api.tx.system.remark('0x')), /Insufficient Balance/)
  assert.throws(() => watched(new Client({ url, mnemonicOrSecret: 'no words' })).checkInputs(), /Invalid mnemonic/)
}

// The client's own life: another connection that is opened, waited for, and closed; one that ends its process.
async function connections (node) {
  assert.throws(() => watched(new QueryClient('')).checkInputs(), /url/)
  const reader = watched(new QueryClient(node.url.replace('127.0.0.1', 'localhost')))
  await reader.loadKeyPairOrSigner()
  await reader.newProvider()
  await reader.connect()
  await reader.wait()
  assert.equal((await reader.twins.get({ id: 1 })).relay, 'relay.example.org')
  const parts = [reader.contracts.get({ id: 99 }), reader.farms.get({ id: 1 }), reader.nodes.get({ id: 1 }), reader.tftPrice.get(), reader.council.members()]
  assert.equal((await Promise.all(parts)).length, parts.length)
  await reader.disconnect()
  const signer = watched(new Client({ url: node.url, mnemonicOrSecret: BRIDGE }))
  await signer.loadKeyPairOrSigner()
  assert.match(signer.address, /^5/)

  const script = `const { QueryClient } = require(${JSON.stringify(require.resolve('@threefold/tfchain_client'))})
    const client = new QueryClient(${JSON.stringify(node.url)})
    client.connect().then(() => client.disconnectAndExit())`
  const child = spawn(process.execPath, ['-e', script], { stdio: 'ignore', cwd: fileURLToPath(new URL('.', import.meta.url)) })
  const code = await new Promise(resolve => child.once('exit', resolve))
  assert.equal(code, 0)
  called.add('QueryClient.disconnectAndExit')
}

test('every method of tfchain_client works, and every root agrees', async () => {
  assert.equal(declared.length, 93) // of the package's 2.9.2
  const dir = scratch()
  const node = await startNode(dir)
  const recorder = await record(node)
  const client = secret => watched(new Client({ url: recorder.url, mnemonicOrSecret: secret }))
  const clients = { alice: client('//Alice'), bob: client('//Bob'), charlie: client('//Charlie'), dave: client('//Dave'), bridge: client(BRIDGE),
    others: ['//Charlie', '//Eve', '//Ferdie', '//Alice//stash'].map(client) }
  const all = Object.values(clients).flat()
  const { log } = console
  const { setTimeout } = globalThis
  console.log = () => {} // the client tells every event
  globalThis.setTimeout = (...args) => setTimeout(...args).unref() // and never clears the two minutes of its listeners
  try {
    for (const one of all) await one.connect()
    for (const flow of [twinsAndBalances, farmsAndNodes, contracts, services, storeAndUtility, council, dao, bridgeAndPrice]) await flow(clients, node)
    await errors(clients, recorder)
    await connections(node)
    await clients.alice.disconnect()
    assert.deepEqual(declared.filter(method => !called.has(method)), [], 'every public method was called')
    await recorder.check(['author_submitAndWatchExtrinsic', 'state_subscribeStorage', 'state_getKeysPaged'])
    const blocks = await checkRoots(node)
    assert.ok(blocks > 80, `${blocks} blocks`)
    await node.stop()
  } catch (error) {
    error.message += `\n--- trellis-node:\n${node.tail()}`
    throw error
  } finally {
    console.log = log
    globalThis.setTimeout = setTimeout
    for (const one of all) await one.disconnect().catch(() => {})
    recorder.close()
    node.child.kill('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  }
})
