// pallets.test.mjs - every pallet, every call that the metadata declares, and every storage item and constant, by
// unmodified @polkadot/api and polkadot-api.  Each call ends with the result that the rules give it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Keyring } from '@polkadot/keyring'
import { hexToU8a, u8aToHex } from '@polkadot/util'
import { cryptoWaitReady, xxhashAsHex } from '@polkadot/util-crypto'
import { WebSocket } from 'ws'
import { connect, waitFor, withNode } from './programs.mjs'
import { OK, Scenario, checkRoots, declaredCalls, record } from './scenario.mjs'

globalThis.WebSocket = WebSocket // Node 20 has none of its own
const { createClient, Enum } = await import('polkadot-api')
const { getWsProvider } = await import('polkadot-api/ws')
const { getPolkadotSigner } = await import('polkadot-api/signer')

await cryptoWaitReady()
const ring = new Keyring({ type: 'sr25519' })
const [alice, bob, charlie, dave, eve, ferdie, stash] = ['//Alice', '//Bob', '//Charlie', '//Dave', '//Eve', '//Ferdie', '//Ferdie//stash']
  .map(uri => ring.addFromUri(uri))
const bridge = ring.addFromUri('quarter between satisfy three sphere six soda boss cute decade old trend')
const nodes = [bob, charlie, dave, eve, ferdie]
const FARMS = [1, 2, 3, 4, 5]
const TFT = 10_000_000n
const GIB = 1024n ** 3n
const STELLAR = 'GBRPYHIL2CI3FNQ4BXLFMNDLFJUNPU2HY3ZMFSHONUCEOASW7QC7OX2H'
const bare = who => u8aToHex(who.publicKey)
const proof = (who, message) => u8aToHex(who.sign(message)).slice(2)
const resources = { hru: 0, sru: 500n * GIB, cru: 8, mru: 16n * GIB }
const location = { city: 'Ghent', country: 'Belgium', latitude: '51.05', longitude: '3.71' }
const policy = value => ({ value, unit: 'Gigabytes' })

// ------------------------------------------------------------------------------------------ the scenario

async function accountsAndFarms (s, { tfgridModule: grid, balances, system, utility }) {
  const everyone = [alice, ...nodes]
  await s.block([
    ...everyone.flatMap(who => [[who, grid.userAcceptTc('https://example.org/terms', 'f'.repeat(32))]]),
    [alice, system.remark('0x01')],
    [alice, system.remarkWithEvent('0x01')],
    [alice, balances.transferAllowDeath(bob.address, TFT)],
    [alice, balances.transferKeepAlive(bob.address, TFT)],
    [alice, balances.transfer(bob.address, TFT)],
    [alice, balances.upgradeAccounts([bob.address])],
    [stash, balances.transferAll(ferdie.address, true)],
    [alice, utility.batch([balances.transferKeepAlive(bob.address, 1), system.remark('0x02')])],
    [alice, utility.batchAll([balances.transferKeepAlive(bob.address, 1), balances.transferKeepAlive(bob.address, 2n ** 100n)]), 'Token.FundsUnavailable'],
    [alice, utility.batchAll([system.remark('0x05')])],
    [alice, utility.asDerivative(7, utility.batch([]))],
    [alice, utility.asDerivative(7, balances.transferKeepAlive(bob.address, TFT)), 'Token.FundsUnavailable']
  ])
  await s.block([
    [alice, grid.createTwin('relay.example.org', null)],
    ...FARMS.map(farm => [alice, grid.createFarm(`farm-${farm}`, [{ ip: `185.206.122.${farm}/24`, gw: '185.206.122.254' }])]),
    [alice, grid.updateFarm(1, 'first-farm')],
    [alice, grid.addStellarPayoutV2address(1, STELLAR)],
    [alice, grid.addFarmIp(1, '185.206.122.40/24', '185.206.122.254')],
    [alice, grid.addFarmIp(1, '185.206.122.41/24', '185.206.122.254')],
    [alice, grid.removeFarmIp(1, '185.206.122.41/24')]
  ])
  await s.block(nodes.map(who => [who, grid.createTwin('node.example.org', null)]))
}

