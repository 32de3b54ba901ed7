// rmb.test.mjs - unmodified @threefold/rmb_direct_client through two relays to peers of ours, with TLS on port 443.
// Needs root or CAP_NET_BIND_SERVICE: a twin's relay on the chain has no port.
// uses: port443
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { bin, connect, freePort, scratch, start, startNode, waitFor } from './programs.mjs'
import { certificates, get, metric } from './rmb_relays.mjs'

const RELAYS = ['127.0.0.2', '127.0.0.3']
const ALICE = '0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a' // the mini-secret of sr25519 //Alice
const ALICE_PK = '0x037051bed73458951b45ca6376f4096c85bf1a370da94d5336d04867cfaaad019e' // and its secp256k1 key
const OTHER_PK = '0x02dd958f0601b9fcdac03d6d56aa205a9ccbc6db0d63e622733c1879c16938253e' // of ed25519 //Alice

class Grid {
  dir = scratch()
  programs = new Set()

  async up () {
    this.tls = certificates(this.dir, RELAYS)
    this.node = await startNode(this.dir)
    this.programs.add(this.node)
    for (const [name, relay, ...more] of [['Alice', 'elsewhere.example.org', '--pk', OTHER_PK], ['Bob', RELAYS[0]], ['Charlie', RELAYS[1]]]) {
      execFileSync(join(bin, 'trellis'), ['twin', 'create', '--url', this.node.url, '--key', '//' + name, '--relay', relay, ...more, '--quiet'], { stdio: 'ignore' })
    }
    this.api = await connect(this.node)
    this.bus = await freePort()
    this.relays = [await this.relay(0), await this.relay(1)]
  }

  async relay (i) {
    const program = start('rmb-relay', ['--substrate', this.node.url, '--domain', RELAYS[i], '--listen', RELAYS[i] + ':443',
      ...(i === 0 ? ['--nng-listen', `tls+tcp://127.0.0.2:${this.bus}`] : []), '--store', join(this.dir, 'relay' + i),
      '--tls-cert', this.tls.cert, '--tls-key', this.tls.key, '--ca', this.tls.ca], this.dir)
    this.programs.add(program)
    await waitFor('relay ' + i, async () => (await get(RELAYS[i], '/health', this.tls.ca)).status === 200)
    return program
  }

  // What the chain says of a twin.
  async twin (id) {
    const { relay, pk, accountId } = (await this.api.query.tfgridModule.twins(id)).unwrap()
    return { relay: relay.unwrap().toUtf8(), pk: pk.unwrap().toHex(), account: accountId.toString() }
  }

  // A peer of ours on the null session.
  async echo (suri, url, relay) {
    const sessions = await metric(relay, 'relay_worker_connections', this.tls.ca)
    const program = start('trellis', ['rmb', 'echo', '--url', this.node.url, '--key', suri, '--relay', url, '--ca', this.tls.ca], this.dir)
    this.programs.add(program)
    await waitFor('the peer of ' + suri, async () => (await metric(relay, 'relay_worker_connections', this.tls.ca)) > sessions)
    return program
  }

  async client (secret, session) {
    const child = spawn(process.execPath, [join(import.meta.dirname ?? dirname(new URL(import.meta.url).pathname), 'rmb_client.mjs'),
      this.node.url, 'wss://' + RELAYS[0], secret, session, 'sr25519'], { stdio: ['pipe', 'pipe', 'ignore'], env: { ...process.env, NODE_EXTRA_CA_CERTS: this.tls.ca } })
    this.programs.add({ child })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const read = async () => {
      const { value, done } = await lines.next()
      assert.ok(!done, 'the client ended')
      return JSON.parse(value)
    }
    assert.deepEqual(await read(), { connected: true, twin: 1 })
    return {
      tell: question => child.stdin.write(JSON.stringify(question) + '\n'),
      async ask (question) { this.tell(question); return read() },
      stop: () => { child.stdin.end(); child.kill() }
    }
  }

  async down () {
    await this.api?.disconnect().catch(() => {})
    for (const { child } of this.programs) child.kill('SIGKILL')
    rmSync(this.dir, { recursive: true, force: true })
  }
}

test('the JavaScript client reaches peers of ours, here and behind another relay', { timeout: 120000 }, async () => {
  const grid = new Grid()
  try {
    await grid.up()
    const bob = await grid.echo('//Bob', `tls+tcp://127.0.0.2:${grid.bus}`, RELAYS[0])
    await grid.echo('//Charlie', 'wss://' + RELAYS[1], RELAYS[1])

    // The client makes the record its own: its relay, and the key that others encrypt with.
    const before = await grid.twin(1)
    assert.deepEqual([before.relay, before.pk], ['elsewhere.example.org', OTHER_PK])
    const alice = await grid.client(ALICE, 'session')
    assert.deepEqual(await grid.twin(1), { ...before, relay: RELAYS[0], pk: ALICE_PK })

    assert.deepEqual(await alice.ask({ command: 'echo', data: '{"n":1}', twin: 2 }), { reply: { n: 1 } })
    assert.deepEqual(await alice.ask({ command: 'echo', size: 1 << 20, twin: 2 }), { reply: 1 << 20 })
    assert.match((await alice.ask({ command: 'nothing', data: '{}', twin: 2 })).error, /0 function is not found/)
    assert.deepEqual(await alice.ask({ command: 'echo', data: '{"far":true}', twin: 3 }), { reply: { far: true } })
    assert.equal(await metric(RELAYS[0], 'federation_message_success', grid.tls.ca), 1)

    const again = await grid.client(ALICE, 'again')
    assert.deepEqual(await again.ask({ command: 'echo', data: '{"before":1}', twin: 2 }), { reply: { before: 1 } })

    // What waits for an absent peer outlives the relay's SIGKILL.
    await bob.stop()
    alice.tell({ command: 'echo', data: '{"late":1}', twin: 2 })
    await waitFor('the message to be stored', async () => (await metric(RELAYS[0], 'relay_stored_messages', grid.tls.ca)) === 1)
    await grid.relays[0].kill()
    grid.relays[0] = await grid.relay(0)
    assert.equal(await metric(RELAYS[0], 'relay_stored_messages', grid.tls.ca), 1)
    await grid.echo('//Bob', 'wss://' + RELAYS[0], RELAYS[0])
    await waitFor('the peer to take it', async () => (await metric(RELAYS[0], 'relay_message_tx', grid.tls.ca)) >= 1)

    // A client that was connected to the relay that died connects again when it asks.
    assert.deepEqual(await again.ask({ command: 'echo', data: '{"again":1}', twin: 2 }), { reply: { again: 1 } })
    again.stop()
    alice.stop()
    for (const relay of grid.relays) await relay.stop()
    await grid.node.stop()
  } catch (error) {
    error.message += '\n--- rmb-relay:\n' + grid.relays?.[0].tail()
    throw error
  } finally {
    await grid.down()
  }
})
