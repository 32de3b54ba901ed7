// rmb_peer.test.mjs - unmodified Redis clients talk through two rmb-peers, as programs of rmb-rs do, over two relays
// that are linked one way and post to each other the other way.  Needs port 443 of two loopback addresses.
// uses: port443
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import Redis from 'ioredis'
import { createClient } from 'redis'
import { bin, freePort, scratch, start, startNode, waitFor } from './programs.mjs'
import { certificates, get, metric } from './rmb_relays.mjs'

const RELAYS = ['127.0.1.2', '127.0.1.3']
const now = () => Math.floor(Date.now() / 1000)
const base64 = text => Buffer.from(text).toString('base64')
const request = (fields) => JSON.stringify({ ver: 1, ref: null, cmd: 'calculator.add', exp: 30, dat: '', tag: null, dst: [2], ret: 'reply', shm: 'application/json', now: now(), ...fields })

class Grid {
  dir = scratch()
  programs = new Set()
  relays = []

  async up () {
    this.tls = certificates(this.dir, RELAYS)
    this.node = await startNode(this.dir)
    this.programs.add(this.node)
    for (const name of ['Alice', 'Bob']) execFileSync(join(bin, 'trellis'), ['twin', 'create', '--url', this.node.url, '--key', '//' + name, '--relay', 'elsewhere.org', '--quiet'], { stdio: 'ignore' })
    this.link = await freePort()
    await this.relay(1, ['--link-listen', `tls+tcp://${RELAYS[1]}:${this.link}`])
    await this.relay(0, ['--link', `${RELAYS[1]}=tls+tcp://${RELAYS[1]}:${this.link}`])
    this.ports = [await freePort(), await freePort()]
    await this.peer(0, '//Alice', ['--rep', 'ipc://' + join(this.dir, 'rep'), '--pub', 'ipc://' + join(this.dir, 'pub')])
    await this.peer(1, '//Bob')
  }

  async relay (i, more) {
    const program = start('rmb-relay', ['--substrate', 'ws://127.0.0.1:1', '--substrate', this.node.url, '--domain', RELAYS[i], '--listen', RELAYS[i] + ':443', '--store', join(this.dir, 'relay' + i),
      '--tls-cert', this.tls.cert, '--tls-key', this.tls.key, '--ca', this.tls.ca, '--link-ca', this.tls.ca, '--limit', '100000', '1000000000', ...more], this.dir)
    this.programs.add(program)
    this.relays[i] = program
    await waitFor('relay ' + i, async () => (await get(RELAYS[i], '/health', this.tls.ca)).status === 200)
    return program
  }

  async peer (i, secret, more = []) {
    const key = join(this.dir, 'key' + i)
    writeFileSync(key, secret + '\n', { mode: 0o600 })
    const sessions = await metric(RELAYS[i], 'relay_worker_connections', this.tls.ca)
    this.programs.add(start('rmb-peer', ['--key-file', key, '--substrate', this.node.url, '--relay', 'wss://' + RELAYS[i], '--ca', this.tls.ca, '--redis', 'redis://127.0.0.1:' + this.ports[i], ...more], this.dir))
    await waitFor('the peer of ' + secret, async () => (await metric(RELAYS[i], 'relay_worker_connections', this.tls.ca)) > sessions)
  }

  async down () {
    for (const program of this.programs) if (program !== this.node && program.child.exitCode === null) program.child.kill('SIGTERM')
    for (const program of this.programs) if (program !== this.node) await program.ended
    this.node?.child.kill('SIGKILL')
    rmSync(this.dir, { recursive: true, force: true })
  }
}

