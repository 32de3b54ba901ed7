// blob_grid.test.mjs - a grid in use: every block of it gives the same state by the blob as by the node's own runtime.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Keyring } from '@polkadot/keyring'
import { cryptoWaitReady } from '@polkadot/util-crypto'
import { CODE, sameStates } from './blob.mjs'
import { send, withNode } from './programs.mjs'

await cryptoWaitReady()
const GIB = 1024n ** 3n
const ring = new Keyring({ type: 'sr25519' })
const [alice, bob, charlie, dave] = ['//Alice', '//Bob', '//Charlie', '//Dave'].map(uri => ring.addFromUri(uri))
const bound = { refTime: 1_000_000_000n, proofSize: 100_000n }

// council runs a call in the council's name: two of three members, closed by a stranger.
async function council (api, call) {
  const index = (await api.query.council.proposalCount()).toNumber()
  const hash = call.method.hash.toHex()
  await send(api, api.tx.council.propose(2, call, call.method.encodedLength), alice)
  for (const who of [bob, charlie]) await send(api, api.tx.council.vote(hash, index, true), who)
  const { names } = await send(api, api.tx.council.close(hash, index, bound, call.method.encodedLength), dave)
  assert.ok(names.includes('council.Executed'))
}

async function twin (api, who) {
  await send(api, api.tx.tfgridModule.userAcceptTc('https://example.org/terms', 'f'.repeat(32)), who)
  await send(api, api.tx.tfgridModule.createTwin('relay.example.org', '0x' + '02'.repeat(33)), who)
}

async function farmAndNode (api, { tfgridModule: grid }) {
  await twin(api, alice)
  await twin(api, bob)
  await send(api, grid.createFarm('a-farm', [{ ip: '185.206.122.33/24', gw: '185.206.122.1' }]), alice)
  await send(api, grid.addFarmIp(1, '185.206.122.34/24', '185.206.122.1'), alice)
  await send(api, grid.addStellarPayoutV2address(1, 'GABC'), alice)
  const resources = { hru: 1000n * GIB, sru: 1000n * GIB, cru: 8, mru: 32n * GIB }
  const place = { city: 'Ghent', country: 'Belgium', latitude: '51.05', longitude: '3.72' }
  await send(api, grid.createNode(1, resources, place, [{ name: 'zos', mac: '54:45:46:f6:02:61', ips: ['185.206.122.40'] }], false, true, 'SN1'), alice)
  await send(api, grid.updateNode(1, 1, resources, place, [], true, false, null), alice)
  await send(api, grid.reportUptimeV2(500, BigInt((await api.query.timestamp.now()).toString()) / 1000n), alice)
  await send(api, grid.changePowerState({ Up: null }), alice)
}

async function contracts (api, { smartContractModule: contract, tftPriceModule: price, utility }) {
  await send(api, price.setPrices(60, 100), alice)
  await send(api, contract.createNodeContract(1, '0x' + 'ab'.repeat(32), 'data', 1, null), bob)
  await send(api, contract.reportContractResources([{ contractId: 1, used: { hru: 0, sru: 100n * GIB, cru: 4, mru: 8n * GIB } }]), alice)
  await send(api, contract.addNruReports([{ contractId: 1, timestamp: 1n << 31n, window: 600, nru: 5n * GIB }]), alice)
  await send(api, contract.createNameContract('some-name'), bob)
  await send(api, contract.updateNodeContract(1, '0x' + 'cd'.repeat(32), 'other'), bob)
  await send(api, contract.serviceContractCreate(alice.address, bob.address), alice)
  await send(api, contract.serviceContractSetMetadata(1, 'service'), alice)
  await send(api, contract.serviceContractSetFees(1, 100, 10), alice)
  for (const who of [alice, bob]) await send(api, contract.serviceContractApprove(1), who)
  await send(api, contract.serviceContractBill(1, 0, 'bill'), alice)
  await send(api, utility.forceBatch([contract.cancelContract(2), contract.cancelContract(99)]), bob)
}

test('a grid in use is the same by native and wasm', { timeout: 600000 }, () => withNode(['--sealing', 'instant'], async (api, node) => {
  const wasm = await node.rpc('state_getStorage', [CODE])
  await farmAndNode(api, api.tx)
  await contracts(api, api.tx)
  await council(api, api.tx.tfgridModule.setConnectionPrice(90))
  await council(api, api.tx.smartContractModule.changeBillingFrequency(12))
  await council(api, api.tx.councilMembership.addMember(dave.address))
  await send(api, api.tx.tfkvStore.set('key', 'value'), bob)
  await send(api, api.tx.tfkvStore.delete('key'), bob)
  await send(api, api.tx.burningModule.burnTft(1_000_000, 'gone'), bob)
  await assert.rejects(send(api, api.tx.tfgridModule.deleteNode(1), bob))
  await assert.rejects(send(api, api.tx.balances.transferAllowDeath(bob.address, 2n ** 80n), alice), /FundsUnavailable/)
  await send(api, api.tx.session.setKeys('0x' + '11'.repeat(32) + '22'.repeat(32), '0x'), bob)
  await send(api, api.tx.utility.asDerivative(3, api.tx.system.remark('0x01')), bob)
  for (let i = 0; i < 24; i++) await node.rpc('engine_createBlock', [true, false])
  assert.ok((await api.query.smartContractModule.contractBillingInformationByID(1)).amountUnbilled !== undefined)
  const bills = []
  const best = await sameStates(api, node, wasm)
  for (let number = 1; number <= best; number++) {
    const records = await api.query.system.events.at(await node.rpc('chain_getBlockHash', [number]))
    bills.push(...records.filter(({ event }) => event.method === 'ContractBilled'))
  }
  assert.ok(bills.length >= 1, 'no bill was made')
}))