async function nodesAndEntities (s, { tfgridModule: grid }) {
  const interfaces = [{ name: 'zos', mac: '00:00:5e:00:53:af', ips: ['10.2.3.3'] }]
  for (const [i, who] of nodes.entries()) await s.block([[who, grid.createNode(FARMS[i], resources, location, interfaces, false, false, 'serial')]])
  const now = Number((await s.api.query.timestamp.now()).toBigInt() / 1000n)
  const publicConfig = { ip4: { ip: '185.206.122.50/24', gw: '185.206.122.254' }, ip6: null, domain: null }
  const name = 'an entity'
  await s.block([
    ...nodes.map((who, i) => [who, grid.updateNode(i + 1, FARMS[i], resources, location, interfaces, true, false, 'serial')]),
    ...nodes.map(who => [who, grid.reportUptime(1000)]),
    [bob, grid.reportUptimeV2(1006, now)],
    [bob, grid.changePowerState('Down')],
    [bob, grid.changePowerState('Up')],
    [alice, grid.addNodePublicConfig(1, 1, publicConfig)],
    [alice, grid.changePowerTarget(1, 'Down')],
    [alice, grid.changePowerTarget(1, 'Up')],
    [alice, grid.updateTwin('other.example.org', '0x' + '02'.repeat(33))],
    [alice, grid.createEntity(alice.address, name, 'Belgium', 'Ghent', proof(alice, name + 'BelgiumGhent'))],
    [alice, grid.addTwinEntity(1, 1, proof(alice, new Uint8Array([0, 0, 0, 1, 0, 0, 0, 1])))],
    [alice, grid.deleteTwinEntity(1, 1)],
    [alice, grid.updateEntity('another name', 'Belgium', 'Bruges')],
    [alice, grid.deleteEntity()],
    [bridge, grid.bondTwinAccount(1)]
  ])
}

async function contracts (s, { smartContractModule: contract }) {
  const used = id => ({ contract_id: id, used: { hru: 0, sru: 20n * GIB, cru: 2, mru: 2n * GIB } })
  await s.block([
    [dave, contract.createSolutionProvider('a provider', 'https://example.org', [{ who: eve.address, take: 10 }])]
  ])
  await s.decide([[contract.approveSolutionProvider(1, true)], [contract.changeBillingFrequency(11)]])
  await s.block([
    [dave, contract.createNodeContract(1, 'a'.repeat(32), '{}', 1, null)], // 1
    [dave, contract.updateNodeContract(1, 'b'.repeat(32), '{"a":1}')],
    [dave, contract.attachSolutionProviderId(1, 1)],
    [dave, contract.createNameContract('a-name')], // 2
    [dave, contract.createNodeContract(1, 'c'.repeat(32), '', 0, 1)], // 3
    [dave, contract.serviceContractCreate(dave.address, eve.address)],
    [dave, contract.serviceContractSetMetadata(1, 'what is agreed')],
    [dave, contract.serviceContractSetFees(1, 100, 1000)],
    [dave, contract.serviceContractApprove(1)],
    [alice, contract.setDedicatedNodeExtraFee(5, 100)]
  ])
  await s.block([
    [dave, contract.createRentContract(5, null)], // 4
    [eve, contract.serviceContractApprove(1)],
    [eve, contract.serviceContractCreate(dave.address, eve.address)],
    [eve, contract.serviceContractReject(2), 'smartContractModule.ServiceContractRejectionNotAllowed'],
    [eve, contract.serviceContractSetMetadata(2, 'what is not agreed')],
    [bob, contract.reportContractResources([used(1), used(3)])],
    [bob, contract.addNruReports([{ contract_id: 1, nru: 3n * GIB, timestamp: 1_700_000_000, window: 600 }])]
  ])
  const [billed] = await s.block([[dave, contract.billContractForBlock(1)]])
  assert.ok(billed.some(({ method }) => method === 'ExtrinsicSuccess'))
  await s.block([
    [dave, contract.serviceContractBill(1, 0, 'a bill')],
    [dave, contract.serviceContractSetFees(2, 100, 1000)],
    [dave, contract.serviceContractReject(2)]
  ])
  await s.decide([[contract.cancelContractCollective(3)]])
  for (let i = 0; i < 12; i++) await s.block([]) // each contract is billed once
  const [cancelled] = await s.block([
    [dave, contract.cancelContract(1)],
    [dave, contract.cancelContract(2)],
    [dave, contract.cancelContract(4)],
    [dave, contract.serviceContractCancel(1)]
  ])
  assert.ok(cancelled.some(({ method }) => method === 'NodeContractCanceled'))
}

