// blob.test.mjs - the wasm runtime that the chain holds at :code, run by an executor that is not ours, makes
// of each block the same state as the node's native runtime did.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Keyring } from '@polkadot/keyring'
import { cryptoWaitReady } from '@polkadot/util-crypto'
import { calculate_state_root, get_runtime_version, run_task } from '@acala-network/chopsticks-executor'
import { allEntries, send, withNode } from './programs.mjs'

await cryptoWaitReady()
const CODE = '0x3a636f6465'

// run calls the blob over the state of one block: {result, storageDiff}.
async function run (node, wasm, at, calls) {
  const storage = new Map(await allEntries(node, at))
  const keys = [...storage.keys()].sort()
  const answer = await run_task({ id: 1, wasm, calls, storage: [], mockSignatureHost: 0, allowUnresolvedImports: false, runtimeLogLevel: 0, storageProofSize: 0 }, {
    getStorage: async key => storage.get(key),
    getNextKey: async (prefix, key) => keys.find(k => k > key && k.startsWith(prefix)),
    offchainGetStorage: async () => undefined,
    offchainTimestamp: async () => 0,
    offchainRandomSeed: async () => '0x' + '00'.repeat(32),
    offchainSubmitTransaction: async () => false
  })
  assert.ok(answer.Call, `the blob failed: ${answer.Error}`)
  return { ...answer.Call, storage }
}

// stateAfter is what the blob makes of block `number`, as sorted [key, value].
async function stateAfter (api, node, wasm, number) {
  const { block } = await api.rpc.chain.getBlock(await node.rpc('chain_getBlockHash', [number]))
  const logs = block.header.digest.logs.filter(log => !log.isSeal)
  const header = api.registry.createType('Header', { ...block.header.toJSON(), stateRoot: '0x' + '00'.repeat(32), extrinsicsRoot: '0x' + '00'.repeat(32), digest: { logs } })
  const calls = [['Core_initialize_block', [header.toHex()]], ...block.extrinsics.map(e => ['BlockBuilder_apply_extrinsic', [e.toHex()]]),
    ['BlockBuilder_finalize_block', []]]
  const { storage, storageDiff, result } = await run(node, wasm, block.header.parentHash.toHex(), calls)
  for (const [key, value] of storageDiff) value === null || value === undefined ? storage.delete(key) : storage.set(key, value)
  const made = api.registry.createType('Header', result)
  return { made, expected: block.header, state: [...storage].sort() }
}

test('native and wasm make the same state of every block', { timeout: 240000 }, () => withNode(['--sealing', 'instant'], async (api, node) => {
  const wasm = await node.rpc('state_getStorage', [CODE])
  assert.equal((await get_runtime_version(wasm)).specVersion, api.runtimeVersion.specVersion.toNumber())
  const ring = new Keyring({ type: 'sr25519' })
  const [alice, bob] = ['//Alice', '//Bob'].map(uri => ring.addFromUri(uri))
  for (const who of [alice, bob]) {
    await send(api, api.tx.tfgridModule.userAcceptTc('https://example.org/terms', 'f'.repeat(32)), who)
    await send(api, api.tx.tfgridModule.createTwin('relay.example.org', null), who)
  }
  await send(api, api.tx.tfgridModule.createFarm('a-farm', [{ ip: '185.206.122.33/24', gw: '185.206.122.1' }]), alice)
  await send(api, api.tx.balances.transferKeepAlive(bob.address, 5_000_000n), alice, { tip: 77n, era: 64 })
  await send(api, api.tx.utility.batch([api.tx.system.remarkWithEvent('0x01'), api.tx.tfgridModule.deleteNode(9)]), bob)
  await assert.rejects(send(api, api.tx.tfgridModule.createTwin(null, null), bob))
  const best = (await api.rpc.chain.getHeader()).number.toNumber()
  for (let number = 1; number <= best; number++) {
    const hash = await node.rpc('chain_getBlockHash', [number])
    const { made, expected, state } = await stateAfter(api, node, wasm, number)
    assert.deepEqual(state, (await allEntries(node, hash)).sort(), `state of block ${number}`)
    assert.equal(made.extrinsicsRoot.toHex(), expected.extrinsicsRoot.toHex(), `extrinsics root of block ${number}`)
    // The executor gives the blob no root of its own state, so it is calculated of what the blob made.
    assert.equal(await calculate_state_root(state, 1), expected.stateRoot.toHex(), `state root of block ${number}`)
  }
}))

test('the blob judges a signed extrinsic as the node does', { timeout: 120000 }, () => withNode(['--sealing', 'manual'], async (api, node) => {
  const wasm = await node.rpc('state_getStorage', [CODE])
  const alice = new Keyring({ type: 'sr25519' }).addFromUri('//Alice')
  const signed = await api.tx.system.remark('0x0102').signAsync(alice, { nonce: 0 })
  const forged = signed.toU8a()
  forged[60] ^= 1
  const at = api.genesisHash.toHex()
  for (const [extrinsic, valid] of [[signed.toHex(), true], ['0x' + Buffer.from(forged).toString('hex'), false]]) {
    const args = ['0x02', extrinsic, at]        // from outside, on top of the genesis block
    const { result } = await run(node, wasm, at, [['TaggedTransactionQueue_validate_transaction', args]])
    assert.equal(result.startsWith('0x00'), valid)
    assert.equal(await node.rpc('state_call', ['TaggedTransactionQueue_validate_transaction', '0x' + args.map(a => a.slice(2)).join(''), at]), result)
  }
}))
