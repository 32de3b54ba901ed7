// rmb_login.test.mjs - what a relay answers to a login before the upgrade, byte for byte, over ws and wss.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import tls from 'node:tls'
import { Keyring } from '@polkadot/api'
import { cryptoWaitReady } from '@polkadot/util-crypto'
import { bin, freePort, scratch, start, startNode, waitFor } from './programs.mjs'
import { certificates } from './rmb_relays.mjs'

const ADDRESS = '127.0.0.1'

// A login token as clients make it: the whole query of the URL.
function token (pair, twin, { age = 0, life = 60, sid } = {}) {
  const now = Math.floor(Date.now() / 1000) - age
  const text = part => Buffer.from(JSON.stringify(part)).toString('base64url')
  const signed = text({ alg: 'RS512', typ: 'JWT' }) + '.' + text({ sub: twin, iat: now, exp: now + life, ...(sid ? { sid } : {}) })
  return signed + '.' + Buffer.concat([Buffer.from('s'), pair.sign(signed)]).toString('base64url')
}

// Sends an upgrade request with these bytes behind it, and reads until the other side closes or has said 101.
const ask = (port, ca, query, more = '') => new Promise((resolve, reject) => {
  const socket = ca ? tls.connect({ host: ADDRESS, port, ca: readFileSync(ca) }) : net.connect(port, ADDRESS)
  let said = Buffer.alloc(0)
  const end = () => { socket.destroy(); resolve({ status: Number(said.toString('latin1').match(/^HTTP\/1.1 (\d+) /)?.[1]), said: said.toString('latin1') }) }
  socket.setTimeout(20000, () => { socket.destroy(); reject(new Error('no answer')) })
  socket.on('error', reject).on('close', end)
  socket.on('data', data => {
    said = Buffer.concat([said, data])
    if (said.includes('HTTP/1.1 101') && said.includes('\r\n\r\n')) end()
  })
  socket.write(`GET /${query === null ? '' : '?' + query} HTTP/1.1\r\nHost: ${ADDRESS}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n${more}`)
})

const refusal = (status, text) => `HTTP/1.1 ${status} ${text}\r\nContent-Length: ${text.length}\r\nConnection: close\r\n` +
  `Content-Type: text/plain; charset=utf-8\r\n\r\n${text}`

test('a login is let in or refused before the upgrade', { timeout: 120000 }, async () => {
  await cryptoWaitReady()
  const dir = scratch()
  const keys = new Keyring({ type: 'sr25519' })
  const [alice, bob, charlie] = ['//Alice', '//Bob', '//Charlie'].map(suri => keys.addFromUri(suri))
  const programs = []
  let relays
  try {
    const node = await startNode(dir)
    programs.push(node)
    const twin = suri => execFileSync(join(bin, 'trellis'), ['twin', 'create', '--url', node.url, '--key', suri, '--relay', 'relay.example.org', '--quiet'], { stdio: 'ignore' })
    twin('//Alice')
    const made = certificates(dir, [ADDRESS])
    relays = []
    for (const ca of [undefined, made.ca]) {
      const port = await freePort()
      const program = start('rmb-relay', ['--substrate', node.url, '--domain', 'relay.example.org', '--listen', `${ADDRESS}:${port}`,
        '--store', join(dir, 'relay' + relays.length), ...(ca ? ['--tls-cert', made.cert, '--tls-key', made.key] : [])], dir)
      programs.push(program)
      relays.push({ port, ca, program })
      await waitFor('the relay', async () => (await ask(port, ca, token(alice, 1))).status === 101)
    }

    for (const { port, ca } of relays) {
      for (const [what, query, status, text] of [
        ['no query', null, 400, 'Bad Request'],
        ['no token', 'rubbish', 401, 'Unauthorized'],
        ['an expired token', token(alice, 1, { age: 120 }), 401, 'Unauthorized'],
        ['a token that another signed', token(bob, 1), 401, 'Unauthorized'],
        ['a twin that is not on the chain', token(alice, 99), 401, 'Unauthorized'],
        ['twin 0', token(alice, 0), 401, 'Unauthorized']
      ]) assert.equal((await ask(port, ca, query)).said, refusal(status, text), what)
      const early = await ask(port, ca, token(alice, 99), '\x81\x85xxxxyyyyy')
      assert.equal(early.said, refusal(401, 'Unauthorized'), 'who talks before he is let in')
      const good = await ask(port, ca, token(alice, 1, { sid: 'a' }))
      assert.match(good.said, /^HTTP\/1.1 101 Switching Protocols\r\n(.+\r\n)*Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n(.+\r\n)*\r\n/)
    }

    // Twins that were made a moment before.
    twin('//Bob')
    assert.equal((await ask(relays[0].port, relays[0].ca, token(bob, 2))).status, 101)
    assert.equal((await ask(relays[1].port, relays[1].ca, token(bob, 2))).status, 101)

    // Many at once that nobody knows.
    const many = await Promise.all(Array.from({ length: 50 }, (_, i) => ask(relays[i & 1].port, relays[i & 1].ca, token(charlie, 1000 + i))))
    assert.deepEqual(new Set(many.map(({ status }) => status)), new Set([401]))

    // A chain that does not answer, and one that is gone: who is known is let in, of the others nothing is known.
    node.child.kill('SIGSTOP')
    const begun = Date.now()
    const [known, unknown] = await Promise.all([ask(relays[0].port, relays[0].ca, token(alice, 1)), ask(relays[0].port, relays[0].ca, token(charlie, 3))])
    node.child.kill('SIGCONT')
    assert.equal(known.status, 101)
    assert.equal(unknown.said, refusal(500, 'Internal Server Error'))
    assert.ok(Date.now() - begun < 15000)
    twin('//Charlie')
    for (const { port, ca } of relays) await waitFor('the third', async () => (await ask(port, ca, token(charlie, 3))).status === 101)
    await node.kill()
    await Promise.all(relays.map(async ({ port, ca }) => {
      assert.equal((await ask(port, ca, token(alice, 1))).status, 101)
      assert.equal((await ask(port, ca, token(charlie, 4))).said, refusal(500, 'Internal Server Error'))
    }))
    for (const { program } of relays) await program.stop()
  } catch (error) {
    error.message += '\n--- rmb-relay:\n' + relays?.[0]?.program.tail()
    throw error
  } finally {
    for (const { child } of programs) { child.kill('SIGCONT'); child.kill('SIGKILL') }
    rmSync(dir, { recursive: true, force: true })
  }
})
