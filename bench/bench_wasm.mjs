// bench_wasm.mjs - what a block costs natively, and by the blob in V8.
//
//     node bench/bench_wasm.mjs [build/bench/bench_wasm]
//
// bench_wasm (the C half) makes the blocks and says what they cost the node; here the same blocks are executed by the
// blob in the host of tests/e2e/wasm_host, with state in memory.  Both count time of processor, so that others on the
// machine matter less: a thread's there, the process's here, V8's compiler and collector with it.  The blob's answer
// is compared in every block.  Medians of each kind's blocks; the first few are left out, until V8 has compiled.
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CODE, Replay, records } from '../tests/e2e/wasm_host/replay.mjs'
import { Host } from '../tests/e2e/wasm_host/host.mjs'
import { execute } from '../tests/e2e/wasm_host/block.mjs'

const LEFT_OUT = 5
const program = process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '..', 'build', 'bench', 'bench_wasm')
const median = list => [...list].sort((a, b) => a - b)[list.length >> 1]

function processor (run) {
  const before = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(before)
  return user + system
}

const child = spawn(program, [], { stdio: ['ignore', 'pipe', 'pipe'] })
let said = ''
child.stderr.on('data', text => { said += text })
const ended = new Promise(resolve => child.on('close', resolve))
const all = []
for await (const record of records(child.stdout)) all.push(record)     // it measures while nothing else runs
if (await ended !== 0) throw new Error(said)

// kinds gathers the native figures: name -> [[with signatures, without]] by block.
const kinds = new Map()
for (const line of said.trim().split('\n')) {
  const [name, , first, again] = line.split(' ')
  kinds.set(name, [...(kinds.get(name) ?? []), [Number(first), Number(again)]])
}
const chains = []
for (const record of all) if (record.header.number === 0) chains.push([record]); else chains.at(-1).push(record)

const ms = us => (us / 1000).toFixed(2).padStart(9)
console.log('milliseconds of processor a block'.padEnd(44) + 'native       V8    ratio   host calls')
for (const [i, [name, native]] of [...kinds].entries()) {
  const [genesis, ...blocks] = chains[i]
  const replay = new Replay(genesis)
  const found = []
  for (const record of blocks) {
    replay.host.known = new Set()
    const first = processor(() => execute(replay.host, replay.state, record, { keep: false }))
    const again = Math.min(...[1, 2, 3].map(() => processor(() => execute(replay.host, replay.state, record, { keep: false }))))
    const counting = new Host(replay.state.get(CODE), { isCounting: true })
    execute(counting, replay.state, record, { keep: false })
    replay.repeat(record)
    found.push([first, again, counting.calls])
  }
  const skip = list => list.length > LEFT_OUT ? list.slice(LEFT_OUT) : list.slice(-3)
  const show = (title, column) => {
    const [here, there] = [median(skip(native).map(row => row[column])), median(skip(found).map(row => row[column]))]
    console.log(title.padEnd(41) + ms(here) + ms(there) + (there / here).toFixed(1).padStart(9) + String(median(skip(found).map(row => row[2]))).padStart(13))
  }
  const title = name.replace('_', ' ')
  if (name === '100_transfers') show(`${title}, signatures to verify`, 0)
  show(name === '100_transfers' ? `${title}, signatures known` : title, 1)
}