async function whatTheCouncilDecides (s, tx) {
  const { tfgridModule: grid, tftBridgeModule: tokens, tftPriceModule: price, councilMembership: members, validatorSet: validators } = tx
  const policies = ['su', 'cu', 'nu', 'ipu', 'unique', 'domain'].map((_, i) => policy(1000 + i))
  const ends = [0, true, false]
  await s.decide([
    [grid.setStorageVersion('V17Struct')],
    [grid.setFarmCertification(1, 'Gold')],
    [grid.setNodeCertification(1, 'Certified')],
    [grid.createPricingPolicy('a policy', ...policies, eve.address, ferdie.address, 40)],
    [grid.updatePricingPolicy(2, 'a policy', ...policies, eve.address, ferdie.address, 30)],
    [grid.createFarmingPolicy('a farming policy', 1, 2, 3, 4, 5, ...ends, 'Diy', 'NotCertified')],
    [grid.updateFarmingPolicy(3, 'a farming policy', 1, 2, 3, 4, 5, 0, false, 'Diy', 'Gold')],
    [grid.attachPolicyToFarm(2, { farming_policy_id: 3, cu: 100, su: 100, end: 1000, node_count: 2, node_certification: false })],
    [grid.setFarmDedicated(3, true)],
    [grid.forceResetFarmIp(1, '185.206.122.40/24')],
    [grid.setConnectionPrice(90)],
    [grid.addNodeCertifier(eve.address)],
    [grid.removeNodeCertifier(eve.address)],
    [grid.setZosVersion('{"safe_to_upgrade":true}')],
    [tokens.addBridgeValidator(bob.address)],
    [tokens.removeBridgeValidator(bob.address)],
    [tokens.setFeeAccount(eve.address)],
    [tokens.setWithdrawFee(TFT)],
    [tokens.setDepositFee(TFT)],
    [price.setMinTftPrice(20)],
    [price.setMaxTftPrice(900)],
    [members.addMember(dave.address)],
    [members.swapMember(dave.address, eve.address)],
    [members.removeMember(eve.address)],
    [members.setPrime(bob.address)],
    [members.clearPrime()],
    [validators.addValidator(bob.address)],
    [validators.removeValidator(bob.address)],
    [tx.runtimeUpgrade.setCode('0x00'), 'system.FailedToExtractRuntimeVersion']
  ])
  await s.decide([[members.resetMembers([alice.address, bob.address, charlie.address])]])
}

async function tokensKeysAndPrices (s, { tftBridgeModule: tokens, tftPriceModule: price, burningModule: burning, tfkvStore: store }) {
  await s.block([
    [alice, price.setPrices(50, 10)],
    [bob, price.setPrices(50, 10), 'tftPriceModule.AccountUnauthorizedToSetPrice'],
    [alice, burning.burnTft(TFT, 'a message')],
    [alice, store.set('a key', 'a value')],
    [alice, store.delete('a key')],
    [alice, store.delete('a key'), 'tfkvStore.NoValueStored'],
    [alice, tokens.swapToStellar(STELLAR, 20n * TFT)],
    [bridge, tokens.proposeOrVoteMintTransaction('a-deposit', bob.address, 5n * TFT)],
    [bridge, tokens.createRefundTransactionOrAddSig('a-hash', STELLAR, TFT, 'a signature', 'a key', 1)],
    [bridge, tokens.setRefundTransactionExecuted('a-hash')]
  ])
  await s.block([
    [bridge, tokens.proposeBurnTransactionOrAddSig(1, STELLAR, 19n * TFT, 'a signature', 'a key', 1)],
    [bridge, tokens.setBurnTransactionExecuted(1)]
  ])
}

