// polkadot.test.mjs - unmodified @polkadot/api against our node.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Keyring } from '@polkadot/keyring'
import { cryptoWaitReady } from '@polkadot/util-crypto'
import { send } from './programs.mjs'
import { withCheckedNode as withNode } from './scenario.mjs'

await cryptoWaitReady()
const sr = new Keyring({ type: 'sr25519' })
const ed = new Keyring({ type: 'ed25519' })
const ec = new Keyring({ type: 'ecdsa' })
const alice = sr.addFromUri('//Alice')
const bob = sr.addFromUri('//Bob')
const TFT = 10_000_000n

const free = async (api, who) => (await api.query.system.account(who.address)).data.free.toBigInt()
const issuanceHolds = async (api) => {
  const accounts = await api.query.system.account.entries()
  const sum = accounts.reduce((all, [, a]) => all + a.data.free.toBigInt() + a.data.reserved.toBigInt(), 0n)
  assert.equal(sum, (await api.query.balances.totalIssuance()).toBigInt())
}

test('the chain tells who it is', () => withNode(['--sealing', 'instant'], async (api) => {
  assert.equal(api.runtimeVersion.specName.toString(), 'substrate-threefold')
  assert.equal(api.runtimeVersion.transactionVersion.toNumber(), 2)
  assert.equal(api.registry.chainDecimals[0], 7)
  assert.equal(api.registry.chainTokens[0], 'TFT')
  assert.deepEqual(api.registry.signedExtensions, ['CheckNonZeroSender', 'CheckSpecVersion', 'CheckTxVersion', 'CheckGenesis', 'CheckMortality',
    'CheckNonce', 'CheckWeight', 'ChargeTransactionPayment', 'ContractIdProvides'])
  assert.equal(await free(api, alice), 2n ** 60n)
  await issuanceHolds(api)
}))

test('a transfer with mortal era and tip moves the amount, and the author has fee and tip', () => withNode(['--sealing', 'instant'], async (api) => {
  const before = [await free(api, bob), await free(api, alice)]
  const call = api.tx.balances.transferKeepAlive(alice.address, 5n * TFT)
  const { partialFee } = await call.paymentInfo(bob)
  const { names, hash, events } = await send(api, call, bob, { tip: 1234n, era: 64 })
  assert.deepEqual(names, ['balances.Withdraw', 'balances.Transfer', 'balances.Deposit', 'transactionPayment.TransactionFeePaid', 'system.ExtrinsicSuccess'])
  const fee = events.find(({ event }) => event.method === 'TransactionFeePaid').event.data
  assert.equal(fee[2].toBigInt(), 1234n)
  assert.equal(fee[1].toBigInt(), 10_000n + BigInt((await api.rpc.chain.getBlock(hash)).block.extrinsics[1].encodedLength) + 1234n)
  assert.ok(partialFee.toBigInt() > 10_000n)
  assert.equal(before[0] - await free(api, bob), 5n * TFT + fee[1].toBigInt())
  assert.equal(await free(api, alice) - before[1], 5n * TFT + fee[1].toBigInt())       // Alice is the author too
  await issuanceHolds(api)
}))

test('ed25519 and ecdsa accounts sign as well', () => withNode(['--sealing', 'instant'], async (api) => {
  for (const ring of [ed, ec]) {
    const carol = ring.addFromUri('//Carol')
    await send(api, api.tx.balances.transferAllowDeath(carol.address, 10n * TFT), alice)
    await send(api, api.tx.system.remark('0x010203'), carol)
    assert.equal((await api.query.system.account(carol.address)).nonce.toNumber(), 1)
  }
  await issuanceHolds(api)
}))

test('a failed call is told with its module error, and costs only the fee', () => withNode(['--sealing', 'instant'], async (api) => {
  await assert.rejects(send(api, api.tx.tfgridModule.createFarm('a-farm', []), bob), /tfgridModule.TwinNotExists/)
  await assert.rejects(send(api, api.tx.tfgridModule.createTwin(null, null), bob), /tfgridModule.UserDidNotSignTermsAndConditions/)
  await assert.rejects(send(api, api.tx.tfgridModule.setConnectionPrice(3), bob), /BadOrigin/)
  const account = await api.query.system.account(bob.address)
  assert.equal(account.nonce.toNumber(), 3)
  assert.ok(account.data.free.toBigInt() > 2n ** 60n - 100_000n)
  await issuanceHolds(api)
}))

test('what cannot pay, is stale or badly signed never enters the pool', () => withNode(['--sealing', 'manual'], async (api, node) => {
  const poor = sr.addFromUri('//NobodyKnowsMe')
  await assert.rejects(api.tx.system.remark('0x').signAndSend(poor), /1010: Invalid Transaction: Inability to pay some fees/)
  const signed = await api.tx.system.remark('0x').signAsync(bob, { nonce: 0 })
  await node.rpc('author_submitExtrinsic', [signed.toHex()])
  await assert.rejects(node.rpc('author_submitExtrinsic', [signed.toHex()]), { code: 1013 })
  assert.equal((await node.rpc('author_pendingExtrinsics')).length, 1)
  const later = await api.tx.system.remark('0x02').signAsync(bob, { nonce: 2 })
  await node.rpc('author_submitExtrinsic', [later.toHex()])                            // waits in the future queue
  await node.rpc('engine_createBlock', [true, true])
  const hash = await node.rpc('chain_getBlockHash', [])
  assert.equal((await node.rpc('chain_getBlock', [hash])).block.extrinsics.length, 2)
  const middle = await api.tx.system.remark('0x01').signAsync(bob, { nonce: 1 })
  await node.rpc('author_submitExtrinsic', [middle.toHex()])
  await node.rpc('engine_createBlock', [true, true])
  assert.equal((await api.query.system.account(bob.address)).nonce.toNumber(), 3)
  const stale = await api.tx.system.remark('0x09').signAsync(bob, { nonce: 1 })
  await assert.rejects(node.rpc('author_submitExtrinsic', [stale.toHex()]), { code: 1010, data: 'Transaction is outdated' })
  const forged = signed.toU8a()
  forged[60] ^= 1
  await assert.rejects(node.rpc('author_submitExtrinsic', ['0x' + Buffer.from(forged).toString('hex')]), { code: 1010, data: 'Transaction has a bad signature' })
  await assert.rejects(node.rpc('author_submitExtrinsic', ['0x1234']), { code: 1001 })
}))

