// blob.test.mjs - the wasm runtime that the chain holds at :code, run by an executor that is not ours, makes
// of each block the same state as the node's native runtime did.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Keyring } from '@polkadot/keyring'
import { cryptoWaitReady } from '@polkadot/util-crypto'
import { get_runtime_version } from '@acala-network/chopsticks-executor'
import { CODE, run, sameStates } from './blob.mjs'
import { send, withNode } from './programs.mjs'

await cryptoWaitReady()

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
  await sameStates(api, node, wasm)
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
