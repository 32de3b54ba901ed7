// scenario.mjs - many calls in few blocks: each with the result that it must have, and a list of what was called.
import assert from 'node:assert/strict'
import { WebSocket, WebSocketServer } from 'ws'
import { calculate_state_root as stateRoot } from '@acala-network/chopsticks-executor'
import { allEntries, withNode } from './programs.mjs'

export const OK = 'ok'

// errorName is "tfgridModule.FarmExists", "BadOrigin", "Token.FundsUnavailable" ...
export function errorName (api, error) {
  if (error.isModule) { const { section, name } = api.registry.findMetaError(error.asModule); return `${section}.${name}` }
  if (error.isToken || error.isArithmetic || error.isTransactional) return `${error.type}.${error.value.type}`
  return error.type
}

const resultName = (api, result) => result.isOk ? OK : errorName(api, result.asErr)

// Every call that the metadata declares, as "pallet.call".
export const declaredCalls = api => Object.entries(api.tx).flatMap(([pallet, calls]) => Object.values(calls)
  .map(call => `${pallet}.${call.method}`))

// A Scenario sends calls in blocks that it makes itself, and remembers which calls met which result.
export class Scenario {
  constructor (api, node, council) {
    Object.assign(this, { api, node, council, nonces: new Map(), met: new Map(), calls: [] })
  }

  note (call, result) {
    const name = `${call.section}.${call.method}`
    this.met.set(name, [...(this.met.get(name) ?? []), result])
    this.calls.push(call)
  }

  // peek signs what is not meant to come into a block; sign counts the nonce.
  async peek (who, call) { return (await call.signAsync(who, { nonce: this.nonces.get(who.address) ?? 0, era: 0 })).toHex() }

  async sign (who, call) {
    const signed = await this.peek(who, call)
    this.nonces.set(who.address, (this.nonces.get(who.address) ?? 0) + 1)
    return signed
  }

  // block sends [who, call, expected] in one block and checks each result; gives the events of each.
  async block (steps) {
    const sent = []
    for (const [who, call] of steps) {
      sent.push(await this.sign(who, call))
      await this.node.rpc('author_submitExtrinsic', [sent.at(-1)]).catch(error => {
        throw new Error(`${call.method.section}.${call.method.method}: ${error.message}: ${error.data}`)
      })
    }
    const { hash } = await this.node.rpc('engine_createBlock', [true, true])
    const { block } = await this.node.rpc('chain_getBlock', [hash])
    const events = await (await this.api.at(hash)).query.system.events()
    return steps.map(([, call, expected = OK], i) => {
      const index = block.extrinsics.indexOf(sent[i])
      assert.ok(index >= 0, `${call.method.section}.${call.method.method} is in the block`)
      const own = events.filter(({ phase }) => phase.isApplyExtrinsic && phase.asApplyExtrinsic.eqn(index)).map(({ event }) => event)
      const failed = own.find(({ section, method }) => section === 'system' && method === 'ExtrinsicFailed')
      const result = failed ? errorName(this.api, failed.data.dispatchError) : OK
      assert.equal(result, expected, `${call.method.section}.${call.method.method}(${call.method.args.map(String).join(', ').slice(0, 300)})`)
      this.note(call.method, result)
      return own
    })
  }

  // resultOf is the result that an event tells of a call within.
  resultOf (events, pallet, name) {
    return resultName(this.api, events.find(({ section, method }) => section === pallet && method === name).data.result)
  }

  // inside checks the results that events tell of calls that ran within another.
  inside (calls, results) {
    assert.equal(results.length, calls.length)
    calls.forEach(([call, expected = OK], i) => {
      assert.equal(results[i], expected, `${call.method.section}.${call.method.method}(${call.method.args.map(String).join(', ').slice(0, 300)})`)
      this.note(call.method, results[i])
    })
  }

  // decide has the council carry out [call, expected], all of them in three blocks.
  async decide (calls) {
    const { api, council: members, council: [first] } = this
    const { council } = api.tx
    const proposed = await this.block(calls.map(([call]) => [first, council.propose(members.length, call, call.method.encodedLength)]))
    const motions = proposed.map(events => events.find(({ method }) => method === 'Proposed').data)
    await this.block(members.flatMap(who => motions.map(({ proposalHash, proposalIndex }) => [who, council.vote(proposalHash, proposalIndex, true)])))
    const bound = { refTime: 500_000_000_000n, proofSize: 1_000_000n }
    const closed = await this.block(motions.map(({ proposalHash, proposalIndex }, i) =>
      [first, council.close(proposalHash, proposalIndex, bound, calls[i][0].method.encodedLength)]))
    this.inside(calls, closed.map(events => this.resultOf(events, 'council', 'Executed')))
    return closed
  }

  // ordain has farmers decide that the chain itself, as root, carries out [call, expected].
  async ordain (farmer, farms, calls) {
    const { api, council: [first] } = this
    const action = api.tx.utility.forceBatch(calls.map(([call]) => call))
    const [events] = await this.block([[first, api.tx.dao.propose(farms.length, action, 'a description', 'https://example.org', null)]])
    const { proposalHash, proposalIndex } = events.find(({ method }) => method === 'Proposed').data
    await this.block(farms.map(farm => [farmer, api.tx.dao.vote(farm, proposalHash, true)]))
    const [closed] = await this.block([[first, api.tx.dao.close(proposalHash, proposalIndex)]])
    this.inside([[action]], [this.resultOf(closed, 'dao', 'Executed')])
    this.inside(calls, closed.filter(({ section, method }) => section === 'utility' && /^Item/.test(method))
      .map(({ method, data }) => method === 'ItemCompleted' ? OK : errorName(api, data[0])))
    return closed
  }
}

// checkRoots computes the state root of every block again, from all keys, by a foreign implementation.
export async function checkRoots (node, first = 0) {
  const best = parseInt((await node.rpc('chain_getHeader')).number, 16)
  for (let number = first; number <= best; number++) {
    const hash = await node.rpc('chain_getBlockHash', [number])
    const header = await node.rpc('chain_getHeader', [hash])
    assert.equal(await stateRoot(await allEntries(node, hash), 1), header.stateRoot, `block ${number}`)
  }
  return best - first + 1
}

// withCheckedNode runs a test against a fresh chain, and then checks every root of it.
export const withCheckedNode = (extra, test) => withNode(extra, async (api, node, dir) => {
  await test(api, node, dir)
  await checkRoots(node)
})

// record stands between clients and a node, and notes which methods they call; check says that the node lists them all.
export async function record (node) {
  const methods = new Set()
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await new Promise(resolve => server.once('listening', resolve))
  server.on('connection', client => {
    const inside = new WebSocket(node.url)
    const opened = new Promise((resolve, reject) => { inside.once('open', resolve); inside.once('error', reject) })
    client.on('message', data => {
      const text = data.toString()
      for (const { method } of [JSON.parse(text)].flat()) methods.add(method)
      opened.then(() => inside.send(text), () => client.close())
    })
    inside.on('message', data => client.send(data.toString()))
    client.on('close', () => inside.close())
    inside.on('close', () => client.close())
  })
  return {
    url: `ws://127.0.0.1:${server.address().port}`,
    methods,
    async check (atLeast) {
      const listed = new Set((await node.rpc('rpc_methods')).methods)
      assert.deepEqual([...methods].filter(method => !listed.has(method)), [], 'rpc_methods lists what the clients call')
      for (const method of atLeast) assert.ok(methods.has(method), `${method} was called`)
    },
    close: () => server.close()
  }
}
