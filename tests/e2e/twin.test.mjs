// twin.test.mjs - a chain under random load, executed by the node natively and by its blob in a host of our own
// (wasm_host/): every change of state, every root, every answer of a runtime function is equal, and what one refuses
// the other refuses.
//
// TWIN_BLOCKS and TWIN_SEED make the chain longer, and another one; wasm_host/replay.mjs is for very long ones.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Keyring } from '@polkadot/keyring'
import { Metadata, TypeRegistry } from '@polkadot/types'
import { cryptoWaitReady } from '@polkadot/util-crypto'
import { allEntries, bin, scratch, startNode } from './programs.mjs'
import { Host } from './wasm_host/host.mjs'
import { State } from './wasm_host/state.mjs'
import { Reader, build, compact, execute, extrinsicsRoot, hashOf, hex, readExport, unsealed, writeBody, writeExport, writeHeader } from './wasm_host/block.mjs'
import { CODE, Replay, randomChain, records } from './wasm_host/replay.mjs'

await cryptoWaitReady()
const BLOCKS = Number(process.env.TWIN_BLOCKS ?? 150)
const SEED = process.env.TWIN_SEED ?? '7'
const ASKED_EVERY = Math.ceil(BLOCKS / 12)
const NONE = new Uint8Array(0)
const dir = scratch()
const chainDir = name => join(dir, name, 'chains', 'dev')
const alice = new Keyring({ type: 'sr25519' }).addFromUri('//Alice')
const bytes = text => Buffer.from(text.slice(2), 'hex')
const u32 = n => { const b = Buffer.alloc(4); b.writeUInt32LE(n); return b }
const u64 = n => { const b = Buffer.alloc(8); b.writeBigUInt64LE(BigInt(n)); return b }
const sized = b => Buffer.concat([compact(b.length), b])

let chain, blocks, node

function command (args, code = 0) {
  const { status, stdout, stderr } = spawnSync(join(bin, 'trellis-node'), args, { maxBuffer: 1 << 28 })
  assert.equal(status, code, `trellis-node ${args.join(' ')}: ${stderr}`)
  return { stdout, stderr: String(stderr) }
}

before(async () => {
  const program = join(bin, '..', 'bench', 'random_chain')
  if (!existsSync(program)) throw new Error(`there is no ${program}: cmake --build --preset release --target random_chain`)
  mkdirSync(chainDir('node'), { recursive: true })
  const { stream, ended } = randomChain(program, chainDir('node'), BLOCKS, SEED)
  chain = []
  for await (const record of records(stream)) chain.push(record)
  console.log(`# ${(await ended).trim()}`)
  assert.equal(chain.length, BLOCKS + 1)
  blocks = readExport(command(['export-blocks', '--dev', '-d', join(dir, 'node'), '-']).stdout)
  node = await startNode(dir, ['--sealing', 'manual', '--base-path', join(dir, 'node')])
}, { timeout: 300000 })

after(async () => {
  await node?.stop()
  rmSync(dir, { recursive: true, force: true })
})

// fresh is block 0 by the chain spec that the node gives to light clients.
function fresh () {
  const { genesis } = JSON.parse(command(['build-spec', '--dev', '--raw']).stdout)
  return new State(Object.entries(genesis.raw.top).map(([key, value]) => [key.slice(2), bytes(value)]))
}

test('the blob is small, tells its version and imports only what Substrate\'s hosts have', () => {
  const code = chain[0].changes.find(([key]) => key === CODE)[1]
  assert.ok(code.length < 600 * 1024, `the blob has ${code.length} bytes`)
  const module = new WebAssembly.Module(code)
  const host = new Host(code)
  const version = host.call(new State(), 'Core_version').result
  const [short] = WebAssembly.Module.customSections(module, 'runtime_version')
  const [apis] = WebAssembly.Module.customSections(module, 'runtime_apis')
  // The section leaves the list of APIs empty: it is the other section, without its count.
  assert.ok(hex(version).includes(hex(Buffer.from(apis))), 'runtime_apis')
  assert.equal(hex(version).replace(hex(Buffer.from([apis.byteLength / 12 << 2])) + hex(Buffer.from(apis)), '00'), hex(Buffer.from(short)))
  for (const { module: from, name } of WebAssembly.Module.imports(module)) assert.match(`${from}.${name}`, /^env\.(memory|ext_[a-z0-9_]+_version_[12])$/)
})

