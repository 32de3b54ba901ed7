// programs.mjs - starts our programs for a test, on ports of their own, and stops them.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, openSync, readFileSync, closeSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ApiPromise, WsProvider } from '@polkadot/api'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
export const bin = process.env.TRELLIS_BIN ?? join(root, 'build', 'bin')

export const freePort = () => new Promise((resolve, reject) => {
  const server = createServer()
  server.once('error', reject)
  server.listen(0, '127.0.0.1', () => { const { port } = server.address(); server.close(() => resolve(port)) })
})

export const scratch = () => mkdtempSync(join(tmpdir(), 'trellis-e2e-'))

// start runs a program with its output in a log file; stop ends it and fails when it did not end well.
export function start (name, args, dir, env = {}) {
  const log = join(dir, name + '.log')
  const fd = openSync(log, 'a')
  const child = spawn(join(bin, name), args, { stdio: ['ignore', fd, fd], env: { ...process.env, ...env } })
  closeSync(fd)
  const ended = new Promise(resolve => child.once('exit', (code, signal) => resolve({ code, signal })))
  const tail = () => readFileSync(log, 'utf8').split('\n').slice(-25).join('\n')
  return {
    child,
    ended,
    log,
    tail,
    async stop () {
      child.kill('SIGTERM')
      const { code, signal } = await ended
      if (code !== 0) throw new Error(`${name} ended with ${code ?? signal}:\n${tail()}`)
    },
    async kill () { child.kill('SIGKILL'); await ended }
  }
}

// endAll ends children, the last started first; who has not ended after ms is named and killed.
export async function endAll (children, ms = 8000) {
  for (const child of [...children].reverse()) {
    if (child.exitCode !== null || child.signalCode) continue
    const ended = once(child, 'exit')
    const bound = setTimeout(() => { console.log(`${child.spawnfile} did not end by SIGTERM in ${ms} ms`); child.kill('SIGKILL') }, ms)
    child.kill('SIGTERM')
    await ended
    clearTimeout(bound)
  }
}

// waitFor asks until it gets an answer that is not undefined, and says what it waited for when it never comes.
export async function waitFor (what, ask, ms = 30000) {
  const end = Date.now() + ms
  let last
  while (Date.now() < end) {
    try { const found = await ask(); if (found !== undefined && found !== false) return found } catch (error) { last = error }
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Error(`waited ${ms} ms for ${what}: ${last?.message ?? 'nothing came'}`)
}

let nextId = 0
export async function rpc (port, method, params = []) {
  const answer = await fetch(`http://127.0.0.1:${port}`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ jsonrpc: '2.0', id: ++nextId, method, params })
  })
  const body = await answer.json()
  if (body.error) throw Object.assign(new Error(`${method}: ${body.error.message}`), { code: body.error.code, data: body.error.data })
  return body.result
}

// node starts a development chain and waits until it answers.
export async function startNode (dir, extra = ['--sealing', 'instant'], port = undefined) {
  port ??= await freePort()
  const program = start('trellis-node', ['--dev', '--base-path', join(dir, 'chain'), '--rpc-port', String(port), '--no-prometheus', ...extra], dir)
  try {
    await waitFor('the node to answer', async () => {
      if (program.child.exitCode !== null) throw new Error(program.tail())
      return rpc(port, 'system_health')
    })
  } catch (error) { program.child.kill('SIGKILL'); throw error }
  return { ...program, port, url: `ws://127.0.0.1:${port}`, rpc: (method, params) => rpc(port, method, params) }
}

export async function connect (node) {
  const api = await ApiPromise.create({ provider: new WsProvider(node.url, 1000), noInitWarn: true, throwOnConnect: true })
  return api
}

// withNode runs a test against a fresh chain, and leaves nothing of it.
export async function withNode (extra, test) {
  const dir = scratch()
  const node = await startNode(dir, extra)
  let api
  try {
    api = await connect(node)
    await test(api, node, dir)
    await api.disconnect()
    api = undefined
    await node.stop()
  } catch (error) {
    error.message += `\n--- trellis-node:\n${node.tail()}`
    throw error
  } finally {
    if (api) await api.disconnect().catch(() => {})
    node.child.kill('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  }
}

// send signs, submits and waits for the block; gives the events of the extrinsic, or throws its error by name.
export function send (api, call, signer, options = {}, until = 'isInBlock') {
  return new Promise((resolve, reject) => {
    let unsubscribe
    call.signAndSend(signer, options, result => {
      if (!result.status[until] && !result.status.isFinalized) {
        if (result.isError) reject(new Error(`the pool said ${result.status.type}`))
        return
      }
      unsubscribe?.()
      const hash = result.status.isFinalized ? result.status.asFinalized : result.status.asInBlock
      if (result.dispatchError) {
        const { dispatchError } = result
        const name = dispatchError.isModule
          ? (({ section, name }) => `${section}.${name}`)(api.registry.findMetaError(dispatchError.asModule))
          : dispatchError.toString()
        reject(Object.assign(new Error(name), { events: result.events, hash }))
      } else resolve({ events: result.events, hash, names: result.events.map(({ event }) => `${event.section}.${event.method}`) })
    }).then(stop => { unsubscribe = stop }, reject)
  })
}

// allEntries gives every [key, value] of the state at a block.
export async function allEntries (node, hash) {
  const keys = []
  for (let start = null; ;) {
    const page = await node.rpc('state_getKeysPaged', ['0x', 1000, start, hash])
    keys.push(...page)
    if (page.length < 1000) break
    start = page[page.length - 1]
  }
  const [{ changes }] = await node.rpc('state_queryStorageAt', [keys, hash])
  return changes
}