test('programs of rmb-rs find their queues', { timeout: 120000 }, async () => {
  const grid = new Grid()
  let user, service
  try {
    await grid.up()
    user = await createClient({ url: 'redis://127.0.0.1:' + grid.ports[0] }).connect()
    service = new Redis({ port: grid.ports[1], host: '127.0.0.1' })
    assert.equal(execFileSync('redis-cli', ['-p', String(grid.ports[0]), 'ping'], { encoding: 'utf8' }), 'PONG\n')
    const answer = async (queue = 'reply') => JSON.parse((await user.brPop(queue, 10)).element)
    const serve = async (queue, reply) => {
      const [, text] = await service.brpop(queue, 10)
      const got = JSON.parse(text)
      await service.lpush(got.ret, JSON.stringify({ ver: 1, ref: got.ref, dst: got.src, shm: got.shm, now: now(), err: null, ...reply(got) }))
      return got
    }
    await waitFor('the link', async () => (await metric(RELAYS[0], 'relay_links_up', grid.tls.ca)) === 1)

    // There over the link, back by post; the peers have put their relays and keys on the chain, so it was encrypted.
    const stamp = now()
    await user.lPush('msgbus.system.local', request({ ref: 'mine', dat: base64('[1,2]'), tag: 'x', now: stamp }))
    const got = await serve('msgbus.calculator.add', ({ dat }) => ({ dat: base64(String(JSON.parse(Buffer.from(dat, 'base64')).reduce((a, b) => a + b))) }))
    assert.deepEqual(Object.keys(got), ['ver', 'ref', 'src', 'cmd', 'exp', 'dat', 'tag', 'ret', 'shm', 'now'])
    assert.deepEqual({ src: got.src, cmd: got.cmd, tag: got.tag, ret: got.ret, shm: got.shm }, { src: '1', cmd: 'calculator.add', tag: 'x', ret: 'msgbus.system.reply', shm: 'application/json' })
    assert.ok(got.exp <= 30 && got.exp >= 25)
    const sum = await answer()
    assert.deepEqual(Object.keys(sum), ['ver', 'ref', 'dat', 'src', 'shm', 'now', 'err'])
    assert.deepEqual({ ref: sum.ref, dat: sum.dat, src: sum.src, shm: sum.shm, err: sum.err }, { ref: 'mine', dat: base64('3'), src: '2', shm: 'application/json', err: null })
    assert.equal(await metric(RELAYS[0], 'federation_message_success', grid.tls.ca), 1)
    assert.equal(await metric(RELAYS[1], 'federation_message_success', grid.tls.ca), 1)

    // An error of the program, bytes that are no JSON and have no schema, an empty answer.
    await user.lPush('msgbus.system.local', request({ dat: base64('\u0000\xff') + '', shm: null }))
    const bytes = await serve('msgbus.calculator.add', () => ({ dat: '', err: { code: 7, message: 'no' } }))
    assert.deepEqual([bytes.dat, bytes.shm], [base64('\u0000\xff'), null])
    assert.deepEqual((await answer()).err, { code: 7, message: 'no' })
    await user.lPush('msgbus.system.local', request({ shm: null }))
    await serve('msgbus.calculator.add', () => ({ dat: '' }))
    const empty = await answer()
    assert.deepEqual([empty.dat, empty.shm, empty.err], ['', null, null])

    // One request to two twins, one of which is not; the peer's own command; queues of the bus are not for others.
    await user.lPush('msgbus.system.local', request({ ref: 'both', cmd: 'rmb.version', dst: [2, 99] }))
    const both = [await answer(), await answer()].sort((a, b) => a.src.length - b.src.length)
    assert.deepEqual(both[0].err, { code: 103, message: "unknown twin id '99'" })
    assert.match(JSON.parse(Buffer.from(both[1].dat, 'base64').toString()), /trellis/)
    for (const cmd of ['system.local', 'system.reply', 'backlog.x', 'rmb.other']) {
      await user.lPush('msgbus.system.local', request({ cmd }))
      assert.equal((await answer()).err.message, 'unknown command')
    }
    await user.lPush('msgbus.system.local', request({ now: now() - 100, ret: 'late' }))
    assert.equal((await answer('late')).err.code, 102)
    await user.lPush('msgbus.system.local', 'nonsense')

    // 1 MiB there and back, and many in order.
    const large = base64('x'.repeat(1 << 20))
    await user.lPush('msgbus.system.local', request({ dat: large }))
    await serve('msgbus.calculator.add', ({ dat }) => ({ dat }))
    assert.equal((await answer()).dat, large)
    for (let i = 0; i < 200; i++) await user.lPush('msgbus.system.local', request({ cmd: 'many', ret: 'none', dat: base64(String(i)) }))
    for (let i = 0; i < 200; i++) assert.equal(JSON.parse((await service.brpop('msgbus.many', 10))[1]).dat, base64(String(i)))

    // Certificates are read again: the link comes back.  Without a link its envelopes are posted, in their order.
    const linked = () => metric(RELAYS[0], 'relay_links_up', grid.tls.ca)
    grid.relays[1].child.kill('SIGHUP')
    await waitFor('the link to break', async () => (await linked()) === 0)
    await waitFor('the link to come back', async () => (await linked()) === 1)
    await grid.relays[1].kill()
    await waitFor('the link to break', async () => (await linked()) === 0)
    for (let i = 0; i < 20; i++) await user.lPush('msgbus.system.local', request({ cmd: 'later', ret: 'none', dat: base64(String(i)) }))
    await waitFor('them to wait', async () => (await metric(RELAYS[0], 'relay_stored_messages', grid.tls.ca)) === 20)
    await grid.relay(1, [])
    const seen = []
    while (new Set(seen).size < 20) seen.push(Number(Buffer.from(JSON.parse((await service.brpop('msgbus.later', 20))[1]).dat, 'base64').toString()))
    assert.deepEqual(seen, [...Array(20).keys()])
    assert.equal(await linked(), 0)
  } catch (error) {
    error.message += [...grid.programs].map(program => `\n--- ${program.log}:\n` + program.tail()).join('')
    throw error
  } finally {
    user?.destroy()
    service?.disconnect()
    await grid.down()
  }
})