async function validatorsAndMembers (s, { validator, validatorSet, session, council, councilMembership, system, utility }) {
  const keys = { aura: bare(eve), grandpa: bare(ferdie) }
  await s.block([
    [eve, validator.createValidatorRequest(eve.address, ferdie.address, 'me', 'me.3bot', 'https://example.org')],
    [ferdie, validator.bond(eve.address)],
    [eve, session.setKeys(keys, '0x')],
    [eve, session.purgeKeys()],
    [eve, session.setKeys(keys, '0x')],
    [dave, validatorSet.addValidatorAgain(dave.address), 'validatorSet.ValidatorNotApproved']
  ])
  await s.block([[alice, validator.approveValidator(eve.address)]])
  await s.block([
    [eve, validator.activateValidatorNode()],
    [eve, validator.changeValidatorNodeAccount(dave.address)],
    [eve, validator.removeValidator(eve.address)]
  ])
  const within = [[system.remark('0x03'), 'BadOrigin'], [utility.batch([])]] // a member is neither an account nor root
  const executed = await s.block(within.map(([call]) => [alice, council.execute(call, call.method.encodedLength)]))
  s.inside(within, executed.map(events => s.resultOf(events, 'council', 'MemberExecuted')))
  await s.block([[charlie, councilMembership.changeKey(dave.address)]])
  await s.block([[dave, councilMembership.changeKey(charlie.address)]])
}

async function whatFarmersOrdain (s, tx) {
  const { balances, system, scheduler, utility, council, grandpa, dao } = tx
  const at = (await s.api.rpc.chain.getHeader()).number.toNumber() + 50
  const [id, id2] = ['0x' + '11'.repeat(32), '0x' + '22'.repeat(32)]
  const remark = system.remark('0x04')
  const code = await s.node.rpc('state_getStorage', ['0x3a636f6465'])
  await s.ordain(alice, FARMS, [
    [balances.forceTransfer(bob.address, alice.address, TFT)],
    [balances.forceSetBalance(stash.address, 77n * TFT)],
    [balances.setBalanceDeprecated(stash.address, 78n * TFT, 0)],
    [balances.forceUnreserve(bob.address, 1)],
    [system.setHeapPages(64)],
    [system.setStorage([['0x706c6179', '0x01'], ['0x706c617931', '0x01'], ['0x706c617932', '0x01']])],
    [system.killStorage(['0x706c6179'])],
    [system.killPrefix('0x706c6179', 10)],
    [system.setCode('0x00'), 'system.FailedToExtractRuntimeVersion'],
    [system.setCode(code), 'system.SpecVersionNeedsToIncrease'],
    [system.setCodeWithoutChecks(code)],
    [scheduler.schedule(at, null, 0, remark)],
    [scheduler.cancel(at, 0)],
    [scheduler.scheduleNamed(id, at, null, 0, remark)],
    [scheduler.cancelNamed(id)],
    [scheduler.scheduleAfter(1, [2, 2], 0, remark)],
    [scheduler.scheduleNamedAfter(id2, 1, null, 0, remark)],
    [utility.dispatchAs({ system: { Signed: bob.address } }, balances.transferKeepAlive(alice.address, 1))],
    [utility.withWeight(remark, { refTime: 1000, proofSize: 0 })],
    [council.setMembers([alice.address, bob.address, charlie.address], null, 3)],
    [council.disapproveProposal('0x' + '33'.repeat(32))],
    [grandpa.noteStalled(100000, 1)]
  ])
  for (let i = 0; i < 5; i++) await s.block([])
  const [proposed] = await s.block([[alice, dao.propose(5, remark, 'to be vetoed', 'https://example.org', null)]])
  const { proposalHash } = proposed.find(({ method }) => method === 'Proposed').data
  const vetoed = await s.block([alice, bob, charlie].map(who => [who, dao.veto(proposalHash)]))
  assert.ok(vetoed.flat().some(({ method }) => method === 'ClosedByCouncil'))
}

const theEnd = (s, { tfgridModule: grid }) => s.block([
  [bob, grid.deleteNode(1)],
  [alice, grid.deleteNodeFarm(2)]
])

// Time is the author's to tell, once a block.
async function timeThatIsNotTheirs (s) {
  await assert.rejects(s.node.rpc('author_submitExtrinsic', [await s.peek(alice, s.api.tx.timestamp.set(1))]),
    { code: 1010, data: 'Transaction dispatch is mandatory; transactions must not be validated.' })
  s.note(s.api.tx.timestamp.set(1).method, 'refused by the pool')
}