// asked is each function of the runtime with arguments that mean something on this state.
function asked (state, next, at) {
  const [extrinsic] = next.body.slice(1)
  const account = Buffer.from(alice.publicKey)
  const list = [['Core_version'], ['Metadata_metadata'], ['Metadata_metadata_versions'], ['AuraApi_slot_duration'], ['AuraApi_authorities'],
    ['GrandpaApi_grandpa_authorities'], ['GrandpaApi_current_set_id'], ['OffchainWorkerApi_offchain_worker', writeHeader(next.header)],
    ['AccountNonceApi_account_nonce', account], ['AccountNonceApi_account_nonce', Buffer.alloc(32, 7)],
    ['TransactionPaymentApi_query_weight_to_fee', Buffer.concat([compact(5000), compact(9)])], ['TransactionPaymentApi_query_length_to_fee', u32(150)],
    ['SessionKeys_decode_session_keys', sized(Buffer.alloc(64, 3))], ['SessionKeys_decode_session_keys', sized(Buffer.alloc(63, 3))],
    ['BlockBuilder_inherent_extrinsics', Buffer.concat([compact(1), Buffer.from('timstap0'), sized(u64(1700000006000n))])], ['BlockBuilder_inherent_extrinsics', compact(0)],
    ['BlockBuilder_check_inherents', Buffer.concat([writeHeader(next.header), writeBody(next.body), compact(0)])],
    ['GrandpaApi_generate_key_ownership_proof', Buffer.concat([u64(0), Buffer.alloc(32)])],
    ['GrandpaApi_submit_report_equivocation_unsigned_extrinsic', Buffer.alloc(40)],
    ...[14, 15, 16].map(version => ['Metadata_metadata_at_version', u32(version)])]
  if (!extrinsic) return list
  const forged = Buffer.from(extrinsic)
  forged[Math.min(80, forged.length - 1)] ^= 1
  for (const one of [extrinsic, forged, extrinsic.subarray(0, 20)]) {
    list.push(['TaggedTransactionQueue_validate_transaction', Buffer.concat([Uint8Array.of(2), one, at])])
    for (const name of ['query_info', 'query_fee_details']) list.push([`TransactionPaymentApi_${name}`, Buffer.concat([one, u32(one.length)])])
  }
  return list
}

// answers asks the blob and the node the same; both answer the same, or both refuse.  Gives the names that were asked.
async function answers (replay, next, at) {
  const names = new Set()
  for (const [name, input = NONE] of asked(replay.state, next, at)) {
    let found; let expected
    try { found = '0x' + hex(replay.host.call(replay.state, name, input, { keep: false }).result) } catch (error) { found = 'refused' }
    try { expected = await node.rpc('state_call', [name, '0x' + hex(input), '0x' + hex(at)]) } catch (error) { expected = 'refused' }
    assert.equal(found, expected, `${name} after block ${next.header.number - 1}`)
    names.add(name)
  }
  return names
}