test('queries: multi, entries, keys, at an old block, subscriptions', () => withNode(['--sealing', 'instant'], async (api) => {
  const genesis = await api.rpc.chain.getBlockHash(0)
  const seen = []
  const stop = await api.query.system.account(bob.address, account => seen.push(account.nonce.toNumber()))
  const heads = []
  const stopHeads = await api.rpc.chain.subscribeNewHeads(head => heads.push(head.number.toNumber()))
  await send(api, api.tx.system.remark('0x01'), bob)
  await send(api, api.tx.system.remark('0x02'), bob)
  const [a, b] = await api.queryMulti([[api.query.system.account, alice.address], [api.query.system.account, bob.address]])
  assert.equal(a.nonce.toNumber(), 0)
  assert.equal(b.nonce.toNumber(), 2)
  assert.equal((await api.query.system.account.entries()).length, 15)
  assert.equal((await api.query.system.account.keys()).length, 15)
  const then = await api.at(genesis)
  assert.equal((await then.query.system.account(bob.address)).nonce.toNumber(), 0)
  assert.equal((await api.query.system.account.size(bob.address)).toNumber(), 80)
  assert.deepEqual(seen, [0, 1, 2])
  assert.ok(heads.includes(2))
  stop(); stopHeads()
}))

test('a finalized status comes, and the justification is kept', () => withNode(['--sealing', 'instant'], async (api, node) => {
  const { hash } = await send(api, api.tx.system.remark('0x01'), bob, {}, 'isFinalized')
  assert.equal((await api.rpc.chain.getFinalizedHead()).toHex(), hash.toHex())
  const block = await node.rpc('chain_getBlock', [hash.toHex()])
  assert.ok(Array.isArray(block.justifications))
}))

test('the council decides by two of three', () => withNode(['--sealing', 'instant'], async (api) => {
  const charlie = sr.addFromUri('//Charlie')
  const motion = api.tx.smartContractModule.changeBillingFrequency(20)
  const proposed = await send(api, api.tx.council.propose(2, motion, motion.method.encodedLength), alice)
  const { data } = proposed.events.find(({ event }) => event.method === 'Proposed').event
  await send(api, api.tx.council.vote(data[2], data[1], true), bob)
  await send(api, api.tx.council.vote(data[2], data[1], true), charlie)
  const { names } = await send(api, api.tx.council.close(data[2], data[1], { refTime: 10_000_000_000n, proofSize: 1_000_000n }, 1000), bob)
  assert.ok(names.includes('smartContractModule.BillingFrequencyChanged'), names.join())
  assert.equal((await api.query.smartContractModule.billingFrequency()).toNumber(), 20)
}))

test('batches: stop at the first failure, or undo everything', () => withNode(['--sealing', 'instant'], async (api) => {
  const good = api.tx.balances.transferKeepAlive(alice.address, TFT)
  const bad = api.tx.tfgridModule.createFarm('a-farm', [])
  const { names } = await send(api, api.tx.utility.batch([good, bad, good]), bob)
  assert.equal(names.filter(n => n === 'utility.ItemCompleted').length, 1)
  assert.ok(names.includes('utility.BatchInterrupted'))
  await assert.rejects(send(api, api.tx.utility.batchAll([good, bad]), bob), /tfgridModule.TwinNotExists/)
  const forced = await send(api, api.tx.utility.forceBatch([bad, good]), bob)
  assert.ok(forced.names.includes('utility.ItemFailed') && forced.names.includes('utility.BatchCompletedWithErrors'))
  await issuanceHolds(api)
}))

test('malformed requests get the error that Substrate gives', () => withNode(['--sealing', 'manual'], async (api, node) => {
  const post = async body => (await fetch(`http://127.0.0.1:${node.port}`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })).json()
  assert.equal((await post('{')).error.code, -32700)
  assert.equal((await post('{"jsonrpc":"2.0","id":7}')).error.code, -32600)
  const unknown = await post('{"jsonrpc":"2.0","id":"x","method":"no_such","params":[]}')
  assert.deepEqual([unknown.id, unknown.error.code, unknown.error.message], ['x', -32601, 'Method not found'])
  assert.equal((await post('{"jsonrpc":"2.0","id":1,"method":"chain_getBlockHash","params":["nonsense"]}')).error.code, -32602)
  assert.equal((await post('{"jsonrpc":"2.0","id":1,"method":"state_getKeysPaged","params":["0x",1001]}')).error.code, 4002)
  const batch = await post('[{"jsonrpc":"2.0","id":1,"method":"system_chain","params":[]},{"jsonrpc":"2.0","id":2,"method":"system_name"}]')
  assert.equal(batch.length, 2)
  await assert.rejects(node.rpc('state_getStorage', ['0x00', '0x' + '11'.repeat(32)]), { code: 4003 })
  assert.equal(await node.rpc('chain_getHeader', ['0x' + '11'.repeat(32)]), null)
}))
