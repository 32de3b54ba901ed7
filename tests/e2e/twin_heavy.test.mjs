// twin_heavy.test.mjs - calls as large as an extrinsic can be: node and blob meet the same limits, with the same end.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Keyring } from '@polkadot/keyring'
import { cryptoWaitReady } from '@polkadot/util-crypto'
import { allEntries, bin, send, withNode } from './programs.mjs'
import { Host } from './wasm_host/host.mjs'
import { State } from './wasm_host/state.mjs'
import { build, compact, execute, hashOf, hex, writeExport } from './wasm_host/block.mjs'
import { CODE } from './wasm_host/replay.mjs'
import { blake2_256 } from './wasm_host/trie.mjs'

await cryptoWaitReady()
const GIB = 1024n ** 3n
const ring = new Keyring({ type: 'sr25519' })
const [alice, bob] = ['//Alice', '//Bob'].map(uri => ring.addFromUri(uri))
const bytes = text => Buffer.from(text.slice(2), 'hex')
const u64 = n => { const b = Buffer.alloc(8); b.writeBigUInt64LE(BigInt(n)); return b }
const many = (count, make) => Array.from({ length: count }, (_, i) => make(i))

async function blockAt (node, number) {
  const { block: { header, extrinsics } } = await node.rpc('chain_getBlock', [await node.rpc('chain_getBlockHash', [number])])
  return {
    header: { parent: bytes(header.parentHash), number: parseInt(header.number, 16), stateRoot: bytes(header.stateRoot), extrinsicsRoot: bytes(header.extrinsicsRoot), digest: header.digest.logs.map(bytes) },
    body: extrinsics.map(bytes)
  }
}

async function twin (api, who) {
  await send(api, api.tx.tfgridModule.userAcceptTc('https://example.org/terms', 'f'.repeat(32)), who)
  await send(api, api.tx.tfgridModule.createTwin('relay.example.org', null), who)
}

async function grid (api) {
  const { tfgridModule: tfgrid, smartContractModule: contract } = api.tx
  for (const who of [alice, bob]) await twin(api, who)
  await send(api, tfgrid.createFarm('a-farm', many(200, i => ({ ip: `185.206.122.${i + 30}/24`, gw: '185.206.122.1' }))), alice)
  await send(api, tfgrid.createNode(1, { hru: 1000n * GIB, sru: 1000n * GIB, cru: 8, mru: 32n * GIB }, { city: 'Ghent', country: 'Belgium', latitude: '51.05', longitude: '3.72' }, [], false, true, 'SN1'), alice)
  await send(api, contract.createNodeContract(1, '0x' + 'ab'.repeat(32), 'data', 2, null), bob)
}

// heavy are calls and their signers.
const heavy = ({ smartContractModule: contract, balances, utility, system, tfgridModule: tfgrid, council, tfkvStore: store, validator }) => {
  const used = { contractId: 1, used: { hru: 0, sru: GIB, cru: 1, mru: GIB } }
  return {
    'reports of resources': [contract.reportContractResources(many(4000, () => used)), alice],
    'a remark': [system.remarkWithEvent(new Uint8Array(3_800_000)), bob],
    'a batch of farm addresses': [utility.forceBatch(many(1000, i => tfgrid.addFarmIp(1, `185.206.122.${i % 250}/24`, '185.206.122.1'))), alice],
    'a batch of transfers': [utility.batchAll(many(1000, () => balances.transferKeepAlive(alice.address, 1000))), bob],
    'a batch of contracts': [utility.forceBatch(many(300, i => contract.createNodeContract(1, '0x' + i.toString(16).padStart(64, '0'), 'x'.repeat(500), 0, null))), bob],
    'a farm of addresses': [tfgrid.createFarm('another', many(512, i => ({ ip: `10.${i >> 8}.${i & 255}.9/8`, gw: '10.0.0.1' }))), alice],
    'a value': [store.set('key', 'v'.repeat(3_000_000)), bob],
    'a key': [store.set('k'.repeat(3_000_000), 'value'), bob],
    'a motion': [council.propose(2, system.remark(new Uint8Array(3_000_000)), 3_500_000), alice],
    'a description': [validator.createValidatorRequest(bob.address, bob.address, 'd'.repeat(3_000_000), 'x', 'y'), bob]
  }
}

// reports is a call that no pool takes, since to judge it takes more memory than that gives; an author can still
// bring it.  When each report took memory of its own, the blob's ran out and the node's did not.
const reports = api => api.tx.smartContractModule.addNruReports(many(110000, i => ({ contractId: 1, timestamp: (1n << 32n) + BigInt(i), window: 600, nru: GIB })))

