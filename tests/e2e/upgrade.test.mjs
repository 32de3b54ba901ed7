// upgrade.test.mjs - the council replaces the runtime; a node of the old version then makes no block, and still answers.
import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import { test } from 'node:test'
import { Keyring } from '@polkadot/keyring'
import { hexToU8a, u8aToHex } from '@polkadot/util'
import { cryptoWaitReady } from '@polkadot/util-crypto'
import WebSocket from 'ws'
import { CODE, sameStates } from './blob.mjs'
import { connect, scratch, send, startNode, waitFor } from './programs.mjs'

await cryptoWaitReady()
const sr = new Keyring({ type: 'sr25519' })
const [alice, bob, charlie] = ['//Alice', '//Bob', '//Charlie'].map(uri => sr.addFromUri(uri))
const SLOTS = ['--sealing', '250']
const refused = /the chain's runtime is another version than this node's/

// sections walks a module: [id, start of its content, end, name of a custom one].
function * sections (blob) {
  const leb = at => { let n = 0; for (let s = 0; ; s += 7) { const b = blob[at++]; n |= (b & 127) << s; if (b < 128) return [n, at] } }
  for (let at = 8; at < blob.length;) {
    const id = blob[at]
    let [len, start] = leb(at + 1)
    const end = start + len
    let name
    if (id === 0) {
      let nameLen
      [nameLen, start] = leb(start)
      name = Buffer.from(blob.subarray(start, start += nameLen)).toString()
    }
    yield { id, start, end, name }
    at = end
  }
}

// newer is the blob with another spec_version, and another spec_name of the same length if one is given.
function newer (blob, version, rename = name => name) {
  const made = Uint8Array.from(blob)
  const { start } = [...sections(made)].find(({ name }) => name === 'runtime_version')
  const specLen = made[start] >> 2
  const implLen = made[start + 1 + specLen] >> 2
  const name = Buffer.from(made.subarray(start + 1, start + 1 + specLen)).toString()
  made.set(Buffer.from(rename(name)), start + 1)
  new DataView(made.buffer).setUint32(start + 2 + specLen + implLen + 4, version, true)
  return made
}

async function motion (api, call) {
  const index = (await api.query.council.proposalCount()).toNumber()
  const { weight } = await call.paymentInfo(alice)
  const len = call.method.encodedLength
  await send(api, api.tx.council.propose(2, call, len), alice)
  for (const who of [alice, bob]) await send(api, api.tx.council.vote(call.method.hash, index, true), who)
  return send(api, api.tx.council.close(call.method.hash, index, weight, len), charlie)
}

const outcome = (api, events) => {
  const [, result] = events.find(({ event }) => api.events.council.Executed.is(event)).event.data
  if (result.isOk) return 'Ok'
  return result.asErr.isModule ? api.registry.findMetaError(result.asErr.asModule).name : result.asErr.toString()
}

// versionsTold collects what subscribers hear of the version: by state_subscribeRuntimeVersion, and by chainHead_v1_follow.
async function versionsTold (node) {
  const socket = new WebSocket(node.url)
  const told = []; const followed = []
  await new Promise((resolve, reject) => { socket.on('open', resolve); socket.on('error', reject) })
  socket.on('message', text => {
    const { method, params } = JSON.parse(text)
    if (method === 'state_runtimeVersion') told.push(params.result.specVersion)
    const runtime = method === 'chainHead_v1_followEvent' && (params.result.finalizedBlockRuntime ?? params.result.newRuntime)
    if (runtime) followed.push(runtime.spec.specVersion)
  })
  socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'state_subscribeRuntimeVersion', params: [] }))
  socket.send(JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'chainHead_v1_follow', params: [true] }))
  await waitFor('the first version', () => told.length > 0 && followed.length > 0)
  return { told, followed, close: () => socket.close() }
}

const upgrades = header => header.digest.logs.filter(log => log === '0x08').length
const log = node => readFileSync(node.log, 'utf8')

