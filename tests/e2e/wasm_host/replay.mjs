// replay.mjs - repeats by the blob what a node's own runtime did to each block, and compares everything.
//
//     node wasm_host/replay.mjs RANDOM_CHAIN BLOCKS [SEED]
//
// makes a random chain (tests/twin/random_chain.c) and repeats it block by block: the long form of twin.test.mjs.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Host } from './host.mjs'
import { State } from './state.mjs'
import { Reader, build, execute, hex, readBody, readHeader, unsealed, writeHeader } from './block.mjs'

export const CODE = hex(Buffer.from(':code'))

function readRecord (reader) {
  const header = readHeader(new Reader(reader.sized()))
  const body = readBody(new Reader(reader.sized()))
  const changes = []
  for (let n = reader.compact(); n > 0; n--) {
    const key = hex(reader.sized())
    changes.push([key, reader.take(1)[0] ? reader.sized() : undefined])
  }
  return { header, body, changes }
}

// records gives the records of random_chain's stream as they come.
export async function * records (stream) {
  let rest = Buffer.alloc(0)
  for await (const chunk of stream) {
    rest = Buffer.concat([rest, chunk])
    const reader = new Reader(rest)
    let start = 0
    for (;;) {
      let record
      try { record = readRecord(reader) } catch (error) { if (/end too early/.test(error.message)) break; throw error }
      start = reader.at
      yield record
    }
    rest = rest.subarray(start)
  }
  assert.equal(rest.length, 0, 'the stream ends within a record')
}

// told leaves out of the native changes what is as it was: those were written, and are none.
const told = (changes, state) => changes.filter(([key, value]) => {
  const before = state.get(key)
  return !(before === value || (before && value && Buffer.compare(before, value) === 0))
}).sort(([a], [b]) => a < b ? -1 : 1)

const asText = changes => changes.map(([key, value]) => `${key}=${value === undefined ? '-' : hex(value)}`)

export class Replay {
  constructor (genesis) {
    this.state = new State(genesis.changes)
    this.host = new Host(this.state.get(CODE))
    this.blocks = this.extrinsics = 0
    assert.equal(hex(this.state.root()), hex(genesis.header.stateRoot), 'root of genesis')
  }

  // repeat executes one block of the native chain, and holds all that it did equal to what the blob does.  `how` is
  // 'execute', as who imports a block runs it, or 'build', as its author does.
  repeat ({ header, body, changes }, how = 'execute', options = {}) {
    const expected = told(changes, this.state)
    const found = how === 'execute' ? execute(this.host, this.state, { header, body }, options) : this.rebuild({ header, body }, options)
    const name = `block ${header.number} (${how})`
    if (found.length !== expected.length || found.some(([key, value], i) => key !== expected[i][0] || !!value !== !!expected[i][1] || (value && Buffer.compare(value, expected[i][1])))) {
      assert.deepEqual(asText(found), asText(expected), `changes of ${name}`)
    }
    if (Buffer.compare(this.state.root(), header.stateRoot)) assert.fail(`root of ${name}: ${hex(this.state.root())}, not ${hex(header.stateRoot)}`)
    this.blocks++
    this.extrinsics += body.length
  }

  rebuild (block, options) {
    const { made, results, changes } = build(this.host, this.state, block, options)
    assert.deepEqual(writeHeader(made), writeHeader(unsealed(block.header)), `header of block ${block.header.number}`)
    results.forEach((result, i) => assert.equal(result[0], 0, `extrinsic ${i} of block ${block.header.number} is refused: ${hex(result)}`))
    return changes
  }
}

// randomChain starts the program that makes the chain; gives its stream, and how it ended.
export function randomChain (program, folder, blocks, seed) {
  const child = spawn(program, [folder, String(blocks), String(seed)], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.on('data', text => { said += text })
  const ended = new Promise((resolve, reject) => child.on('close', code => code === 0 ? resolve(said) : reject(new Error(`random_chain ended with ${code}: ${said}`))))
  ended.catch(() => {})
  return { stream: child.stdout, ended }
}

async function main ([program, blocks, seed = '1']) {
  const folder = mkdtempSync(join(tmpdir(), 'trellis-twin-'))
  const { stream, ended } = randomChain(program, join(folder, 'db'), blocks, seed)
  const start = Date.now()
  let replay; let last
  for await (const record of records(stream)) {
    last = record.header
    if (!replay) { replay = new Replay(record); continue }
    // One in 64 is made anew as its author made it; the others lie over what earlier calls left in memory.
    replay.repeat(record, last.number % 64 ? 'execute' : 'build', { isFresh: last.number % 16 === 0 })
    if (last.number % 5000 === 0) {
      const { rss, heapUsed } = process.memoryUsage()
      console.log(`block ${last.number}: ${replay.extrinsics} extrinsics, ${replay.state.values.size} keys, ${((Date.now() - start) / last.number).toFixed(2)} ms a block, ${rss >> 20} MiB (heap ${heapUsed >> 20}), root ${hex(last.stateRoot)}`)
    }
  }
  console.log((await ended).trim())
  const { user, system } = process.resourceUsage ? { user: process.cpuUsage().user, system: process.cpuUsage().system } : {}
  console.log(`${replay.blocks} blocks repeated, every change and root equal; ${replay.extrinsics} extrinsics with the inherents, ${replay.host.verified} signatures, ${replay.state.values.size} keys, ${((Date.now() - start) / 1000).toFixed(0)} s (${((user + system) / 1e6).toFixed(0)} s of processor here)`)
  console.log(`root ${hex(replay.state.root())}`)
  rmSync(folder, { recursive: true, force: true })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2))
