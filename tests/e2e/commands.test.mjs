// commands.test.mjs - the node's commands on real chains, and a month of billing in seconds.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Keyring } from '@polkadot/keyring'
import { cryptoWaitReady, xxhashAsHex } from '@polkadot/util-crypto'
import { bin, connect as connectTo, freePort, rpc, scratch, send, start, startNode, waitFor } from './programs.mjs'

await cryptoWaitReady()
const ring = new Keyring({ type: 'sr25519' })
const [alice, bob] = ['//Alice', '//Bob'].map(uri => ring.addFromUri(uri))
const GIB = 1024n ** 3n
const DAY = 86400000
const TIME = '0x' + xxhashAsHex('Timestamp', 128).slice(2) + xxhashAsHex('Now', 128).slice(2)

// run gives what a command wrote; it must end with `code`.
function run (args, { code = 0, input } = {}) {
  const ended = spawnSync(join(bin, 'trellis-node'), args, { input, maxBuffer: 1 << 28, encoding: 'utf8' })
  assert.equal(ended.status, code, `trellis-node ${args.join(' ')}: ${ended.stdout.slice(0, 500)}${ended.stderr}`)
  return ended
}

let apis = []
const connect = async node => { const api = await connectTo(node); apis.push(api); return api }

// withDir runs a test in a folder of its own; `serve` starts nodes that are stopped whatever happens.
const withDir = body => async () => {
  const dir = scratch()
  const nodes = []
  const serve = async (name, extra = [], sealing = 'manual') => {
    const node = await startNode(dir, ['--sealing', sealing, '--base-path', join(dir, name), ...extra])
    nodes.push(node)
    return node
  }
  try { await body(dir, serve) } finally {
    for (const api of apis) await api.disconnect().catch(() => {})
    apis = []
    for (const node of nodes) node.child.kill('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  }
}

// The head of a chain: what two nodes must agree on.
async function head (node) {
  const best = await node.rpc('chain_getHeader')
  return {
    hash: await node.rpc('chain_getBlockHash', [parseInt(best.number, 16)]),
    number: parseInt(best.number, 16),
    root: best.stateRoot,
    finalized: await node.rpc('chain_getFinalizedHead'),
    genesis: await node.rpc('chain_getBlockHash', [0])
  }
}

test('blocks go out and come in: the same best block, state and finality', withDir(async (dir, serve) => {
  const [from, to] = [['--dev', '-d', join(dir, 'from')], ['--dev', '-d', join(dir, 'to')]]
  const file = join(dir, 'blocks')
  let node = await serve('from')
  const api = await connect(node)
  const transfer = await api.tx.balances.transferAllowDeath(bob.address, 12345678).signAsync(alice, { nonce: 0 })
  await node.rpc('author_submitExtrinsic', [transfer.toHex()])
  await node.rpc('dev_newBlock', [{ count: 30 }])
  await node.rpc('engine_finalizeBlock', [await node.rpc('chain_getBlockHash', [20])])
  await node.rpc('dev_timeTravel', [Date.now() + 30 * DAY]) // far ahead of the clock
  await node.rpc('dev_newBlock', [{ to: 40 }])
  await api.disconnect()
  const made = await head(node)
  assert.equal(made.number, 40)
  run(['export-blocks', ...from, file], { code: 1 }) // a node runs on it
  run(['purge-chain', '-y', ...from], { code: 1 })
  await node.stop()

  assert.match(run(['export-blocks', ...from, file]).stderr, /exported 40 of 40 blocks, [\d.]+\/s/)
  const bytes = readFileSync(file)
  assert.equal(bytes.readBigUInt64LE(0), 40n)
  assert.equal('0x' + bytes.subarray(8, 40).toString('hex'), made.genesis) // the parent of the first
  assert.ok(bytes.includes('FRNK'))
  assert.match(run(['import-blocks', ...to, file]).stderr, /40 new, 0 here before; best is #40, finalized #20/)
  assert.match(run(['import-blocks', ...to, '--binary', '-'], { input: bytes }).stderr, /0 new, 40 here before/)
  node = await serve('to')
  assert.deepEqual(await head(node), made)
  await node.stop()

  for (const block of ['1', '17', made.hash, '0']) assert.match(run(['check-block', ...to, block]).stdout, /is good/)
  assert.match(run(['check-block', ...to, '41'], { code: 1 }).stderr, /there is no block 41; the best one is 40/)
  assert.match(run(['check-block', ...to, 'x'], { code: 1 }).stderr, /neither a block's number nor its hash/)

  const part = join(dir, 'part'), other = ['--dev', '-d', join(dir, 'other')]
  run(['export-blocks', ...from, '--from', '11', '--to=12', part])
  assert.match(run(['import-blocks', ...other, part], { code: 1 }).stderr, /block 11 is refused: no such block/)
  writeFileSync(part, bytes.subarray(0, bytes.length - 1))
  assert.match(run(['import-blocks', ...other, part], { code: 1 }).stderr, /block 40 of 40 in the file does not decode/)
  const changed = Buffer.from(bytes)
  changed[8 + 33 + 5] ^= 1 // block 1's state root
  writeFileSync(part, changed)
  rmSync(join(dir, 'other'), { recursive: true })
  assert.match(run(['import-blocks', ...other, part], { code: 1 }).stderr, /block 1 is refused/)
  assert.match(run(['import-blocks', '--chain', 'local', '-d', join(dir, 'local'), file], { code: 1 }).stderr, /block 1 is refused/)
  assert.match(run(['export-blocks', ...from, '--to', '41'], { code: 1 }).stderr, /there is no block 41/)
  assert.match(run(['export-blocks', ...from, '--from', '9', '--to', '8'], { code: 2 }).stderr, /is before --from/)
}))

test('blocks that are not final are taken back', withDir(async (dir, serve) => {
  const where = ['--dev', '-d', join(dir, 'chain')]
  let node = await serve('chain')
  await node.rpc('dev_newBlock', [{ count: 6 }])
  const second = await node.rpc('chain_getBlockHash', [2]), fourth = await node.rpc('chain_getBlockHash', [4])
  await node.rpc('engine_finalizeBlock', [second])
  await node.stop()
  assert.match(run(['revert', ...where, '5'], { code: 1 }).stderr, /5 blocks cannot be reverted: 2 is final, so at most 4/)
  assert.match(run(['revert', ...where, '2']).stdout, /reverted 2 blocks: the best one is 4/)
  node = await serve('chain')
  assert.equal((await head(node)).hash, fourth)
  assert.equal(await node.rpc('chain_getBlockHash', [5]), null)
  await node.rpc('dev_newBlock') // and the chain goes on
  assert.equal((await head(node)).number, 5)
  await node.stop()
  assert.match(run(['revert', ...where]).stdout, /reverted 3 blocks: the best one is 2/)
  assert.match(run(['revert', ...where], { code: 1 }).stderr, /no blocks to revert: the best one, 2, is final/)
  assert.match(run(['revert', ...where, '0'], { code: 2 }).stderr, /no number of blocks/)
}))

test('a chain spec and its raw form are one chain; a chain of one\'s own makes blocks', withDir(async (dir, serve) => {
  const spec = join(dir, 'spec.json'), raw = join(dir, 'raw.json')
  writeFileSync(raw, run(['build-spec', '--dev', '--raw']).stdout)
  const plain = await serve('plain'), fromRaw = await serve('fromRaw', ['--chain', raw])
  assert.equal((await head(plain)).genesis, (await head(fromRaw)).genesis)
  await Promise.all([plain.stop(), fromRaw.stop()])

  // Another authority, more money, one councillor, half the slot.
  const made = type => JSON.parse(run(['key', 'generate', '--scheme', type, '--output-type', 'json']).stdout)
  const aura = made('sr25519'), grandpa = made('ed25519')
  const edited = JSON.parse(run(['build-spec', '--dev']).stdout)
  const { runtime } = edited.genesis
  Object.assign(edited, { id: 'our_net', name: 'Our Net' })
  runtime.balances.balances.push([aura.ss58Address, '5000000000000000000000'])
  runtime.session.keys = [[aura.ss58Address, aura.ss58Address, { aura: aura.ss58Address, grandpa: grandpa.ss58Address }]]
  runtime.councilMembership.members = [bob.address]
  runtime.aura = { slotDuration: 200 }
  writeFileSync(spec, JSON.stringify(edited))
  writeFileSync(raw, run(['build-spec', '--raw', '--chain', spec]).stdout)
  assert.equal(JSON.parse(run(['build-spec', '--chain', spec]).stdout).genesis.runtime.balances.balances.length, 16)
  assert.match(run(['build-spec', '--chain', raw], { code: 1 }).stderr, /only build-spec --raw/)

  const where = ['--chain', raw, '-d', join(dir, 'own')]
  const early = start('trellis-node', [...where, '--validator', '--rpc-port', String(await freePort()), '--no-prometheus'], dir)
  assert.equal((await early.ended).code, 1)
  assert.match(early.tail(), /the validator has no key/)
  run(['key', 'insert', ...where, '--key-type', 'aura', '--scheme', 'sr25519', '--suri', aura.secretPhrase])
  run(['key', 'insert', ...where, '--key-type', 'gran', '--scheme', 'ed25519'], { input: grandpa.secretPhrase + '\n' })
  const keys = join(dir, 'own', 'chains', 'our_net', 'keystore')
  assert.deepEqual(readdirSync(keys).sort(), [`61757261${aura.publicKey.slice(2)}`, `6772616e${grandpa.publicKey.slice(2)}`])
  assert.equal(statSync(join(keys, readdirSync(keys)[0])).mode & 0o777, 0o600)
  const port = await freePort()
  const own = start('trellis-node', [...where, '--validator', '--rpc-port', String(port), '--no-prometheus'], dir)
  try {
    const final = await waitFor('finality', async () => {
      const { number } = await rpc(port, 'chain_getHeader', [await rpc(port, 'chain_getFinalizedHead')])
      return parseInt(number, 16) > 2 && number
    })
    assert.ok(parseInt(final, 16) > 2)
    assert.equal(await rpc(port, 'system_chain'), 'Our Net')
    const api = await connect({ url: `ws://127.0.0.1:${port}` })
    assert.equal((await api.query.system.account(aura.ss58Address)).data.free.toString(), '5000000000000000000000')
    assert.deepEqual((await api.query.council.members()).toJSON(), [bob.address])
    await api.disconnect()
    await own.stop()
  } finally { own.child.kill('SIGKILL') }

  delete runtime.tfgridModule
  writeFileSync(spec, JSON.stringify(edited))
  assert.match(run(['build-spec', '--chain', spec], { code: 2 }).stderr, /genesis\.runtime\.tfgridModule: the field is missing/)
  runtime.babe = {}
  writeFileSync(spec, JSON.stringify(edited))
  assert.match(run(['build-spec', '--chain', spec], { code: 2 }).stderr, /genesis\.runtime\.babe: there is no such field/)
}))

test('a chain begins with another\'s state', withDir(async (dir, serve) => {
  const state = join(dir, 'state.json')
  const node = await serve('first')
  const api = await connect(node)
  const transfer = await api.tx.balances.transferAllowDeath(bob.address, 777).signAsync(alice, { nonce: 0 })
  await node.rpc('author_submitExtrinsic', [transfer.toHex()])
  await node.rpc('dev_newBlock')
  const at3 = await node.rpc('dev_newBlock', [{ to: 3 }])
  const wanted = (await api.query.system.account(bob.address)).toHex()
  await api.disconnect()
  await node.stop()
  const where = ['--dev', '-d', join(dir, 'first')]
  const written = run(['export-state', ...where, at3]).stdout
  assert.equal(written, run(['export-state', ...where]).stdout)
  assert.equal(run(['export-state', ...where, '0']).stdout, run(['build-spec', '--dev', '--raw']).stdout)
  writeFileSync(state, written)
  const next = await serve('second', ['--chain', state])
  const again = await connect(next)
  assert.equal((await again.query.system.account(bob.address)).toHex(), wanted)
  await next.rpc('dev_newBlock', [{ count: 2 }])
  assert.equal((await again.query.system.account(bob.address)).toHex(), wanted)
  await again.disconnect()
  await next.stop()

  // A chain that begins with another state: Bob's account is another's.
  const edited = JSON.parse(written), { top } = edited.genesis.raw
  const key = api.query.system.account.key(bob.address)
  assert.equal(top[key], wanted)
  top[key] = api.createType('AccountInfo', { providers: 1, data: { free: 4242 } }).toHex()
  writeFileSync(state, JSON.stringify(edited))
  const third = await serve('third', ['--chain', state])
  const last = await connect(third)
  await third.rpc('dev_newBlock')
  assert.equal((await last.query.system.account(bob.address)).data.free.toNumber(), 4242)
  await last.disconnect()
  await third.stop()
}))

test('state is set by a block that says so, and the best block is any', withDir(async (dir, serve) => {
  const node = await serve('chain')
  const refused = (method, params, text) => assert.rejects(node.rpc(method, params), error => text.test(error.message + (error.data ?? '')))
  const api = await connect(node)
  const key = api.query.system.account.key(bob.address)
  const before = await node.rpc('dev_newBlock', [{ count: 2 }])
  const hash = await node.rpc('dev_setStorage', [{
    System: { Account: [[[bob.address], { providers: 1, data: { free: '777000000000' } }]] },
    smartContractModule: { billingFrequency: 50 },
    TfgridModule: { Twins: [[[9], { id: 9, accountId: bob.address, relay: null, entities: [], pk: null }]] }
  }])
  assert.equal((await api.rpc.chain.getBlockHash()).toHex(), hash)
  assert.equal((await api.query.system.account(bob.address)).data.free.toString(), '777000000000')
  assert.equal((await api.query.smartContractModule.billingFrequency()).toNumber(), 50)
  assert.equal((await api.query.tfgridModule.twins(9)).unwrap().accountId.toString(), bob.address)
  assert.equal((await node.rpc('chain_getHeader', [hash])).digest.logs.length, 3)
  await node.rpc('dev_setStorage', [[['0x0102', '0x03'], [key, null]]])
  assert.equal(await node.rpc('state_getStorage', ['0x0102']), '0x03')
  assert.equal(await node.rpc('state_getStorage', [key]), null)
  await node.rpc('dev_setStorage', [Array.from({ length: 300 }, (_, i) => ['0x77' + i.toString(16).padStart(4, '0'), '0x' + 'ab'.repeat(100)])])
  assert.equal((await node.rpc('state_getKeysPaged', ['0x77', 1000])).length, 300)
  await refused('dev_setStorage', [[['0x01', '0x' + '00'.repeat(7000)]]], /3520 bytes/)
  await refused('dev_setStorage', [[['0x01', '0x02']], before], /best block/)
  await refused('dev_setStorage', [{ System: { Account: [[['x'], {}]] } }], /System.Account: 0: is not an address/)
  await refused('dev_setStorage', [{ System: { Number: 'many' } }], /System.Number/)
  await refused('dev_setStorage', [[]], /nothing/)

  assert.equal(await node.rpc('dev_setHead', [before]), before)
  assert.equal(await node.rpc('state_getStorage', ['0x0102']), null)
  const other = await node.rpc('dev_newBlock')
  assert.equal((await node.rpc('chain_getHeader', [])).parentHash, before)
  await node.rpc('engine_finalizeBlock', [other])
  await refused('dev_setHead', [before], /never undone/)
  await refused('dev_setHead', [99], /no block of this number/)
  const last = await node.rpc('dev_setStorage', [[['0x0505', '0x06']]])
  await api.disconnect()
  await node.stop()

  // Executed again by others of its kind it gives what its headers say; another chain takes no such block.
  const where = name => ['--dev', '--base-path', join(dir, name)], file = join(dir, 'blocks')
  run(['export-blocks', ...where('chain'), file])
  assert.match(run(['check-block', ...where('chain'), last]).stdout, /is good/)
  run(['import-blocks', ...where('second'), file])
  const spec = JSON.parse(run(['build-spec', '--dev', '--raw']).stdout)
  writeFileSync(join(dir, 'live.json'), JSON.stringify({ ...spec, id: 'live', chainType: 'Live' }))
  assert.match(run(['import-blocks', '--chain', join(dir, 'live.json'), '--base-path', join(dir, 'live'), file], { code: 1 }).stderr, /block 4 is refused/)
  const again = await serve('second')
  assert.equal(await again.rpc('state_getStorage', ['0x0505']), '0x06')
  await again.stop()
}))

test('slots go on from a time that was sent, and after a restart', withDir(async (dir, serve) => {
  const to = Date.now() + 90 * DAY
  const now = async node => Number(new DataView(Uint8Array.from(Buffer.from((await node.rpc('state_getStorage', [TIME])).slice(2), 'hex')).buffer).getBigUint64(0, true))
  let node = await serve('slots', [], '100')
  await waitFor('a block', async () => (await head(node)).number > 0)
  assert.equal(await node.rpc('dev_timeTravel', [to]), to)
  await waitFor('the time', async () => await now(node) >= to + 300)
  assert.ok(await now(node) < to + 3600000)
  await node.stop()
  node = await serve('slots', [], '100')
  const { number } = await head(node)
  await waitFor('more blocks', async () => (await head(node)).number > number + 3)
  assert.ok(await now(node) > to + 300 && await now(node) < to + 3600000)
  await node.stop()
}))

test('a node is every authority whose keys it has', withDir(async dir => {
  const where = ['--chain', 'local', '-d', join(dir, 'both')]
  for (const suri of ['//Alice', '//Bob']) {
    run(['key', 'insert', ...where, '--key-type', 'aura', '--scheme', 'sr25519', '--suri', suri])
    run(['key', 'insert', ...where, '--key-type', 'gran', '--scheme', 'ed25519', '--suri', suri])
  }
  const port = await freePort()
  const node = start('trellis-node', [...where, '--validator', '--sealing', '200', '--rpc-port', String(port), '--no-prometheus'], dir)
  try {
    /* Each makes every other block, and both must vote for one to become final. */
    await waitFor('finality', async () =>
      parseInt((await rpc(port, 'chain_getHeader', [await rpc(port, 'chain_getFinalizedHead')])).number, 16) > 3)
    await node.stop()
  } finally { node.child.kill('SIGKILL') }
}))

test('a database is removed only when told', withDir(async (dir, serve) => {
  const where = ['--dev', '--base-path', join(dir, 'chain')], folder = join(dir, 'chain', 'chains', 'dev')
  const node = await serve('chain')
  await node.stop()
  assert.match(run(['purge-chain', ...where], { input: 'n\n' }).stderr, /Are you sure to remove/)
  assert.ok(existsSync(join(folder, 'CURRENT')))
  run(['key', 'insert', ...where, '--key-type=aura', '--scheme=sr25519', '--suri=//Eve'])
  assert.match(run(['purge-chain', ...where, '-y']).stderr, /removed/)
  assert.deepEqual(readdirSync(folder), ['keystore', 'network'])
  assert.match(run(['purge-chain', ...where, '-y']).stderr, /did not exist/)
}))

test('keys are shown as Substrate shows them', () => {
  const phrase = 'bottom drive obey lake curtain smoke basket hold race lonely fit walk'
  assert.equal(run(['key', 'inspect', '//Alice']).stdout,
    'Secret Key URI `//Alice` is account:\n' +
    '  Network ID:        substrate\n' +
    '  Secret seed:       0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a\n' +
    '  Public key (hex):  0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d\n' +
    '  Account ID:        0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d\n' +
    '  Public key (SS58): 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY\n' +
    '  SS58 Address:      5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY\n')
  const shown = JSON.parse(run(['key', 'inspect', phrase, '--output-type', 'json']).stdout)
  assert.equal(shown.secretPhrase, phrase)
  assert.equal(shown.secretSeed, '0xfac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e')
  assert.equal(JSON.parse(run(['key', 'inspect', '--public', shown.publicKey, '--output-type=json']).stdout).ss58Address, shown.ss58Address)
  assert.equal(JSON.parse(run(['key', 'inspect', '//Alice', '--scheme', 'ecdsa', '--output-type', 'json']).stdout).publicKey.length, 68)
  const made = run(['key', 'generate', '-w', '24']).stdout
  assert.equal(made.match(/^Secret phrase: {7}(.*)$/m)[1].split(' ').length, 24)
  assert.equal(ring.addFromUri(made.match(/^Secret phrase: {7}(.*)$/m)[1]).address, made.match(/SS58 Address: +(\S+)/)[1])
  assert.match(run(['key', 'inspect', 'no such words'], { code: 1 }).stderr, /Invalid phrase\/URI given/)
  assert.match(run(['key', 'generate', '--words', '13'], { code: 2 }).stderr, /--words takes/)
  const secret = run(['key', 'generate-node-key'])
  assert.match(secret.stdout, /^[0-9a-f]{64}\n$/)
  assert.match(secret.stderr, /^12D3KooW\w{44}\n$/)
  assert.match(run(['--version']).stdout, /^trellis-node \d+\.\d+\.\d+/)
  for (const command of ['build-spec', 'export-state', 'export-blocks', 'import-blocks', 'check-block', 'revert', 'purge-chain']) {
    assert.match(run([command, '--help']).stdout, new RegExp(`^trellis-node ${command}`))
  }
  assert.match(run(['bild-spec'], { code: 2 }).stderr, /there is no command 'bild-spec'/)
})

test('time and blocks at will, within the rules', withDir(async (dir, serve) => {
  const node = await serve('chain')
  const refused = (method, params, text) => assert.rejects(node.rpc(method, params), error => text.test(error.message + (error.data ?? '')))
  const api = await connect(node)
  const time = async () => (await api.query.timestamp.now()).toNumber()
  const to = Date.now() + 400 * DAY + 123
  assert.equal(await node.rpc('dev_timeTravel', [to]), to)
  const hash = await node.rpc('dev_newBlock')
  assert.equal(await time(), to)
  const { digest } = (await api.rpc.chain.getHeader(hash))
  assert.equal(digest.logs[0].asPreRuntime[1].toU8a(true).reduceRight((all, byte) => all * 256 + byte, 0), Math.floor(to / 6000))
  await node.rpc('dev_newBlock', [{ count: 3 }])
  assert.ok(await time() >= to + 3 * 3000 && await time() < to + 10 * 6000)
  await refused('dev_timeTravel', [to], /time only goes on/)
  await refused('dev_timeTravel', ['tomorrow'], /milliseconds/)
  await refused('dev_timeTravel', [1e18], /milliseconds/)
  await refused('dev_newBlock', [{ count: 0 }], /count/)
  await refused('dev_newBlock', [{ count: 10001 }], /10000/)
  await refused('dev_newBlock', [{ blocks: 2 }], /expected \{count/)
  await refused('dev_newBlock', [{ to: 4 }], /there already/)
  await refused('dev_newBlock', [{ unsafeBlockHeight: 4 }], /there already/)
  await refused('dev_newBlock', [{ unsafeBlockHeight: 10006 }], /10000/)
  await refused('dev_newBlock', [{ unsafeBlockHeight: 4294967295, count: 10000 }], /10000/)
  await node.rpc('dev_newBlock', [{ unsafeBlockHeight: 40, count: 2 }])
  assert.equal((await api.rpc.chain.getHeader()).number.toNumber(), 41)
  await api.disconnect()
  await node.stop()

  const live = JSON.parse(run(['build-spec', '--dev']).stdout)
  Object.assign(live, { id: 'live', chainType: 'Live' })
  writeFileSync(join(dir, 'live.json'), JSON.stringify(live))
  const other = await serve('live', ['--chain', join(dir, 'live.json')])
  await assert.rejects(other.rpc('dev_newBlock'), /development chains only/)
  await other.stop()
}))

test('a month of billing in seconds', withDir(async (dir, serve) => {
  const node = await serve('chain')
  const api = await connect(node)
  const { tfgridModule: grid, smartContractModule: contract, tftPriceModule: price } = api.tx
  const nonces = new Map()
  const call = async (who, ...calls) => {
    for (const one of calls) {
      const nonce = nonces.get(who) ?? 0
      nonces.set(who, nonce + 1)
      await node.rpc('author_submitExtrinsic', [(await one.signAsync(who, { nonce })).toHex()])
    }
    await node.rpc('dev_newBlock')
    const failed = (await api.query.system.events()).filter(({ event }) => api.events.system.ExtrinsicFailed.is(event))
    assert.deepEqual(failed.map(({ event }) => event.toHuman()), [])
  }
  const twin = [grid.userAcceptTc('https://example.org/terms', 'f'.repeat(32)), grid.createTwin('relay.example.org', null)]
  await call(alice, ...twin)
  await call(bob, ...twin)
  await call(alice, grid.createFarm('a-farm', []))
  await call(alice, grid.createNode(1, { hru: 1000n * GIB, sru: 1000n * GIB, cru: 8, mru: 32n * GIB },
    { city: 'Ghent', country: 'Belgium', latitude: '51.05', longitude: '3.72' }, [{ name: 'zos', mac: '54:45:46:f6:02:61', ips: ['185.206.122.40'] }], false, true, 'SN1'))
  await call(alice, price.setPrices(60, 100))
  await call(bob, contract.createNodeContract(1, 'ab'.repeat(16), 'data', 0, null))
  await call(alice, contract.reportContractResources([{ contractId: 1, used: { hru: 0, sru: 100n * GIB, cru: 4, mru: 8n * GIB } }]))

  const balance = async () => { const { data } = await api.query.system.account(bob.address); return data.free.toBigInt() + data.reserved.toBigInt() }
  const events = []
  const begun = Date.now()
  const before = await balance()
  const start = (await api.query.timestamp.now()).toNumber()
  for (let day = 1; day <= 30; day++) {
    await node.rpc('dev_timeTravel', [start + day * DAY])
    await node.rpc('dev_newBlock', [{ count: 10 }]) // a billing cycle
    const { number } = await node.rpc('chain_getHeader')
    for (let i = parseInt(number, 16) - 9; i <= parseInt(number, 16); i++) {
      const at = await api.at(await node.rpc('chain_getBlockHash', [i]))
      events.push(...(await at.query.system.events()).filter(({ event }) => event.section === 'smartContractModule').map(({ event }) => event))
    }
  }
  const took = (Date.now() - begun) / 1000
  const bills = events.filter(({ method }) => method === 'ContractBilled')
  const billed = bills.reduce((sum, { data }) => sum + data[0].amountBilled.toBigInt(), 0n)
  assert.equal(bills.length, 30)
  // Each bill is of about a day: 4 CU-ish at the same price, so all days but the first cost alike.
  const amounts = bills.slice(1).map(({ data }) => data[0].amountBilled.toBigInt())
  for (const amount of amounts) assert.ok(amount * 1000n > amounts[0] * 999n && amount * 999n < amounts[0] * 1000n, amounts.join(' '))
  assert.ok(events.some(({ method }) => method === 'RewardDistributed'))
  assert.ok(before - await balance() > 0n && before - await balance() <= billed)
  const payment = await api.query.smartContractModule.contractPaymentState(1)
  assert.ok(Math.abs(payment.unwrap().lastUpdatedSeconds.toNumber() * 1000 - start - 30 * DAY) < DAY)
  assert.ok(took < 120, `a month took ${took} s`)
  await api.disconnect()
  await node.stop()
  // The month is a chain like any other: it can be executed again.
  run(['export-blocks', '--dev', '-d', join(dir, 'chain'), join(dir, 'month')])
  run(['import-blocks', '--dev', '-d', join(dir, 'again'), join(dir, 'month')])
}))