test('the council upgrades the runtime, and a node of the old version refuses to author', async () => {
  const dir = scratch()
  let node = await startNode(dir, SLOTS)
  let api
  try {
    api = await connect(node)
    const blob = hexToU8a(await node.rpc('state_getStorage', [CODE]))
    const version = api.runtimeVersion.specVersion.toNumber()
    const upgrade = code => api.tx.runtimeUpgrade.setCode(u8aToHex(code))
    const subscription = await versionsTold(node)

    // What is no newer runtime of this name closes its motion and changes nothing.
    const attempts = [[blob, 'SpecVersionNeedsToIncrease'], [newer(blob, version + 1, name => name.toUpperCase()), 'InvalidSpecName'],
      [blob.subarray(0, blob.length - 9), 'FailedToExtractRuntimeVersion'], [Uint8Array.of(1, 2, 3), 'FailedToExtractRuntimeVersion']]
    for (const [code, error] of attempts) assert.equal(outcome(api, (await motion(api, upgrade(code))).events), error)
    await assert.rejects(send(api, upgrade(newer(blob, version + 1)), alice), /BadOrigin/)
    assert.equal(await node.rpc('state_getStorage', [CODE]), u8aToHex(blob))
    assert.equal((await node.rpc('state_getRuntimeVersion')).specVersion, version)

    const { events, hash, names } = await motion(api, upgrade(newer(blob, version + 1)))
    assert.equal(outcome(api, events), 'Ok')
    assert.ok(names.includes('system.CodeUpdated'), names.join(' '))
    const at = hash.toHex()
    const header = await node.rpc('chain_getHeader', [at])
    assert.equal(upgrades(header), 1)
    assert.equal(upgrades(await node.rpc('chain_getHeader', [header.parentHash])), 0)
    assert.equal(await node.rpc('state_getStorage', [CODE]), u8aToHex(newer(blob, version + 1)))

    // The blob says the same of every block up to this one.
    await sameStates(api, node, u8aToHex(blob), Number(header.number))

    // The version is the chain's from this block on.
    const now = await node.rpc('state_getRuntimeVersion')
    assert.deepEqual(now, { ...await node.rpc('state_getRuntimeVersion', [header.parentHash]), specVersion: version + 1 })
    await waitFor('the new version', () => subscription.told.length === 2 && subscription.followed.length === 2)
    assert.deepEqual(subscription.told, [version, version + 1])
    assert.deepEqual(subscription.followed, [version, version + 1])
    subscription.close()
    const core = await node.rpc('state_call', ['Core_version', '0x'])
    assert.equal(api.registry.createType('RuntimeVersion', core).specVersion.toNumber(), version + 1)
    await api.disconnect()

    // It makes no block, judges no extrinsic and runs no function; what is stored it serves.
    await waitFor('the log', () => refused.test(log(node)))
    assert.match(log(node), new RegExp(`chain_spec_version\\W+${version + 1}`))
    const signed = await api.tx.system.remark('0x01').signAsync(bob, { nonce: 99, era: 0, blockHash: api.genesisHash })
    await assert.rejects(node.rpc('author_submitExtrinsic', [signed.toHex()]), refused)
    await assert.rejects(node.rpc('engine_createBlock', [true, false]), refused)
    await assert.rejects(node.rpc('state_call', ['AuraApi_slot_duration', '0x']), refused)
    assert.equal(await node.rpc('chain_getBlockHash'), at)
    assert.equal((await node.rpc('chain_getHeader')).number, header.number)
    assert.ok(await node.rpc('system_health'))
    await waitFor('the last block of the old version to be final', async () => await node.rpc('chain_getFinalizedHead') === at)

    // A start later it says so again; blocks in slots do not come either.
    await node.stop()
    node = await startNode(dir, SLOTS)
    assert.equal(log(node).match(new RegExp(refused, 'g')).length >= 2, true)
    assert.equal((await node.rpc('state_getRuntimeVersion')).specVersion, version + 1)
    assert.equal((await node.rpc('state_getRuntimeVersion', [header.parentHash])).specVersion, version)
    const elsewhere = scratch()
    const clock = await startNode(elsewhere, SLOTS) // whose slots are as long
    try {
      await waitFor('another node to make five blocks', async () => Number((await clock.rpc('chain_getHeader')).number) >= 5)
    } finally {
      await clock.kill()
      rmSync(elsewhere, { recursive: true, force: true })
    }
    assert.equal(await node.rpc('chain_getBlockHash'), at)
    await node.stop()
  } catch (error) {
    error.message += `\n--- trellis-node:\n${node.tail()}`
    throw error
  } finally {
    await api?.disconnect().catch(() => {})
    node.child.kill('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  }
})

