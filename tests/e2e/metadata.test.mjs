// metadata.test.mjs - the metadata that a client is given holds all that existing clients know.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Keyring } from '@polkadot/keyring'
import { cryptoWaitReady } from '@polkadot/util-crypto'
import { allEntries, send, withNode } from './programs.mjs'

await cryptoWaitReady()
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

test('state_getMetadata equals the reference item by item', () => withNode(['--sealing', 'manual'], async (api, node, dir) => {
  const served = join(dir, 'metadata.hex')
  writeFileSync(served, await node.rpc('state_getMetadata'))
  const said = execFileSync('python3', [join(root, 'tools/compare_metadata.py'), join(root, 'tests/vectors/metadata-v152.hex'), served], { encoding: 'utf8' })
  assert.match(said, /^2\d\d\d passed, 0 failed/m)
}))

test('the newest version offered has the runtime API by name and type', () => withNode(['--sealing', 'manual'], async (api, node) => {
  const versions = await node.rpc('state_call', ['Metadata_metadata_versions', '0x'])
  assert.ok(api.registry.createType('Vec<u32>', versions).map(v => v.toNumber()).includes(14))
  assert.ok(api.registry.createType('Vec<u32>', versions).map(v => v.toNumber()).includes(15))
  assert.equal((await api.call.core.version()).specVersion.toNumber(), 154)
  assert.equal((await api.call.auraApi.slotDuration()).toNumber(), 6000)
  assert.equal((await api.call.accountNonceApi.accountNonce('5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY')).toNumber(), 0)
}))

test('a client decodes every constant and every entry of the state', () => withNode(['--sealing', 'instant'], async (api, node) => {
  const alice = new Keyring({ type: 'sr25519' }).addFromUri('//Alice')
  await send(api, api.tx.tfgridModule.userAcceptTc('https://example.org/terms', 'f'.repeat(32)), alice)
  await send(api, api.tx.tfgridModule.createTwin('relay.example.org', '0x0102'), alice)
  await send(api, api.tx.tfgridModule.createFarm('a-farm', [{ ip: '185.206.122.33/24', gw: '185.206.122.1' }]), alice)
  await send(api, api.tx.tfkvStore.set('key', 'value'), alice)
  await send(api, api.tx.council.propose(2, api.tx.system.remark('0x01'), 10), alice)
  const hash = (await api.rpc.chain.getBlockHash()).toHex()
  const then = await api.at(hash)
  for (const constants of Object.values(api.consts)) for (const constant of Object.values(constants)) assert.ok(constant.toHex().startsWith('0x'))
  const state = new Map(await allEntries(node, hash))
  let decoded = 0
  for (const section of Object.keys(then.query)) {
    for (const [name, item] of Object.entries(then.query[section])) {
      if (item.creator.meta.type.isMap) {
        for (const [key, value] of await item.entries()) { assert.ok(state.delete(key.toHex()), `${section}.${name}`); assert.ok(value); decoded++ }
      } else { assert.ok((await item()).toHex().startsWith('0x')); if (state.delete(item.key())) decoded++ }
    }
  }
  // What no pallet declares: a key that only nodes know, and the storage version of each pallet.
  const rest = [...state.keys()].filter(key => !key.endsWith('4e7b9012096b41c4eb3aaf947f6ea429'))
  assert.deepEqual(rest.map(key => Buffer.from(key.slice(2), 'hex').toString()).sort(), [':grandpa_authorities'])
  assert.ok(decoded > 60)
}))