test('every block changes the same by the blob, and every function answers the same', { timeout: 600000 }, async () => {
  assert.deepEqual(blocks.map(({ header }) => hex(hashOf(header))), chain.slice(1).map(({ header }) => hex(hashOf(header))))
  const replay = new Replay(chain[0])
  assert.equal(hex(fresh().root()), hex(replay.state.root()), 'root of the raw chain spec')
  let names = new Set()
  for (const [i, { header, body }] of blocks.entries()) {
    const next = { header, body }
    if (i % ASKED_EVERY === 0 || i === blocks.length - 1) names = new Set([...names, ...await answers(replay, next, Buffer.from(header.parent))])
    // An importer's way and an author's; in new memory, and in what earlier calls left behind.
    replay.repeat({ ...next, changes: chain[i + 1].changes }, i % 3 ? 'execute' : 'build', { isFresh: i % 2 === 0 })
  }
  const best = await node.rpc('chain_getBlockHash')
  assert.equal(best, '0x' + hex(hashOf(blocks.at(-1).header)))
  const served = (await allEntries(node, best)).map(([key, value]) => [key.slice(2), value]).sort()
  assert.deepEqual([...replay.state.values.keys()].sort().map(key => [key, '0x' + hex(replay.state.get(key))]), served)
  // Nothing that the blob exports was left out, but what only an author's own node does.
  const functions = WebAssembly.Module.exports(replay.host.module).filter(({ kind, name }) => kind === 'function' && !name.startsWith('__')).map(({ name }) => name)
  const left = functions.filter(name => !names.has(name))
  assert.deepEqual(left.sort(), ['BlockBuilder_apply_extrinsic', 'BlockBuilder_finalize_block', 'Core_execute_block', 'Core_initialize_block', 'SessionKeys_generate_session_keys'])
})

// happened counts the events and the calls that succeeded, by name.
function happened () {
  const replay = new Replay(chain[0])
  const registry = new TypeRegistry()
  const answer = new Reader(replay.host.call(replay.state, 'Metadata_metadata').result)
  registry.setMetadata(new Metadata(registry, answer.sized()))
  const key = '26aa394eea5630e07c48ae0c9558cef780d41e5e16056765bc8461851072c9d7'    // System.Events
  const names = new Map()
  for (const { changes } of chain.slice(1)) {
    const found = changes.find(([changed]) => changed === key)
    for (const { event } of registry.createType('Vec<EventRecord>', found[1])) names.set(`${event.section}.${event.method}`, (names.get(`${event.section}.${event.method}`) ?? 0) + 1)
  }
  return names
}

test('the load was no light one', () => {
  const names = happened()
  const pallets = new Set([...names.keys()].map(name => name.split('.')[0]))
  for (const pallet of ['balances', 'council', 'smartContractModule', 'tfgridModule', 'transactionPayment', 'utility']) assert.ok(pallets.has(pallet), `nothing happened in ${pallet}`)
  for (const name of ['smartContractModule.ContractBilled', 'council.Executed', 'tfgridModule.NodeStored', 'system.ExtrinsicFailed']) assert.ok(names.get(name) > 0, `no ${name}`)
  assert.ok(names.size > 40, [...names.keys()].join(' '))
})

// ------------------------------------------------------------------ what must be refused

// sealed gives a header Alice's seal, as an author would who has the right to the slot.
function sealed (header) {
  const bare = unsealed(header)
  const seal = Buffer.concat([Uint8Array.of(5), Buffer.from('aura'), compact(64), alice.sign(hashOf(bare))])
  return { ...bare, digest: [...bare.digest, seal] }
}

// remade is a block with another body, its extrinsics root made to fit.
const remade = ({ header }, body) => ({ header: { ...header, extrinsicsRoot: extrinsicsRoot(body) }, body })
const flipped = (data, at) => { const copy = Buffer.from(data); copy[at] ^= 1; return copy }
const timeOf = ms => sized(Buffer.concat([Uint8Array.of(4, 1, 0, 11), u64(ms).subarray(0, 6)]))

