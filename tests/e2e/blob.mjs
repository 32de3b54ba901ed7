// blob.mjs - runs the chain's wasm blob in an executor that is not ours, and compares what it makes of blocks.
import assert from 'node:assert/strict'
import { calculate_state_root, run_task } from '@acala-network/chopsticks-executor'
import { allEntries } from './programs.mjs'

export const CODE = '0x3a636f6465'

// run calls the blob over the state of one block: {result, storageDiff}.
export async function run (node, wasm, at, calls) {
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
export async function stateAfter (api, node, wasm, number) {
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

// sameStates holds the state after each block equal to what the blob makes of that block.
export async function sameStates (api, node, wasm, first = 1) {
  const best = (await api.rpc.chain.getHeader()).number.toNumber()
  for (let number = first; number <= best; number++) {
    const hash = await node.rpc('chain_getBlockHash', [number])
    const { made, expected, state } = await stateAfter(api, node, wasm, number)
    assert.deepEqual(state, (await allEntries(node, hash)).sort(), `state of block ${number}`)
    assert.equal(made.extrinsicsRoot.toHex(), expected.extrinsicsRoot.toHex(), `extrinsics root of block ${number}`)
    // The executor gives the blob no root of its own state, so it is calculated of what the blob made.
    assert.equal(await calculate_state_root(state, 1), expected.stateRoot.toHex(), `state root of block ${number}`)
  }
  return best
}