// keys is a call by hand, of keys without a byte: a list that takes twice the memory where pointers are twice as long.
// Both builds count it alike, and refuse it.
const keys = api => ({
  signAsync: (who, { nonce }) => {
    const call = Buffer.concat([Uint8Array.of(0, 5), compact(1_200_000), Buffer.alloc(1_200_000)])      // System.kill_storage
    const extra = Buffer.concat([Uint8Array.of(0), compact(nonce), Uint8Array.of(0)])
    const { specVersion, transactionVersion } = api.runtimeVersion
    const payload = Buffer.concat([call, extra, specVersion.toU8a(), transactionVersion.toU8a(), api.genesisHash.toU8a(), api.genesisHash.toU8a()])
    const inner = Buffer.concat([Uint8Array.of(0x84, 0), who.publicKey, Uint8Array.of(1), who.sign(blake2_256(payload)), extra, call])
    return { toU8a: () => Buffer.concat([compact(inner.length), inner]) }
  }
})

// author has the blob make a block of one extrinsic on the head, in the next slot, with Alice's seal.
async function author (api, host, state, parent, [call, who]) {
  const nonce = (await api.query.system.account(who.address)).nonce.toNumber()
  const extrinsic = (await call.signAsync(who, { nonce, era: 0, blockHash: api.genesisHash })).toU8a()
  const slot = parent.digest[0].readBigUInt64LE(6) + 1n
  const digest = Buffer.concat([parent.digest[0].subarray(0, 6), u64(slot)])
  const inherents = host.call(state, 'BlockBuilder_inherent_extrinsics', Buffer.concat([compact(1), Buffer.from('timstap0'), compact(8), u64(slot * 6000n)]), { keep: false }).result
  const block = { header: { ...parent, parent: hashOf(parent), number: parent.number + 1, digest: [digest] }, body: [Buffer.from(inherents.subarray(1)), extrinsic] }
  state.begin()
  const { made, results } = build(host, state, block)
  state.rollback()
  const seal = Buffer.concat([Uint8Array.of(5), Buffer.from('aura'), compact(64), alice.sign(hashOf(made))])
  return { block: { header: { ...made, digest: [...made.digest, seal] }, body: block.body }, result: hex(results[1]) }
}

test('large calls end alike', { timeout: 600000 }, () => withNode(['--sealing', 'instant'], async (api, node, dir) => {
  const entries = (await allEntries(node, api.genesisHash.toHex())).map(([key, value]) => [key.slice(2), bytes(value)])
  const state = new State(entries)
  const host = new Host(state.get(CODE))
  let done = 0
  const follow = async what => {
    for (const best = (await api.rpc.chain.getHeader()).number.toNumber(); done < best;) {
      const block = await blockAt(node, ++done)
      const start = performance.now()
      execute(host, state, block)
      if (process.env.TWIN_TOLD) console.log(`# ${what}: ${(performance.now() - start).toFixed(0)} ms, ${host.memory.buffer.byteLength >> 20} MiB`)
      assert.equal(hex(state.root()), hex(block.header.stateRoot), `${what}: root of block ${done}`)
    }
  }
  await grid(api)
  await follow('the grid')
  for (const [what, [call, who]] of Object.entries(heavy(api.tx))) {
    const ended = await send(api, call, who).then(() => 'done', error => error.message)
    if (process.env.TWIN_TOLD) console.log(`# ${what}: ${ended}`)
    await follow(what)
  }
  const head = await blockAt(node, done)
  const call = '0x010000'      // InvalidTransaction::Call, as the node's pool says it, too
  const { block: { body: [, extrinsic] }, result: judged } = await author(api, host, state, head.header, [keys(api), alice])
  assert.equal('0x' + judged, call)
  const at = Buffer.from(hashOf(head.header))
  assert.equal(await node.rpc('state_call', ['TaggedTransactionQueue_validate_transaction', '0x' + hex(Buffer.concat([Uint8Array.of(2), extrinsic, at])), '0x' + hex(at)]), call)
  const { block, result } = await author(api, host, state, head.header, [reports(api), alice])
  assert.ok(['0000', '00010a'].includes(result), `reports end with ${result}`)        // done, or Exhausted
  await api.disconnect()
  await node.stop()
  writeFileSync(join(dir, 'file'), writeExport([block]))
  const { status, stderr } = spawnSync(join(bin, 'trellis-node'), ['import-blocks', '--dev', '-d', join(dir, 'chain'), join(dir, 'file')])
  assert.equal(status, 0, `the node refuses what the blob made: ${stderr}`)
}))