const tampered = {
  'another state root': block => ({ ...block, header: { ...block.header, stateRoot: flipped(block.header.stateRoot, 3) } }),
  'another extrinsics root': block => ({ ...block, header: { ...block.header, extrinsicsRoot: flipped(block.header.extrinsicsRoot, 3) } }),
  'another parent': block => ({ ...block, header: { ...block.header, parent: flipped(block.header.parent, 3) } }),
  'another number': block => ({ ...block, header: { ...block.header, number: block.header.number + 1 } }),
  'no time': block => remade(block, block.body.slice(1)),
  'the time twice': block => remade(block, [block.body[0], ...block.body]),
  'the time of another slot': block => remade(block, [timeOf(1700000000000n + 600000n * 1000n), ...block.body.slice(1)]),
  'a forged signature': block => remade(block, [block.body[0], flipped(block.body[1], 50), ...block.body.slice(2)]),
  'an extrinsic twice': block => remade(block, [...block.body, block.body[1]]),
  'an extrinsic cut short': block => remade(block, [block.body[0], sized(block.body[1].subarray(2, 40)), ...block.body.slice(2)]),
  'an unsigned call': block => remade(block, [block.body[0], sized(Uint8Array.of(4, 0, 0, 0)), ...block.body.slice(1)]),
  'an extrinsic less': block => remade(block, block.body.slice(0, -1)),
  'another slot': block => ({ ...block, header: { ...block.header, digest: block.header.digest.map(item => item[0] === 6 ? flipped(item, 6) : item) } })
}

test('a block that is not true is refused by both, and changes nothing', { timeout: 300000 }, () => {
  // The first block with a signed extrinsic whose author is Alice: she is the only validator of a young chain.
  const at = blocks.findIndex(({ body }) => body.length > 1)
  const earlier = blocks.slice(0, at)
  const replay = new Replay(chain[0])
  for (const block of earlier) execute(replay.host, replay.state, block)
  const root = hex(replay.state.root())
  const imported = name => { writeFileSync(join(dir, 'file'), name); return command(['import-blocks', '--dev', '-d', join(dir, 'import'), join(dir, 'file')], 1).stderr }
  if (earlier.length) { writeFileSync(join(dir, 'earlier'), writeExport(earlier)); command(['import-blocks', '--dev', '-d', join(dir, 'import'), join(dir, 'earlier')]) }
  for (const [what, tamper] of Object.entries(tampered)) {
    const made = tamper(blocks[at])
    const block = { ...made, header: sealed(made.header) }
    assert.throws(() => execute(replay.host, replay.state, block), /not valid|does not follow|unreachable/, what)
    assert.equal(hex(replay.state.root()), root, what)
    assert.match(imported(writeExport([block])), /block \d+ (is refused|of 1 in the file)/, what)
  }
  // Nothing was wrong but what was changed: the block itself, sealed again, is taken by both.
  const whole = { ...blocks[at], header: sealed(blocks[at].header) }
  execute(replay.host, replay.state, whole)
  writeFileSync(join(dir, 'file'), writeExport([whole]))
  assert.match(command(['import-blocks', '--dev', '-d', join(dir, 'import'), join(dir, 'file')]).stderr, /1 new/)
  assert.equal(hex(replay.state.root()), hex(whole.header.stateRoot))
})

test('an extrinsic that is refused leaves a block that is being built as it was', () => {
  const at = blocks.findIndex(({ body }) => body.length > 1)
  const replay = new Replay(chain[0])
  for (const block of blocks.slice(0, at)) execute(replay.host, replay.state, block)
  const { header, body } = blocks[at]
  const forged = flipped(body[1], 50)
  // What is refused is told by its validity: bad proof, stale, call.
  for (const [extrinsic, told] of [[forged, '010004'], [sized(Uint8Array.of(4, 0, 0, 0)), '010101'], [sized(Uint8Array.of(1, 2, 3)), '010000']]) {
    replay.state.begin()
    const { results } = build(replay.host, replay.state, { header, body: [body[0], extrinsic] })
    assert.equal(hex(results[1]), told)
    replay.state.rollback()
  }
  assert.equal(hex(replay.state.root()), hex(chain[at].header.stateRoot))
  const { made } = build(replay.host, replay.state, { header, body })
  assert.deepEqual(writeHeader(made), writeHeader(unsealed(header)))
})

