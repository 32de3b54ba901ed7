// metadata.test.mjs - the metadata that a client is given holds all that existing clients know.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { withNode } from './programs.mjs'

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
