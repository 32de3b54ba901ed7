// papi.test.mjs - the new JSON-RPC API: by unmodified polkadot-api, and by hand where order and limits matter.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { test } from 'node:test'
import { Keyring } from '@polkadot/keyring'
import { blake2AsHex, cryptoWaitReady } from '@polkadot/util-crypto'
import { WebSocket } from 'ws'
import { connect, scratch, startNode, waitFor } from './programs.mjs'

globalThis.WebSocket = WebSocket // Node 20 has none of its own
const { createClient, Enum } = await import('polkadot-api')
const { getWsProvider } = await import('polkadot-api/ws')
const { getPolkadotSigner } = await import('polkadot-api/signer')

await cryptoWaitReady()
const ring = new Keyring({ type: 'sr25519' })
const alice = ring.addFromUri('//Alice')
const bob = ring.addFromUri('//Bob')
const signer = getPolkadotSigner(bob.publicKey, 'Sr25519', input => bob.sign(input))
const TFT = 10_000_000n
const hex = bytes => '0x' + Buffer.from(bytes).toString('hex')
const ACCOUNT_OF = key => '0x26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9' + blake2AsHex(key, 128).slice(2) + hex(key).slice(2)
const SYSTEM_NUMBER = '0x26aa394eea5630e07c48ae0c9558cef702a5c1b19ab7a04f536c519aca4983ac'
const TIMESTAMP_NOW = '0xf0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb'

