// rpc.test.mjs - what clients call is listed and answered; the runtime's functions; the operator's limits and keys.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { request } from 'node:http'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import { ApiPromise, Keyring, WsProvider } from '@polkadot/api'
import { Metadata, TypeRegistry } from '@polkadot/types'
import { compactToU8a, hexToU8a, u8aConcat, u8aToHex } from '@polkadot/util'
import { cryptoWaitReady } from '@polkadot/util-crypto'
import { WebSocket, WebSocketServer } from 'ws'
import { bin, freePort, scratch, send, startNode, withNode } from './programs.mjs'

globalThis.WebSocket = WebSocket
const { createClient } = await import('polkadot-api')
const { getWsProvider } = await import('polkadot-api/ws')
const { getPolkadotSigner } = await import('polkadot-api/signer')
const require = createRequire(import.meta.url)
const { Client } = require('@threefold/tfchain_client')
const definitions = require('@polkadot/types/interfaces/jsonrpc').default

await cryptoWaitReady()
const ring = new Keyring({ type: 'sr25519' })
const alice = ring.addFromUri('//Alice')
const bob = ring.addFromUri('//Bob')

async function withPlainNode (extra, run) {
  const dir = scratch()
  const node = await startNode(dir, extra)
  try {
    await run(node, dir)
    await node.stop()
  } catch (error) {
    error.message += `\n--- trellis-node:\n${node.tail()}`
    throw error
  } finally {
    node.child.kill('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  }
}

// ---------------------------------------------------------------------------------- what clients call

// recorder stands between clients and the node, and notes each method and each refusal.
async function recorder (node) {
  const port = await freePort()
  const server = new WebSocketServer({ port, host: '127.0.0.1' })
  const called = new Set()
  const refused = new Set()
  server.on('connection', client => {
    const upstream = new WebSocket(node.url)
    const early = []
    const names = new Map()
    client.on('message', (data, isBinary) => {
      for (const one of [JSON.parse(data)].flat()) { called.add(one.method); names.set(one.id, one.method) }
      if (upstream.readyState === WebSocket.OPEN) upstream.send(data, { binary: isBinary })
      else early.push(data)
    })
    upstream.on('open', () => early.forEach(data => upstream.send(data.toString())))
    upstream.on('message', data => {
      for (const one of [JSON.parse(data)].flat()) if (one.error?.code === -32601) refused.add(names.get(one.id))
      client.send(data.toString())
    })
    client.on('close', () => upstream.close())
    upstream.on('close', () => client.close())
  })
  await new Promise(resolve => server.once('listening', resolve))
  return { url: `ws://127.0.0.1:${port}`, called, refused, stop: () => { for (const one of server.clients) one.terminate(); server.close() } }
}

async function usePolkadotJs (url) {
  const api = await ApiPromise.create({ provider: new WsProvider(url, 1000), noInitWarn: true, throwOnConnect: true })
  const heads = await new Promise(resolve => { let stop; let n = 0; api.rpc.chain.subscribeNewHeads(() => { if (++n === 2) resolve(stop) }).then(s => { stop = s; return api.tx.system.remark('0x01').signAndSend(alice) }) })
  heads()
  for (const name of ['subscribeFinalizedHeads', 'subscribeAllHeads']) (await api.rpc.chain[name](() => {}))()
  const { hash } = await send(api, api.tx.balances.transferKeepAlive(alice.address, 1), bob, { era: 64 })
  const then = await api.at(hash)
  await then.query.system.account.entries()
  await api.query.system.account.hash(bob.address)
  await api.query.system.account.size(bob.address)
  await api.query.system.account.keysPaged({ pageSize: 2, args: [] })
  ;(await api.query.system.account(bob.address, () => {}))()
  ;(await api.queryMulti([api.query.timestamp.now, [api.query.system.account, alice.address]], () => {}))()
  await api.tx.system.remark('0x').paymentInfo(bob)
  await api.derive.chain.getBlock(hash)
  ;(await api.derive.chain.bestNumber(() => {}))()
  await api.derive.balances.all(bob.address)
  await api.rpc.state.getReadProof([api.query.timestamp.now.key()])
  await api.rpc.state.getMetadata()
  for (const name of ['chain', 'name', 'version', 'health', 'properties', 'chainType', 'nodeRoles', 'peers', 'syncState', 'localListenAddresses']) await api.rpc.system[name]()
  await api.rpc.grandpa.roundState()
  await api.rpc.author.pendingExtrinsics()
  await api.rpc.payment.queryFeeDetails(api.tx.system.remark('0x').toHex())
  await api.disconnect()
}

async function usePapi (url, node) {
  const client = createClient(getWsProvider(url))
  const api = client.getUnsafeApi()
  const signer = getPolkadotSigner(bob.publicKey, 'Sr25519', input => bob.sign(input))
  await client.getChainSpecData()
  await api.query.System.Account.getEntries()
  const tx = api.tx.System.remark({ remark: (await import('polkadot-api')).Binary?.fromHex?.('0x01') ?? new Uint8Array([1]) })
  const finality = setInterval(async () => node.rpc('engine_finalizeBlock', [await node.rpc('chain_getBlockHash')]).catch(() => {}), 100)
  try {
    await tx.getEstimatedFees(bob.address)
    await tx.signAndSubmit(signer)
  } finally { clearInterval(finality) }
  const [block] = await client.getBestBlocks()
  await client.getBlockBody(block.hash)
  await client.getBlockHeader(block.hash)
  client.destroy()
}

async function useTfchainClient (url) {
  const client = new Client({ url, mnemonicOrSecret: '//Charlie' })
  await client.connect()
  const apply = async extrinsic => (await extrinsic).apply()
  await apply(client.termsAndConditions.accept({ documentLink: 'https://example.org/terms', documentHash: 'f'.repeat(32) }))
  const twin = await apply(client.twins.create({ relay: 'relay.example.org' }))
  await client.twins.get({ id: twin.id })
  await apply(client.kvStore.set({ key: 'k', value: 'v' }))
  await client.kvStore.list()
  await client.disconnect()
}

test('what unmodified clients call is in rpc_methods, and none of it is refused as unknown', () => withPlainNode(['--sealing', 'instant'], async node => {
  const { methods } = await node.rpc('rpc_methods')
  const record = await recorder(node)
  try {
    await usePolkadotJs(record.url)
    await useTfchainClient(record.url)
    await usePapi(record.url, node)
  } finally { record.stop() }
  assert.deepEqual([...record.refused], [])
  assert.deepEqual([...record.called].filter(name => !methods.includes(name)), [])
  assert.ok(record.called.size > 45, `only ${record.called.size} methods were called`)
}))

// What @polkadot/api has definitions for and this chain has no pallet, network or worker for.
const ABSENT = /^(babe|beefy|contracts|mmr|sync|net|web3|eth)_|^dev_getBlockStats$|^state_(getChild|traceBlock|trieMigrationStatus)|^system_(networkState|addReservedPeer|removeReservedPeer)$/

test('what @polkadot/api has definitions for is listed, but for what this chain has not', () => withPlainNode(['--sealing', 'manual'], async node => {
  const { methods } = await node.rpc('rpc_methods')
  const known = Object.entries(definitions).flatMap(([section, all]) => Object.entries(all).flatMap(([name, one]) =>
    one.pubsub ? one.pubsub.slice(1).map(method => `${section}_${method}`) : [one.endpoint || `${section}_${name}`]))
  assert.ok(known.length > 120)
  assert.deepEqual(known.filter(name => !methods.includes(name) && !ABSENT.test(name)), [])
  assert.deepEqual(known.filter(name => methods.includes(name) && ABSENT.test(name)), [])
}))

test('a client finds the node\'s identity, and its records beside the chain', () => withNode(['--sealing', 'manual'], async api => {
  assert.match((await api.rpc.system.localPeerId()).toString(), /^12D3KooW\w{44}$/)
  assert.equal((await api.rpc.offchain.localStorageGet('PERSISTENT', '0x6b6579')).isNone, true)
  await api.rpc.offchain.localStorageSet('PERSISTENT', '0x6b6579', '0x0102')
  assert.equal((await api.rpc.offchain.localStorageGet('PERSISTENT', '0x6b6579')).unwrap().toHex(), '0x0102')
}))

// ---------------------------------------------------------------------------------- the runtime's functions

test('every function of the runtime that metadata 15 names answers by state_call', () => withNode(['--sealing', 'manual'], async (api, node) => {
  await node.rpc('engine_createBlock', [true, true])
  const opaque = await node.rpc('state_call', ['Metadata_metadata_at_version', '0x0f000000'])
  assert.ok(opaque.startsWith('0x01'))
  const bytes = hexToU8a(opaque).slice(1)
  const registry = new TypeRegistry()
  const metadata = new Metadata(registry, registry.createType('Bytes', bytes).toU8a(true))
  const { apis } = metadata.asV15
  const hash = (await api.rpc.chain.getBlockHash()).toHex()
  const header = (await api.rpc.chain.getHeader(hash)).toU8a()
  const slot = api.createType('u64', Math.floor(Date.now() / 6000) + 10).toU8a()
  const next = u8aConcat(hexToU8a(hash), compactToU8a(2), new Uint8Array(64), Uint8Array.of(4, 6), 'aura', compactToU8a(8), slot)
  const block = u8aConcat((await api.rpc.chain.getHeader(hash)).toU8a(), compactToU8a(0))
  const extrinsic = (await api.tx.system.remark('0x').signAsync(alice, { nonce: 0 })).toU8a()
  const length = api.createType('u32', extrinsic.length).toU8a()
  const inherents = u8aConcat(compactToU8a(1), new TextEncoder().encode('timstap0'), compactToU8a(8), api.createType('u64', Date.now()).toU8a())
  const seed = Uint8Array.of(0)
  const args = {
    Core_execute_block: block, Core_initialize_block: next, Metadata_metadata_at_version: Uint8Array.of(14, 0, 0, 0),
    BlockBuilder_apply_extrinsic: extrinsic, BlockBuilder_inherent_extrinsics: inherents, BlockBuilder_check_inherents: u8aConcat(block, inherents),
    TaggedTransactionQueue_validate_transaction: u8aConcat(Uint8Array.of(2), extrinsic, hexToU8a(hash)), OffchainWorkerApi_offchain_worker: header,
    SessionKeys_generate_session_keys: seed, SessionKeys_decode_session_keys: u8aConcat(compactToU8a(64), new Uint8Array(64)),
    GrandpaApi_generate_key_ownership_proof: new Uint8Array(40), GrandpaApi_submit_report_equivocation_unsigned_extrinsic: new Uint8Array(8),
    AccountNonceApi_account_nonce: alice.publicKey, TransactionPaymentApi_query_info: u8aConcat(extrinsic, length),
    TransactionPaymentApi_query_fee_details: u8aConcat(extrinsic, length), TransactionPaymentApi_query_weight_to_fee: Uint8Array.of(4, 4),
    TransactionPaymentApi_query_length_to_fee: length
  }
  // These stop on purpose: there is no block under way, the block is not the next one, nobody makes keys by asking.
  const stops = ['Core_execute_block', 'BlockBuilder_finalize_block', 'BlockBuilder_apply_extrinsic', 'SessionKeys_generate_session_keys']
  const asked = []
  for (const { name, methods } of apis) {
    for (const method of methods) {
      const full = `${name}_${method.name}`
      asked.push(full)
      assert.ok(method.inputs.length === 0 || args[full], `no arguments for ${full}`)
      const call = node.rpc('state_call', [full, u8aToHex(args[full] ?? new Uint8Array())])
      if (!stops.includes(full)) { assert.match(await call.catch(error => error.message), /^0x/, full); continue }
      const said = await call.catch(error => error)
      assert.ok(typeof said === 'string' || (said.code === 4003 && !/not found/.test(said.message)), `${full}: ${said.message}`)
    }
  }
  assert.equal(asked.length, 25)
  const versions = await node.rpc('state_call', ['Metadata_metadata_versions', '0x'])
  assert.deepEqual(api.registry.createType('Vec<u32>', versions).toJSON().filter(n => n === 14 || n === 15), [14, 15])
  assert.equal((await node.rpc('state_call', ['Metadata_metadata_at_version', '0x10000000'])), '0x00')
  await assert.rejects(node.rpc('state_call', ['Core_versions', '0x']), { code: 4003 })
}))

// ---------------------------------------------------------------------------------- the operator's flags

const post = (node, body, options = {}) => new Promise((resolve, reject) => {
  const sent = request({ host: '127.0.0.1', port: node.port, method: 'POST', headers: { 'Content-Type': 'application/json' }, ...options }, answer => {
    let text = ''
    answer.on('data', data => { text += data })
    answer.on('end', () => resolve({ status: answer.statusCode, text }))
  })
  sent.on('error', reject)
  for (const piece of [body].flat()) sent.write(piece)
  sent.end()
})
const named = (id, method, params = []) => JSON.stringify({ jsonrpc: '2.0', id, method, params })

test('HTTP takes bodies in chunks, and tells health and readiness', () => withPlainNode(['--sealing', 'manual'], async node => {
  const text = named(1, 'system_chainType')
  const { status, text: said } = await post(node, [text.slice(0, 10), text.slice(10, 30), text.slice(30)], { headers: { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' } })
  assert.equal(status, 200)
  assert.equal(JSON.parse(said).result, 'Development')
  assert.deepEqual(await (await fetch(`http://127.0.0.1:${node.port}/health`)).json(), { peers: 0, isSyncing: false, shouldHavePeers: false })
  const ready = await fetch(`http://127.0.0.1:${node.port}/health/readiness`)
  assert.equal(ready.status, 200)
  assert.equal(await ready.text(), '')
}))

test('rates, batches and sizes are limited as the operator says', () => withPlainNode(['--sealing', 'manual', '--rpc-rate-limit', '300', '--rpc-max-batch-request-len', '2', '--rpc-max-request-size', '1'], async node => {
  const batch = n => '[' + Array.from({ length: n }, (_, i) => named(i, 'system_name')).join(',') + ']'
  assert.equal(JSON.parse((await post(node, batch(2))).text).length, 2)
  assert.deepEqual(JSON.parse((await post(node, batch(3))).text).error, { code: -32010, message: 'The batch request was too large', data: 'Exceeded max limit of 2' })
  assert.equal((await post(node, 'x'.repeat((1 << 20) + 1))).status, 413)
  const said = []
  const start = Date.now()
  for (let i = 0; i < 400; i++) said.push(JSON.parse((await post(node, named(i, 'system_name'))).text))
  const refused = said.filter(one => one.error)
  const back = Math.ceil((Date.now() - start) / 200) // five a second
  assert.ok(refused.length >= Math.max(1, 90 - back) && refused.length < 150, `${refused.length} refused, ${back} came back`)
  assert.deepEqual(refused[0].error, { code: -32999, message: 'RPC rate limit exceeded' })
}))

test('networks that are named are not limited, and batches may be forbidden', () => withPlainNode(['--sealing', 'manual', '--rpc-rate-limit', '1', '--rpc-rate-limit-whitelisted-ips', '10.0.0.0/8,127.0.0.1/32', '--rpc-disable-batch-requests'], async node => {
  for (let i = 0; i < 20; i++) assert.equal(await node.rpc('system_name'), 'trellis-node')
  assert.equal(JSON.parse((await post(node, `[${named(1, 'system_name')}]`)).text).error.code, -32005)
}))

test('--rpc-methods safe hides what is unsafe, and a validator is not opened to all by accident', async () => {
  await withPlainNode(['--sealing', 'manual', '--rpc-methods', 'safe'], async node => {
    const { methods } = await node.rpc('rpc_methods')
    for (const name of ['author_insertKey', 'author_rotateKeys', 'engine_createBlock', 'state_getPairs', 'system_peers', 'dev_newBlock']) {
      assert.ok(!methods.includes(name))
      await assert.rejects(node.rpc(name), { code: -32601, message: `${name}: RPC call is unsafe to be called externally` })
    }
  })
  const { status, stderr } = spawnSync(join(bin, 'trellis-node'), ['--dev', '--tmp', '--rpc-external', '--rpc-port', '0', '--no-prometheus'], { encoding: 'utf8' })
  assert.equal(status, 2)
  assert.match(stderr, /--rpc-external shouldn't be used if the node is running as a validator/)
})

test('session keys are made, stored where Substrate stores them, and the validator that starts on them makes blocks', async () => {
  const dir = scratch()
  try {
    let node = await startNode(dir, ['--sealing', 'manual'])
    const keys = await node.rpc('author_rotateKeys')
    assert.match(keys, /^0x[0-9a-f]{128}$/)
    assert.equal(await node.rpc('author_hasSessionKeys', [keys]), true)
    await node.rpc('author_insertKey', ['gran', '//Dave', u8aToHex(new Keyring({ type: 'ed25519' }).addFromUri('//Dave').publicKey)])
    const folder = join(dir, 'chain', 'chains', readdirSync(join(dir, 'chain', 'chains'))[0], 'keystore')
    const names = readdirSync(folder)
    assert.equal(names.length, 3)
    const aura = '61757261' + keys.slice(2, 66)
    assert.ok(names.includes(aura) && names.includes('6772616e' + keys.slice(66)))
    assert.equal(statSync(join(folder, aura)).mode & 0o777, 0o600)
    const phrase = JSON.parse(readFileSync(join(folder, aura), 'utf8'))
    assert.equal(u8aToHex(ring.addFromUri(phrase).publicKey), '0x' + keys.slice(2, 66))
    assert.equal(await node.rpc('author_hasKey', [u8aToHex(alice.publicKey), 'aura']), true)       // --dev has Alice's in use
    await node.stop()
    node = await startNode(dir, ['--sealing', 'manual'])
    assert.equal(await node.rpc('author_hasSessionKeys', [keys]), true)
    await node.stop()
    assert.ok(existsSync(join(folder, aura)))
  } finally { rmSync(dir, { recursive: true, force: true }) }
})

test('one that is too low in priority is told both priorities', () => withNode(['--sealing', 'manual', '--pool-limit', '3'], async (api, node) => {
  const sign = (nonce, tip, who = bob) => api.tx.system.remark('0x').signAsync(who, { nonce, tip }).then(one => one.toHex())
  await node.rpc('author_submitExtrinsic', [await sign(0, 1000)])
  const refused = await node.rpc('author_submitExtrinsic', [await sign(0, 0)]).catch(error => error)
  assert.equal(refused.code, 1014)
  const [, old, now] = refused.message.match(/Priority is too low: \((\d+) vs (\d+)\)$/)
  assert.ok(BigInt(old) > BigInt(now))
  assert.equal(refused.data, 'The transaction has too low priority to replace another transaction already in the pool.')
  await node.rpc('author_submitExtrinsic', [await sign(1, 1000)])
  await node.rpc('author_submitExtrinsic', [await sign(2, 1000)])
  await assert.rejects(node.rpc('author_submitExtrinsic', [await sign(0, 0, alice)]), { code: 1016, data: "The transaction couldn't enter the pool because of the limit" })
}))