// A report of a double vote holds a proof of a type without values: its bytes, and so the call, cannot be written.
async function reportsThatCannotBe (s) {
  const index = s.api.tx.grandpa
  for (const call of ['reportEquivocation', 'reportEquivocationUnsigned']) {
    const { callIndex, meta } = index[call]
    assert.equal(s.api.registry.lookup.getSiType(meta.fields[1].type).def.asVariant.variants.length, 0)
    const remark = await s.peek(alice, s.api.tx.system.remark('0x'))
    const forged = remark.slice(0, -6) + u8aToHex(callIndex).slice(2) + '00'
    await assert.rejects(s.node.rpc('author_submitExtrinsic', [forged]), { code: 1001 }, call)
    s.met.set(`grandpa.${call}`, ['refused by the pool'])
  }
}

// ------------------------------------------------------------------- what two clients read of it, at the end

const pallets = api => api.runtimeMetadata.asLatest.pallets
const text = name => name.toString()
const plain = name => text(name).replaceAll('_', '').toLowerCase()
const same = (a, b) => plain(a) === plain(b) // clients write names in cases of their own

// @polkadot/api reads every item of every pallet; what it decodes it encodes to the very bytes that are stored.
async function readByPolkadot (api, node) {
  let items = 0; let values = 0; let constants = 0
  for (const { name: pallet, storage, constants: declared } of pallets(api)) {
    const queries = api.query[Object.keys(api.query).find(key => same(key, pallet))] ?? {}
    for (const { name, type } of storage.isSome ? storage.unwrap().items : []) {
      const item = Object.entries(queries).find(([key]) => same(key, name))[1]
      const found = type.isMap ? await item.entries() : [[item.key(), await item()]]
      for (const [key, value] of found) {
        const stored = await node.rpc('state_getStorage', [key.toHex?.() ?? key])
        if (stored !== null) assert.equal(u8aToHex((value.isSome ? value.unwrap() : value).toU8a()), stored, `${pallet}.${name}`)
        values += stored !== null
      }
      items++
    }
    constants += declared.length
    for (const { name } of declared) assert.ok(Object.values(api.consts).some(all => Object.keys(all).some(key => same(key, name))), `${pallet}.${name}`)
  }
  assert.ok(items >= 132 && constants === 28, `${items} items, ${constants} constants`) // those of version 152, and ours
  assert.ok(values > 150, `${values} values`)
}

// polkadot-api reads the same, and takes every call apart and together again.
async function readByPapi (api, papi, sent) {
  for (const { name: pallet, storage, constants } of pallets(api)) {
    for (const { name, type } of storage.isSome ? storage.unwrap().items : []) {
      const item = papi.query[pallet][name]
      const found = type.isMap ? await item.getEntries() : [await item.getValue()]
      if (type.isMap) assert.equal(found.length, (await api.rpc.state.getKeysPaged(await prefix(pallet, name), 1000)).length, `${pallet}.${name}`)
    }
    for (const { name } of constants) assert.notEqual(await papi.constants[pallet][name](), undefined, `${pallet}.${name}`)
  }
  const seen = new Set()
  for (const call of sent) {
    const made = await papi.txFromCallData(hexToU8a(call.toHex()))
    assert.equal(u8aToHex(await made.getEncodedData()), call.toHex(), `${call.section}.${call.method}`)
    seen.add(`${call.section}.${call.method}`)
  }
  return seen
}

const prefix = async (pallet, item) => xxhashAsHex(text(pallet), 128) + xxhashAsHex(text(item), 128).slice(2)