async function withNode (extra, run) {
  const dir = scratch()
  const node = await startNode(dir, extra)
  try {
    await run(node)
    await node.stop()
  } catch (error) {
    error.message += `\n--- trellis-node:\n${node.tail()}`
    throw error
  } finally {
    node.child.kill('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  }
}

// Wire is a connection that keeps all that it hears, in order.
class Wire {
  static async open (node) {
    const wire = new Wire()
    wire.socket = new WebSocket(node.url)
    wire.nextId = 0
    wire.answers = new Map()
    wire.notes = []
    wire.socket.on('message', data => {
      const message = JSON.parse(data)
      for (const one of Array.isArray(message) ? message : [message]) {
        if (one.method) wire.notes.push(one)
        else wire.answers.get(one.id)(one)
      }
    })
    await new Promise((resolve, reject) => { wire.socket.once('open', resolve); wire.socket.once('error', reject) })
    return wire
  }

  raw (method, params) {
    const id = ++this.nextId
    return { id, answer: new Promise(resolve => this.answers.set(id, resolve)), text: { jsonrpc: '2.0', id, method, params } }
  }

  async ask (method, ...params) {
    const { answer, text } = this.raw(method, params)
    this.socket.send(JSON.stringify(text))
    const { error, result } = await answer
    if (error) throw Object.assign(new Error(`${method}: ${error.message}`), error)
    return result
  }

  async batch (calls) {
    const all = calls.map(([method, ...params]) => this.raw(method, params))
    this.socket.send(JSON.stringify(all.map(one => one.text)))
    return Promise.all(all.map(one => one.answer))
  }

  events (subscription) { return this.notes.filter(n => n.params.subscription === subscription).map(n => n.params.result) }
  of (subscription, operation) { return this.events(subscription).filter(e => e.operationId === operation) }
  until (subscription, is, what) { return waitFor(what, () => this.events(subscription).find(is)) }

  // run starts an operation and gives its events when it is over.
  async run (method, subscription, ...params) {
    const { result, operationId } = await this.ask(method, subscription, ...params)
    assert.equal(result, 'started')
    const over = ['operationBodyDone', 'operationCallDone', 'operationStorageDone', 'operationInaccessible', 'operationError']
    await waitFor(`${method} to end`, () => this.of(subscription, operationId).find(e => over.includes(e.event)))
    return this.of(subscription, operationId)
  }

  async storage (subscription, hash, items) {
    const events = await this.run('chainHead_v1_storage', subscription, hash, items, null)
    assert.equal(events.at(-1).event, 'operationStorageDone')
    return events.filter(e => e.event === 'operationStorageItems').flatMap(e => e.items)
  }

  close () { this.socket.close() }
}

async function withWire (extra, run) {
  await withNode(extra, async node => {
    const wire = await Wire.open(node)
    try { await run(wire, node) } finally { wire.close() }
  })
}

const makeBlock = (node, finalize, parent = null) => node.rpc('engine_createBlock', [true, finalize, parent]).then(made => made.hash)
const refusedWith = code => error => error.code === code

// ---------------------------------------------------------------------------------- polkadot-api

// finalizing makes each block final soon, so that nobody waits for the next round.
function finalizing (node) {
  let last
  const timer = setInterval(async () => {
    const best = await node.rpc('chain_getBlockHash').catch(() => last)
    if (best === last) return
    last = best
    await node.rpc('engine_finalizeBlock', [best]).catch(() => {})
  }, 50)
  return { stop: () => clearInterval(timer) }
}

async function withClient (extra, run) {
  await withNode(extra, async node => {
    const asked = []
    const finality = finalizing(node)
    const client = createClient(getWsProvider(node.url, { logger: event => { if (event.type === 'OUT') asked.push(JSON.parse(event.msg).method) } }))
    try { await run(client, client.getUnsafeApi(), node, asked) } finally { client.destroy(); finality.stop() }
  })
}

test('polkadot-api reads chain, constants, accounts and the runtime', () => withClient(['--sealing', 'instant'], async (client, api, node, asked) => {
  const spec = await client.getChainSpecData()
  assert.equal(spec.genesisHash, await node.rpc('chain_getBlockHash', [0]))
  assert.equal(spec.name, await node.rpc('system_chain'))
  assert.deepEqual(spec.properties, { tokenDecimals: 7, tokenSymbol: 'TFT' })
  assert.equal((await client.getFinalizedBlock()).hash, spec.genesisHash)

  const version = await api.constants.System.Version()
  assert.equal(version.spec_name, 'substrate-threefold')
  assert.equal(await api.constants.Balances.ExistentialDeposit(), 500n)

  const account = await api.query.System.Account.getValue(alice.address)
  assert.equal(account.data.free, 2n ** 60n)
  const entries = await api.query.System.Account.getEntries()
  assert.equal(entries.length, (await node.rpc('state_getKeysPaged', [ACCOUNT_OF(alice.publicKey).slice(0, 66), 1000])).length)
  assert.equal(entries.find(e => e.keyArgs[0] === alice.address)?.value.data.free ?? entries[0].value.data.free, 2n ** 60n)
  const issuance = await api.query.Balances.TotalIssuance.getValue()
  assert.equal(entries.reduce((sum, e) => sum + e.value.data.free + e.value.data.reserved, 0n), issuance)
  const [none, some] = await api.query.System.Account.getValues([[ring.addFromUri('//Nobody').address], [bob.address]])
  assert.equal(none.data.free, 0n)
  assert.equal(some.data.free, 2n ** 60n)
  assert.ok(asked.includes('chainHead_v1_follow') && !asked.some(m => m.startsWith('state_') || m.startsWith('chain_')), 'the new API is used')
}))

test('polkadot-api signs a transfer and sees it in the best block, then final', () => withClient(['--sealing', 'instant'], async (client, api, node, asked) => {
  const before = await api.query.System.Account.getValue(alice.address, { at: 'best' })
  const transfer = api.tx.Balances.transfer_keep_alive({ dest: Enum('Id', alice.address), value: 3n * TFT })
  const fee = await transfer.getEstimatedFees(bob.address)
  assert.ok(fee > 10_000n)
  const seen = []
  const last = await new Promise((resolve, reject) => transfer.signSubmitAndWatch(signer).subscribe({
    next: event => { seen.push(event); if (event.type === 'finalized') resolve(event) }, error: reject
  }))
  assert.deepEqual([...new Set(seen.map(e => e.type))], ['signed', 'broadcasted', 'txBestBlocksState', 'finalized'])
  assert.ok(last.ok)
  assert.ok(last.events.some(e => e.type === 'Balances' && e.value.type === 'Transfer' && e.value.value.amount === 3n * TFT))
  assert.ok(last.events.some(e => e.type === 'System' && e.value.type === 'ExtrinsicSuccess'))
  const after = await api.query.System.Account.getValue(alice.address, { at: last.block.hash })
  assert.ok(after.data.free - before.data.free >= 3n * TFT) // Alice is the author too
  assert.ok(asked.includes('transaction_v1_broadcast') && asked.includes('transaction_v1_stop') && asked.includes('chainHead_v1_body'))

  const failed = await api.tx.TfgridModule.create_farm({ name: new TextEncoder().encode('a-farm'), public_ips: [] }).signAndSubmit(signer)
    .catch(error => ({ ok: undefined, error }))
  assert.equal(failed.ok, false, String(failed.error?.message))
  assert.equal(failed.dispatchError.type, 'Module')
}))

test('polkadot-api follows many blocks, hears events, and lets go of old ones', () => withClient(['--sealing', 'instant'], async (client, api, node, asked) => {
  const best = []; const finalized = []; const moved = []
  const subscriptions = [
    client.bestBlocks$.subscribe(blocks => best.push(blocks[0].number)),
    client.finalizedBlock$.subscribe(block => finalized.push(block.number)),
    api.event.Balances.Transfer.watch ? api.event.Balances.Transfer.watch().subscribe(e => moved.push(e)) : undefined
  ]
  for (let i = 0; i < 30; i++) await makeBlock(node, true)
  await api.tx.Balances.transfer_keep_alive({ dest: Enum('Id', alice.address), value: TFT }).signAndSubmit(signer)
  await waitFor('the blocks', () => finalized.at(-1) >= 31 && best.at(-1) >= 31)
  assert.deepEqual(finalized.slice(1).map((n, i) => n - finalized[i]).filter(step => step !== 1), [], 'no gap, no repeat')
  await waitFor('old blocks to be let go of', () => asked.filter(m => m === 'chainHead_v1_unpin').length > 0)
  if (subscriptions[2]) await waitFor('the event', () => moved.length > 0)
  const first = await node.rpc('chain_getBlockHash', [1]) // let go of long ago: the archive answers
  assert.equal((await client.getBlockHeader(first)).number, 1)
  assert.deepEqual((await client.getBlockBody(first)).map(x => typeof x === 'string' ? x : hex(x)), (await node.rpc('chain_getBlock', [first])).block.extrinsics)
  assert.equal((await api.query.System.Account.getValue(bob.address, { at: first })).nonce, 0)
  assert.equal((await api.query.System.Account.getValue(bob.address)).nonce, 1)
  assert.ok((await api.query.System.Account.getEntries({ at: first })).length > 1)
  assert.ok(asked.includes('archive_v1_body') && asked.includes('archive_v1_storage'))
  subscriptions.forEach(s => s?.unsubscribe())
}))

test('a watched value changes with the blocks', () => withClient(['--sealing', 'instant'], async (client, api, node) => {
  const values = []
  const watched = api.query.System.Account.watchValue(bob.address, { at: 'best' }).subscribe(v => values.push((v.value ?? v).nonce))
  await waitFor('the first value', () => values.length > 0)
  for (let i = 1; i <= 3; i++) {
    await api.tx.System.remark({ remark: new TextEncoder().encode('hello') }).signAndSubmit(signer)
    await waitFor(`nonce ${i}`, () => values.at(-1) === i)
  }
  watched.unsubscribe()
  assert.deepEqual(values, [0, 1, 2, 3])
}))

// ---------------------------------------------------------------------------------- by hand: following

const MANUAL = ['--sealing', 'manual']
const CALL = ['Core_version', '']

test('a follower is told the blocks that are there, parents first, then what comes', () => withWire(MANUAL, async (wire, node) => {
  const a1 = await makeBlock(node, true)
  const a2 = await makeBlock(node, false)
  const b2 = await makeBlock(node, false, a1)
  const a3 = await makeBlock(node, false, a2)
  const genesis = await node.rpc('chain_getBlockHash', [0])
  const sub = await wire.ask('chainHead_v1_follow', true)
  await wire.until(sub, e => e.event === 'bestBlockChanged', 'the start')
  const [init, ...rest] = wire.events(sub)
  const version = await node.rpc('state_getRuntimeVersion')
  assert.deepEqual(init, {
    event: 'initialized',
    finalizedBlockHashes: [genesis, a1],
    finalizedBlockRuntime: {
      type: 'valid',
      spec: {
        specName: version.specName,
        implName: version.implName,
        specVersion: version.specVersion,
        implVersion: version.implVersion,
        transactionVersion: version.transactionVersion,
        apis: Object.fromEntries(version.apis)
      }
    }
  })
  const news = rest.filter(e => e.event === 'newBlock')
  assert.deepEqual(new Set(news.map(e => e.blockHash)), new Set([a2, b2, a3]))
  const known = new Set([a1])
  for (const block of news) {
    assert.ok(known.has(block.parentBlockHash), 'a parent comes first')
    assert.equal(block.newRuntime, null)
    known.add(block.blockHash)
  }
  assert.deepEqual(rest.at(-1), { event: 'bestBlockChanged', bestBlockHash: a3 })

  const from = wire.events(sub).length
  const a4 = await makeBlock(node, false, a3)
  await node.rpc('engine_finalizeBlock', [b2]) // the best chain loses
  await wire.until(sub, e => e.event === 'finalized', 'finality')
  const told = wire.events(sub).slice(from)
  assert.deepEqual(told.slice(0, 3), [
    { event: 'newBlock', blockHash: a4, parentBlockHash: a3, newRuntime: null },
    { event: 'bestBlockChanged', bestBlockHash: a4 },
    { event: 'bestBlockChanged', bestBlockHash: b2 }
  ])
  assert.deepEqual(told[3].finalizedBlockHashes, [b2])
  assert.deepEqual(new Set(told[3].prunedBlockHashes), new Set([a2, a3, a4]))
  assert.equal(told.length, 4)

  // a pruned block stays pinned: its header is there, what it left is not
  assert.equal(blake2AsHex(await wire.ask('chainHead_v1_header', sub, a3)), a3)
  for (const [method, ...params] of [['chainHead_v1_body'], ['chainHead_v1_call', ...CALL], ['chainHead_v1_storage', [{ key: SYSTEM_NUMBER, type: 'value' }], null]]) {
    assert.deepEqual((await wire.run(method, sub, a3, ...params)).map(e => e.event), ['operationInaccessible'])
  }
  assert.equal(await wire.ask('chainHead_v1_unpin', sub, [a2, a3, a4]), null)
  await assert.rejects(wire.ask('chainHead_v1_header', sub, a3), refusedWith(-32801))
  assert.equal(blake2AsHex(await wire.ask('chainHead_v1_header', sub, b2)), b2)
}))

test('without the runtime none is told, and none is called', () => withWire(MANUAL, async (wire, node) => {
  const sub = await wire.ask('chainHead_v1_follow', false)
  const hash = await makeBlock(node, true)
  await wire.until(sub, e => e.event === 'finalized', 'finality')
  assert.deepEqual(wire.events(sub).map(e => Object.keys(e)), [
    ['event', 'finalizedBlockHashes'], ['event', 'bestBlockHash'],
    ['event', 'blockHash', 'parentBlockHash'], ['event', 'bestBlockHash'],
    ['event', 'finalizedBlockHashes', 'prunedBlockHashes']
  ])
  await assert.rejects(wire.ask('chainHead_v1_call', sub, hash, ...CALL), refusedWith(-32802))
}))

test('what is asked wrongly is refused by number', () => withWire(MANUAL, async (wire, node) => {
  const subs = []
  for (let i = 0; i < 4; i++) subs.push(await wire.ask('chainHead_v1_follow', true))
  await assert.rejects(wire.ask('chainHead_v1_follow', true), refusedWith(-32800))
  const sub = subs[0]
  const genesis = await wire.ask('chainSpec_v1_genesisHash')
  const made = await makeBlock(node, true)
  const nowhere = '0x' + '77'.repeat(32)
  await assert.rejects(wire.ask('chainHead_v1_follow'), refusedWith(-32602))
  for (const [method, ...params] of [['chainHead_v1_header'], ['chainHead_v1_body'], ['chainHead_v1_call', ...CALL], ['chainHead_v1_storage', [{ key: '0x', type: 'value' }], null]]) {
    await assert.rejects(wire.ask(method, sub, nowhere, ...params), refusedWith(-32801), method)
    await assert.rejects(wire.ask(method, sub, 'abc', ...params), refusedWith(-32602), method)
    await assert.rejects(wire.ask(method, sub), refusedWith(-32602), method)
    const stale = await wire.ask(method, 'nobody', made, ...params)
    assert.deepEqual(stale, method === 'chainHead_v1_header' ? null : { result: 'limitReached' })
  }
  await assert.rejects(wire.ask('chainHead_v1_call', sub, made, 'Core_version', '0xabc'), refusedWith(-32602))
  await assert.rejects(wire.ask('chainHead_v1_call', sub, made, 'Core_version', 'abcd'), refusedWith(-32602))
  await assert.rejects(wire.ask('chainHead_v1_storage', sub, made, [{ key: '0x', type: 'size' }], null), refusedWith(-32602))
  await assert.rejects(wire.ask('chainHead_v1_storage', sub, made, {}, null), refusedWith(-32602))
  await assert.rejects(wire.ask('chainHead_v1_storage', sub, made, [{ key: '0x' + '00'.repeat(5000), type: 'value' }], null), refusedWith(-32602))
  await assert.rejects(wire.ask('chainHead_v1_unpin', sub, [made, genesis, made]), refusedWith(-32804))
  await assert.rejects(wire.ask('chainHead_v1_unpin', sub, [genesis, nowhere]), refusedWith(-32801))
  assert.notEqual(await wire.ask('chainHead_v1_header', sub, genesis), null, 'none of them was let go of')
  assert.equal(await wire.ask('chainHead_v1_unpin', sub, genesis), null)
  await assert.rejects(wire.ask('chainHead_v1_unpin', sub, genesis), refusedWith(-32801))
  assert.notEqual(await wire.ask('chainHead_v1_header', subs[1], genesis), null, 'each follower has pins of its own')
  assert.equal(await wire.ask('chainHead_v1_continue', sub, '12345'), null)
  assert.equal(await wire.ask('chainHead_v1_stopOperation', sub, '12345'), null)
  assert.equal(await wire.ask('chainHead_v1_unpin', 'nobody', genesis), null)
  assert.equal(await wire.ask('chainHead_v1_unfollow', sub), null)
  assert.equal(await wire.ask('chainHead_v1_header', sub, made), null)
  subs.push(await wire.ask('chainHead_v1_follow', true))
  const other = await Wire.open(node)
  assert.equal(await other.ask('chainHead_v1_header', subs[1], made), null, 'a follower is its connection\'s own')
  other.close()
  await assert.rejects(node.rpc('chainHead_v1_follow', [true]), refusedWith(-32601))
}))

test('who keeps too many final blocks is stopped; who lets go is not', () => withWire(MANUAL, async (wire, node) => {
  const hoarder = await wire.ask('chainHead_v1_follow', false)
  const tidy = await wire.ask('chainHead_v1_follow', false)
  const made = []
  for (let i = 0; i < 1100; i++) {
    made.push(await makeBlock(node, true))
    if (made.length % 100 === 0) await wire.ask('chainHead_v1_unpin', tidy, made.slice(-100))
  }
  await wire.until(hoarder, e => e.event === 'stop', 'the stop')
  await wire.until(tidy, e => e.finalizedBlockHashes?.[0] === made.at(-1), 'the last block')
  assert.equal(wire.events(hoarder).at(-1).event, 'stop')
  assert.equal(wire.events(hoarder).filter(e => e.event === 'finalized').length, 1024)
  assert.equal(await wire.ask('chainHead_v1_header', hoarder, made[0]), null)
  assert.equal(wire.events(tidy).filter(e => e.event === 'finalized').length, 1100)
  const late = await wire.ask('chainHead_v1_follow', false)
  const first = await wire.until(late, e => e.event === 'initialized')
  assert.deepEqual(first.finalizedBlockHashes, made.slice(-16))
}))

// ---------------------------------------------------------------------------------- by hand: operations

test('storage is read by value, hash, descendants and Merkle value', () => withWire(MANUAL, async (wire, node) => {
  const sub = await wire.ask('chainHead_v1_follow', true)
  const hash = await makeBlock(node, true)
  const key = ACCOUNT_OF(alice.publicKey)
  const value = await node.rpc('state_getStorage', [key, hash])
  assert.deepEqual(await wire.storage(sub, hash, [{ key, type: 'value' }, { key: key + '00', type: 'value' }, { key, type: 'hash' }]),
    [{ key, value }, { key, hash: await node.rpc('state_getStorageHash', [key, hash]) }])
  assert.deepEqual(await wire.storage(sub, hash, [{ key: '0x3a636f6465', type: 'hash' }]),
    [{ key: '0x3a636f6465', hash: await node.rpc('state_getStorageHash', ['0x3a636f6465', hash]) }])

  const keys = await node.rpc('state_getKeysPaged', [key.slice(0, 66), 1000, null, hash])
  assert.ok(keys.length > 1)
  const [{ changes }] = await node.rpc('state_queryStorageAt', [keys, hash])
  assert.deepEqual(await wire.storage(sub, hash, [{ key: key.slice(0, 66), type: 'descendantsValues' }]), changes.map(([key, value]) => ({ key, value })))
  assert.deepEqual(await wire.storage(sub, hash, [{ key: key.slice(0, 66), type: 'descendantsHashes' }]),
    changes.map(([key, value]) => ({ key, hash: blake2AsHex(value) })))
  assert.deepEqual(await wire.storage(sub, hash, [{ key, type: 'descendantsValues' }]), [{ key, value }], 'a key is under itself')
  const all = await wire.storage(sub, hash, [{ key: '', type: 'descendantsHashes' }])
  assert.deepEqual(all.map(item => item.key), await node.rpc('state_getKeysPaged', [null, 1000, null, hash]))

  const { stateRoot } = await node.rpc('chain_getHeader', [hash])
  const merkle = async key => (await wire.storage(sub, hash, [{ key, type: 'closestDescendantMerkleValue' }]))[0]?.closestDescendantMerkleValue
  assert.equal(await merkle('0x'), stateRoot)
  const { proof } = await node.rpc('state_getReadProof', [keys, hash])
  const nodes = new Set(proof.map(item => blake2AsHex(item)))
  for (const at of [key, key.slice(0, 66), key.slice(0, 70), key.slice(0, 34)]) {
    const found = await merkle(at)
    assert.ok(nodes.has(found) && found !== stateRoot, at)
  }
  assert.equal(await merkle(key.slice(0, 66)), await merkle(key.slice(0, 34) + key.slice(34, 66)))
  assert.equal(await merkle(key + '00'), undefined)
  assert.equal(await merkle('0x' + '77'.repeat(16)), undefined)
  assert.deepEqual(await wire.run('chainHead_v1_storage', sub, hash, [{ key, type: 'value' }], '0x01').then(events => events.map(e => e.event)),
    ['operationStorageDone'], 'there are no child tries')
}))

test('bodies and runtime functions are read at pinned blocks, with "" for no arguments', () => withWire(MANUAL, async (wire, node) => {
  const sub = await wire.ask('chainHead_v1_follow', true)
  const hash = await makeBlock(node, true)
  const { block } = await node.rpc('chain_getBlock', [hash])
  const [body] = await wire.run('chainHead_v1_body', sub, hash)
  assert.deepEqual(body.value, block.extrinsics)
  const version = await node.rpc('state_call', ['Core_version', '0x', hash])
  for (const args of ['', '0x']) {
    const [done] = await wire.run('chainHead_v1_call', sub, hash, 'Core_version', args)
    assert.deepEqual([done.event, done.output], ['operationCallDone', version])
  }
  const [nonce] = await wire.run('chainHead_v1_call', sub, hash, 'AccountNonceApi_account_nonce', hex(alice.publicKey))
  assert.equal(nonce.output, '0x00000000')
  const [missing] = await wire.run('chainHead_v1_call', sub, hash, 'Core_nothing', '')
  assert.deepEqual([missing.event, typeof missing.error], ['operationError', 'string'])
  const [broken] = await wire.run('chainHead_v1_call', sub, hash, 'AccountNonceApi_account_nonce', '0x01')
  assert.equal(broken.event, 'operationError')
  const [again] = await wire.run('chainHead_v1_call', sub, hash, 'Core_version', '')
  assert.equal(again.output, version, 'a broken call leaves nothing')
}))

test('operations have a limit, and go on after unpin', () => withWire(MANUAL, async (wire, node) => {
  const sub = await wire.ask('chainHead_v1_follow', true)
  const hash = await makeBlock(node, true)
  const started = await wire.batch(Array(300).fill(['chainHead_v1_body', sub, hash]))
  const results = started.map(({ result }) => result.result)
  assert.deepEqual(results, [...Array(256).fill('started'), ...Array(44).fill('limitReached')])
  assert.equal(new Set(started.slice(0, 256).map(({ result }) => result.operationId)).size, 256)
  await waitFor('all bodies', () => wire.events(sub).filter(e => e.event === 'operationBodyDone').length === 256)
  const [first, second, third] = await wire.batch([
    ['chainHead_v1_storage', sub, hash, Array(200).fill({ key: TIMESTAMP_NOW, type: 'value' }), null],
    ['chainHead_v1_storage', sub, hash, Array(100).fill({ key: TIMESTAMP_NOW, type: 'value' }), null],
    ['chainHead_v1_body', sub, hash],
    ['chainHead_v1_unpin', sub, hash]
  ])
  assert.equal(first.result.discardedItems, 0)
  assert.equal(second.result.discardedItems, 44)
  assert.deepEqual(third.result, { result: 'limitReached' })
  const items = id => wire.of(sub, id).flatMap(e => e.items ?? []).length
  await waitFor('both reads', () => wire.events(sub).filter(e => e.event === 'operationStorageDone').length === 2)
  assert.deepEqual([items(first.result.operationId), items(second.result.operationId)], [200, 56])
}))

test('a long read waits to be asked for more, and can be stopped', () => withWire(MANUAL, async (wire, node) => {
  const sub = await wire.ask('chainHead_v1_follow', true)
  const hash = await makeBlock(node, true)
  const keys = await node.rpc('state_getKeysPaged', [null, 1000, null, hash])
  const items = Array(64).fill({ key: '0x', type: 'descendantsValues' })
  const { operationId } = await wire.ask('chainHead_v1_storage', sub, hash, items, null)
  const waits = () => wire.of(sub, operationId).filter(e => e.event === 'operationWaitingForContinue').length
  const done = () => wire.of(sub, operationId).some(e => e.event === 'operationStorageDone')
  let asked = 0
  for (;;) {
    await waitFor('more', () => done() || waits() > asked)
    if (done()) break
    assert.equal(wire.of(sub, operationId).at(-1).event, 'operationWaitingForContinue')
    asked++
    assert.equal(await wire.ask('chainHead_v1_continue', sub, operationId), null)
  }
  assert.ok(asked > 0, 'it waited')
  assert.equal(wire.of(sub, operationId).flatMap(e => e.items ?? []).length, 64 * keys.length)

  const stopped = await wire.ask('chainHead_v1_storage', sub, hash, items, null)
  await waitFor('the wait', () => wire.of(sub, stopped.operationId).at(-1)?.event === 'operationWaitingForContinue')
  assert.equal(await wire.ask('chainHead_v1_stopOperation', sub, stopped.operationId), null)
  assert.equal(await wire.ask('chainHead_v1_continue', sub, stopped.operationId), null)
  const next = String(Number(stopped.operationId) + 1) // as this node numbers them
  const [running, refused] = await wire.batch([['chainHead_v1_storage', sub, hash, items, null], ['chainHead_v1_continue', sub, next]])
  assert.equal(running.result.operationId, next)
  assert.equal(refused.error.code, -32803)
  await waitFor('the wait', () => wire.of(sub, running.result.operationId).at(-1)?.event === 'operationWaitingForContinue')
  assert.equal(wire.of(sub, stopped.operationId).at(-1).event, 'operationWaitingForContinue', 'nothing came after the stop')
  assert.equal(await wire.ask('chainHead_v1_unfollow', sub), null) // with an operation that waits
  assert.equal(await wire.ask('chainHead_v1_continue', sub, running.result.operationId), null)
}))

// ---------------------------------------------------------------------------------- by hand: transactions

const withTransfers = async (extra, run) => withWire(extra, async (wire, node) => {
  const api = await connect(node)
  try {
    await run(wire, node, async (from, options) => (await api.tx.balances.transferKeepAlive(alice.address, TFT).signAsync(from, options)).toHex())
  } finally { await api.disconnect() }
})

test('a watched transaction is told from validated to finalized', () => withTransfers(MANUAL, async (wire, node, transfer) => {
  const extrinsic = await transfer(bob, { nonce: 0 })
  const sub = await wire.ask('transactionWatch_v1_submitAndWatch', extrinsic)
  await wire.until(sub, e => e.event === 'validated')
  const a1 = await makeBlock(node, false)
  await wire.until(sub, e => e.event === 'bestChainBlockIncluded')
  await node.rpc('engine_finalizeBlock', [a1])
  await wire.until(sub, e => e.event === 'finalized')
  const index = (await node.rpc('chain_getBlock', [a1])).block.extrinsics.indexOf(extrinsic)
  assert.deepEqual(wire.events(sub), [
    { event: 'validated' }, { event: 'bestChainBlockIncluded', block: { hash: a1, index } }, { event: 'finalized', block: { hash: a1, index } }
  ])
  const stale = await wire.ask('transactionWatch_v1_submitAndWatch', extrinsic)
  assert.equal((await wire.until(stale, e => true)).event, 'invalid')
  const garbage = await wire.ask('transactionWatch_v1_submitAndWatch', '0x1234')
  assert.equal((await wire.until(garbage, e => true)).event, 'invalid')
  await assert.rejects(wire.ask('transactionWatch_v1_submitAndWatch', 'xyz'), refusedWith(-32602))

  const left = await wire.ask('transactionWatch_v1_submitAndWatch', await transfer(bob, { nonce: 1 }))
  await wire.until(left, e => e.event === 'validated')
  assert.equal(await wire.ask('transactionWatch_v1_unwatch', left), null)
  await makeBlock(node, true)
  await wire.ask('system_health')
  assert.deepEqual(wire.events(left), [{ event: 'validated' }])
}))

test('a broadcast goes in again until it can, and ends with its connection', () => withTransfers(MANUAL, async (wire, node, transfer) => {
  const poor = ring.addFromUri('//Poor')
  const id = await wire.ask('transaction_v1_broadcast', await transfer(poor, { nonce: 0, tip: 0 }))
  assert.equal(typeof id, 'string')
  assert.equal((await node.rpc('author_pendingExtrinsics')).length, 0, 'it cannot pay')
  const api = await connect(node)
  const gift = await api.tx.balances.transferAllowDeath(poor.address, 10n * TFT).signAsync(bob, { nonce: 0 })
  await api.disconnect()
  await node.rpc('author_submitExtrinsic', [gift.toHex()])
  await makeBlock(node, true)
  await waitFor('the second attempt', async () => (await node.rpc('author_pendingExtrinsics')).length === 1)
  assert.equal(await wire.ask('transaction_v1_stop', id), null)
  await assert.rejects(wire.ask('transaction_v1_stop', id), refusedWith(-32602))
  await assert.rejects(wire.ask('transaction_v1_broadcast', 'xyz'), refusedWith(-32602))
  const ids = []
  for (let i = 0; i < 17; i++) ids.push(await wire.ask('transaction_v1_broadcast', '0x1234'))
  assert.deepEqual(ids.map(id => id === null), [...Array(16).fill(false), true])
  await makeBlock(node, true)
  wire.close()
  await waitFor('the connection to end', async () => makeBlock(node, true))
}))

// ---------------------------------------------------------------------------------- by hand: archive

const read = async (wire, method, ...params) => {
  const sub = await wire.ask(method, ...params)
  await wire.until(sub, e => /Done$|Error$/.test(e.event), method)
  return wire.events(sub)
}

test('the archive answers for any block', () => withTransfers(MANUAL, async (wire, node, transfer) => {
  const a1 = await makeBlock(node, true)
  await node.rpc('author_submitExtrinsic', [await transfer(bob, { nonce: 0 })])
  const a2 = await makeBlock(node, true)
  const a3 = await makeBlock(node, false)
  const b3 = await makeBlock(node, false, a2)
  const nowhere = '0x' + '77'.repeat(32)
  assert.equal(await wire.ask('archive_v1_finalizedHeight'), 2)
  assert.equal(await wire.ask('archive_v1_genesisHash'), await wire.ask('chainSpec_v1_genesisHash'))
  assert.deepEqual(await wire.ask('archive_v1_hashByHeight', 1), [a1])
  assert.deepEqual(new Set(await wire.ask('archive_v1_hashByHeight', 3)), new Set([a3, b3]))
  assert.deepEqual(await wire.ask('archive_v1_hashByHeight', 9), [])
  assert.deepEqual(await wire.ask('archive_v1_body', a2), (await node.rpc('chain_getBlock', [a2])).block.extrinsics)
  assert.equal(blake2AsHex(await wire.ask('archive_v1_header', a1)), a1)
  assert.deepEqual([await wire.ask('archive_v1_body', nowhere), await wire.ask('archive_v1_header', nowhere), await wire.ask('archive_v1_call', nowhere, ...CALL)], [null, null, null])
  assert.deepEqual(await wire.ask('archive_v1_call', a1, ...CALL), { success: true, value: await node.rpc('state_call', ['Core_version', '0x', a1]) })
  assert.equal((await wire.ask('archive_v1_call', a1, 'Core_nothing', '0x')).success, false)
  await assert.rejects(wire.ask('archive_v1_body'), refusedWith(-32602))

  const key = ACCOUNT_OF(bob.publicKey)
  const at = block => node.rpc('state_getStorage', [key, block])
  assert.deepEqual(await read(wire, 'archive_v1_storage', a1, [{ key, type: 'value' }], null),
    [{ event: 'storage', key, value: await at(a1) }, { event: 'storageDone' }])
  const keys = await node.rpc('state_getKeysPaged', [key.slice(0, 66), 1000, null, a2])
  const page = await read(wire, 'archive_v1_storage', a2, [{ key: key.slice(0, 66), type: 'descendantsHashes', paginationStartKey: keys[2] }], null)
  assert.deepEqual(page.slice(0, -1).map(e => e.key), keys.slice(3))
  assert.deepEqual((await read(wire, 'archive_v1_storage', nowhere, [{ key, type: 'value' }], null)).map(e => e.event), ['storageError'])
  await assert.rejects(wire.ask('archive_v1_storage', a1, [{ key }], null), refusedWith(-32602))

  const diff = await read(wire, 'archive_v1_storageDiff', a2, [{ key: key.slice(0, 66), returnType: 'value' }])
  assert.deepEqual(diff.find(e => e.key === key), { event: 'storageDiff', key, value: await at(a2), type: 'modified' })
  assert.equal(diff.at(-1).event, 'storageDiffDone')
  const whole = await read(wire, 'archive_v1_storageDiff', a2, [{ returnType: 'hash' }], a1)
  const before = new Map((await wholeState(node, a1))); const after = new Map((await wholeState(node, a2)))
  const expected = [...new Set([...before.keys(), ...after.keys()])].filter(k => before.get(k) !== after.get(k)).sort()
  assert.deepEqual(whole.slice(0, -1).map(e => e.key), expected)
  for (const e of whole.slice(0, -1)) {
    assert.equal(e.type, !before.has(e.key) ? 'added' : (after.has(e.key) ? 'modified' : 'deleted'))
    assert.equal(e.hash, blake2AsHex(after.get(e.key) ?? before.get(e.key)))
  }
  const backwards = await read(wire, 'archive_v1_storageDiff', a1, [{ returnType: 'hash' }], a2)
  assert.equal(backwards.length, whole.length)
  assert.deepEqual(await read(wire, 'archive_v1_storageDiff', a1, [{ returnType: 'hash' }], a1), [{ event: 'storageDiffDone' }])
}))

async function wholeState (node, hash) {
  const keys = await node.rpc('state_getKeysPaged', [null, 1000, null, hash])
  return (await node.rpc('state_queryStorageAt', [keys, hash]))[0].changes
}

test('every method of the new API is listed', () => withNode(MANUAL, async node => {
  const { methods } = await node.rpc('rpc_methods')
  for (const name of ['chainSpec_v1_chainName', 'chainSpec_v1_genesisHash', 'chainSpec_v1_properties', 'chainHead_v1_body', 'chainHead_v1_call',
    'chainHead_v1_continue', 'chainHead_v1_follow', 'chainHead_v1_header', 'chainHead_v1_stopOperation', 'chainHead_v1_storage', 'chainHead_v1_unfollow',
    'chainHead_v1_unpin', 'transaction_v1_broadcast', 'transaction_v1_stop', 'transactionWatch_v1_submitAndWatch', 'transactionWatch_v1_unwatch',
    'archive_v1_body', 'archive_v1_call', 'archive_v1_finalizedHeight', 'archive_v1_genesisHash', 'archive_v1_hashByHeight', 'archive_v1_header',
    'archive_v1_storage', 'archive_v1_stopStorage', 'archive_v1_storageDiff', 'archive_v1_stopStorageDiff']) {
    assert.ok(methods.includes(name), name)
  }
}))
