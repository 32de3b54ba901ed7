// grid_client_zdb.test.mjs - unmodified @threefold/grid_client deploys a database on our grid, an unmodified redis client uses
// it, and the output of a machine is sent to another one; then all is cancelled.
//
// Needs root and redis-server.
// uses: port443 containers
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { createClient } from 'redis'
import { FLIST, GIB, Grid } from './grid_client_grid.mjs'
import { waitFor } from './programs.mjs'

const PASSWORD = 'not so s3cret'
const database = size => ({ name: 'db1', node_id: 1, mode: 'user', disk_size: size, publicNamespace: false, password: PASSWORD })

const machine = (name, entrypoint, zlogsOutput) => ({
  name, node_id: 1, disks: [], public_ip: false, public_ip6: false, planetary: false, mycelium: false, cpu: 1, memory: 512, rootfs_size: 1,
  flist: FLIST, entrypoint, env: { SSH_KEY: 'none' }, ...(zlogsOutput ? { zlogsOutput } : {})
})

// A redis client on one of the addresses that the result names.
async function open ({ IPs, Port, Namespace }, password = PASSWORD) {
  const client = createClient({ socket: { host: IPs[0], port: Port, reconnectStrategy: false, connectTimeout: 3000 }, username: Namespace, password })
  client.on('error', () => {})
  await client.connect()
  return client
}

async function databases (grid, client) {
  const { contracts } = await client.call('zdbs.deploy', { name: 'dbs', zdbs: [database(0.25)], metadata: '', description: '' })
  const [{ contractId }] = contracts.created
  const [db] = await client.call('zdbs.getObj', 'dbs')
  assert.deepEqual([db.name, db.status, db.mode, db.size], ['db1', 'ok', 'user', GIB / 4])
  assert.deepEqual(db.resData, { Namespace: `1-${contractId}-db1`, IPs: ['127.0.0.1'], Port: grid.more.zdb.port })

  let redis = await open(db.resData)
  await redis.set('greeting', 'hello')
  await assert.rejects(open(db.resData, 'wrong'), /WRONGPASS/)
  await assert.rejects(redis.sendCommand(['CONFIG', 'GET', '*']), /NOPERM/)
  await redis.quit()

  await client.call('zdbs.update', { name: 'dbs', zdbs: [database(0.5)], metadata: '', description: '' })
  const [grown] = await client.call('zdbs.getObj', 'dbs')
  assert.deepEqual([grown.status, grown.size], ['ok', GIB / 2])
  redis = await waitFor('the database after its update', () => open(grown.resData).catch(() => false), 20000)
  assert.equal(await redis.get('greeting'), 'hello')
  redis.destroy()

  await waitFor('the chain to know what it uses', () =>
    JSON.stringify(grid.trellis('user', 'query', 'SmartContractModule.NodeContractResources', String(contractId))).includes(String(GIB / 2)), 30000)
  assert.equal((await client.call('zdbs.delete', { name: 'dbs' })).deleted.length, 1)
  await waitFor('the database to be gone', () => grid.workloads().length === 0, 60000)
  await assert.rejects(open(db.resData))
}

async function logs (grid, client) {
  const speaker = 'sh -c "while :; do echo tick of $HOSTNAME vm1; /bin/busybox sleep 1; done"'
  const listener = 'sh -c "mkdir -p /www; httpd -p 80 -h /www; while :; do /bin/busybox nc -l -p 7000 >> /www/index.html; done"'
  await client.call('machines.deploy', {
    name: 'logs', metadata: '', description: '', network: { name: 'net1', ip_range: '10.20.0.0/16', addAccess: false },
    machines: [machine('vm1', speaker, 'tcp://10.20.2.3:7000'), machine('vm2', listener)]
  })
  const states = grid.workloads().map(w => [w.type, w.state]).sort()
  assert.deepEqual(states, [['network', 'ok'], ['zlogs', 'ok'], ['zmachine', 'ok'], ['zmachine', 'ok']])
  assert.match(await waitFor('the output of one in the other', () => /tick of vm1|tick of .*vm1/.exec(grid.page('10.20.2.3') ?? '')?.[0], 30000), /tick of/)
  await client.call('machines.delete', { name: 'logs' })
  await waitFor('the machines to be gone', () => grid.workloads().length === 0, 60000)
}

test('grid_client deploys a database and has the logs of a machine sent', { timeout: 300000 }, async t => {
  if (process.getuid() !== 0) return t.skip('skipped: not root')
  if (!existsSync('/usr/bin/redis-server')) return t.skip('skipped: no redis-server')
  const grid = new Grid({
    last: 40, prefix: 'gcz',
    config: { capacity: { cru: 4, mru: 8 * GIB, sru: 200 * GIB, hru: 100 * GIB }, zdb: { port: 42290, address: '127.0.0.1' } }
  })
  try {
    await grid.up()
    assert.ok(grid.features.includes('zdb') && grid.features.includes('zlogs'), grid.features.join())
    const client = await grid.client()
    await databases(grid, client)
    await logs(grid, client)
    client.stop()
  } catch (error) {
    error.message += '\n' + grid.logs()
    throw error
  } finally { await grid.down() }
})