// One call of each pallet that has calls, made by polkadot-api, in one extrinsic.
async function callByPapi (client, papi, node) {
  const bytes = word => new TextEncoder().encode(word)
  const calls = [
    ['System', 'remark', { remark: bytes('hello') }, OK],
    ['Timestamp', 'set', { now: 1n }, 'BadOrigin'],
    ['Utility', 'batch', { calls: [] }, OK],
    ['Scheduler', 'cancel', { when: 1, index: 0 }, 'BadOrigin'],
    ['ValidatorSet', 'add_validator_again', { validator_id: bob.address }, 'ValidatorSet.BadOrigin'],
    ['Session', 'purge_keys', undefined, OK],
    ['Grandpa', 'note_stalled', { delay: 1, best_finalized_block_number: 1 }, 'BadOrigin'],
    ['Balances', 'transfer_keep_alive', { dest: Enum('Id', bob.address), value: TFT }, OK],
    ['TfgridModule', 'create_farm', { name: bytes('papi-farm'), public_ips: [] }, OK],
    ['SmartContractModule', 'create_name_contract', { name: bytes('papi-name') }, OK],
    ['TFTBridgeModule', 'swap_to_stellar', { target_stellar_address: bytes('nowhere'), amount: TFT }, 'TFTBridgeModule.InvalidStellarPublicKey'],
    ['TFTPriceModule', 'set_prices', { price: 60, block_number: 1 }, OK],
    ['BurningModule', 'burn_tft', { amount: TFT, message: bytes('gone') }, OK],
    ['TFKVStore', 'set', { key: bytes('k'), value: bytes('v') }, OK],
    ['RuntimeUpgrade', 'set_code', { code: bytes('nothing') }, 'BadOrigin'],
    ['Council', 'vote', { proposal: '0x' + '00'.repeat(32), index: 0, approve: true }, 'Council.ProposalMissing'],
    ['CouncilMembership', 'clear_prime', undefined, 'BadOrigin'],
    ['Dao', 'vote', { farm_id: 1, proposal_hash: '0x' + '00'.repeat(32), approve: true }, 'Dao.ProposalMissing'],
    ['Validator', 'bond', { validator: Enum('Id', bob.address) }, OK]
  ]
  const batch = papi.tx.Utility.force_batch({ calls: calls.map(([pallet, name, args]) => papi.tx[pallet][name](args).decodedCall) })
  const signed = await batch.sign(getPolkadotSigner(alice.publicKey, 'Sr25519', input => alice.sign(input)))
  const done = client.submit(signed)
  await waitFor('the extrinsic in the pool', async () => (await node.rpc('author_pendingExtrinsics')).length > 0)
  await node.rpc('engine_createBlock', [true, true])
  const { ok, events } = await done
  assert.ok(ok)
  const item = ({ type, value }) => type === 'ItemCompleted' ? OK
    : value.error.type !== 'Module' ? value.error.type : `${value.error.value.type}.${value.error.value.value.type}`
  const results = events.filter(e => e.type === 'Utility' && /^Item/.test(e.value.type)).map(e => item(e.value))
  assert.deepEqual(calls.map(([pallet, name], i) => [pallet, name, results[i]]), calls.map(([pallet, name,, result]) => [pallet, name, result]))
}

// The calls that no chain with one key and this runtime takes: each has a reason.
const NEVER_TAKEN = {
  'timestamp.set': 'the author tells the time',
  'grandpa.reportEquivocation': 'its proof has no value',
  'grandpa.reportEquivocationUnsigned': 'its proof has no value',
  'system.setCode': 'it needs a newer runtime: upgrade.test.mjs',
  'runtimeUpgrade.setCode': 'it needs a newer runtime: upgrade.test.mjs',
  'validatorSet.addValidatorAgain': 'it needs a validator that was found offline'
}

test('every call that the metadata declares ends as its rules say, every root agrees, and two clients read it all', () => withNode(['--sealing', 'manual'], async (api, node) => {
  const s = new Scenario(api, node, [alice, bob, charlie])
  for (const part of [accountsAndFarms, nodesAndEntities, contracts, whatTheCouncilDecides, tokensKeysAndPrices, validatorsAndMembers, whatFarmersOrdain]) await part(s, api.tx)
  const recorder = await record(node)
  const second = await connect(recorder)
  await readByPolkadot(second, node)
  await second.disconnect()
  await theEnd(s, api.tx)
  await timeThatIsNotTheirs(s)
  await reportsThatCannotBe(s)
  const declared = declaredCalls(api)
  assert.equal(declared.length, 137)
  assert.deepEqual(declared.filter(call => !s.met.has(call)), [], 'every declared call was sent')
  assert.deepEqual(declared.filter(call => !s.met.get(call).includes(OK)).sort(), Object.keys(NEVER_TAKEN).sort(), 'and was taken')

  const client = createClient(getWsProvider(recorder.url))
  try {
    const papi = client.getUnsafeApi()
    const seen = await readByPapi(api, papi, s.calls)
    assert.deepEqual(declared.filter(call => !seen.has(call) && !/^grandpa.report/.test(call)), [])
    await callByPapi(client, papi, node)
  } finally { client.destroy(); recorder.close() }
  await recorder.check(['chainHead_v1_follow', 'transaction_v1_broadcast', 'state_queryStorageAt'])
  const blocks = await checkRoots(node)
  assert.ok(blocks > 50, `${blocks} blocks`)
}))
