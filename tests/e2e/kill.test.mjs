// kill.test.mjs - SIGKILL at random moments under load: no finalized block and no accepted state is lost.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Keyring } from '@polkadot/keyring'
import { cryptoWaitReady } from '@polkadot/util-crypto'
import { freePort, rpc, scratch, startNode, connect } from './programs.mjs'

await cryptoWaitReady()
const KILLS = Number(process.env.TRELLIS_KILLS ?? 100)
const seed = Number(process.env.TRELLIS_SEED ?? Date.now() % 2 ** 31)
let state = seed >>> 0
const random = limit => { state = (Math.imul(state, 1664525) + 1013904223) >>> 0; return state % limit }

test(`killed ${KILLS} times, seed ${seed}`, { timeout: 900000 }, async () => {
  const dir = scratch()
  const port = await freePort()
  const alice = new Keyring({ type: 'sr25519' }).addFromUri('//Alice')
  let node = await startNode(dir, ['--sealing', 'manual'], port)
  const api = await connect(node)
  const genesis = api.genesisHash.toHex()
  let nonce = 0
  const seen = { finalized: { number: 0, hash: genesis }, best: new Map() }
  const sign = n => api.tx.system.remark('0x' + n.toString(16).padStart(8, '0'))
    .sign(alice, { nonce: n, era: 0, blockHash: genesis, genesisHash: genesis, runtimeVersion: api.runtimeVersion }).toHex()
  await api.disconnect()
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      // Every other kill counts from the first block, so that a slow machine has a load, too.
      let answered
      const first = kill % 2 ? new Promise(resolve => { answered = resolve }) : undefined
      const dies = Promise.resolve(first).then(() => sleep(random(120))).then(() => node.kill())
      let dead = false
      dies.then(() => { dead = true })
      while (!dead) {
        try {
          await rpc(port, 'author_submitExtrinsic', [sign(nonce)])
          const finalize = random(3) === 0
          const { hash } = await rpc(port, 'engine_createBlock', [true, finalize])
          const { number } = await rpc(port, 'chain_getHeader', [hash])
          // It was answered, so it is accepted: block and state must be there after any kill.
          seen.best.set(parseInt(number, 16), hash)
          if (finalize) seen.finalized = { number: parseInt(number, 16), hash }
          nonce++
          answered?.()
        } catch { break }
      }
      answered?.()
      await dies
      node = await startNode(dir, ['--sealing', 'manual'], port)
      const head = await rpc(port, 'chain_getHeader', [await rpc(port, 'chain_getFinalizedHead')])
      assert.ok(parseInt(head.number, 16) >= seen.finalized.number, `kill ${kill}: a finalized block was lost`)
      assert.equal(await rpc(port, 'chain_getBlockHash', [seen.finalized.number]), seen.finalized.hash)
      const last = Math.max(0, ...seen.best.keys())
      if (last > 0) assert.equal(await rpc(port, 'chain_getBlockHash', [last]), seen.best.get(last), `kill ${kill}: block ${last} was lost`)
      nonce = await rpc(port, 'system_accountNextIndex', [alice.address])
      assert.ok(nonce >= last, `kill ${kill}: state of block ${last} was lost`)
    }
    assert.ok(seen.best.size >= Math.floor(KILLS / 2), 'there was a load')
    await node.stop()
  } finally {
    node.child.kill('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  }
})
