// state_root.test.mjs - the state root of each header, computed again from all keys by a foreign implementation.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Keyring } from '@polkadot/keyring'
import { cryptoWaitReady } from '@polkadot/util-crypto'
import { send, withNode } from './programs.mjs'
import { checkRoots } from './scenario.mjs'

await cryptoWaitReady()

test('every header holds the root of its state', () => withNode(['--sealing', 'instant'], async (api, node) => {
  const ring = new Keyring({ type: 'sr25519' })
  const [alice, bob] = ['//Alice', '//Bob'].map(uri => ring.addFromUri(uri))
  const link = 'https://example.org/terms'
  for (const who of [alice, bob]) {
    await send(api, api.tx.tfgridModule.userAcceptTc(link, 'f'.repeat(32)), who)
    await send(api, api.tx.tfgridModule.createTwin('relay.example.org', null), who)
  }
  await send(api, api.tx.tfgridModule.createFarm('a-farm', []), alice)
  await send(api, api.tx.utility.batch(Array.from({ length: 40 }, (_, i) =>
    api.tx.balances.transferKeepAlive(ring.addFromUri('//x' + i).address, 10_000_000n + BigInt(i)))), alice)
  await send(api, api.tx.balances.transferAll(alice.address, false), ring.addFromUri('//x7'))
  assert.ok((await checkRoots(node)) >= 8)
}))

test('a read proof is accepted by a foreign verifier', () => withNode(['--sealing', 'instant'], async (api, node) => {
  const { decode_proof: decode } = await import('@acala-network/chopsticks-executor')
  const key = api.query.balances.totalIssuance.key()
  const { at, proof } = await node.rpc('state_getReadProof', [[key]])
  const { stateRoot } = await node.rpc('chain_getHeader', [at])
  const found = new Map(await decode(stateRoot, proof))
  assert.equal(found.get(key), await node.rpc('state_getStorage', [key, at]))
}))
