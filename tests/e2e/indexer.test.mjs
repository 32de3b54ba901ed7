// indexer.test.mjs - the index is what the chain's state is: over random calls, forks that win, kills of the indexer, and
// made again from genesis; in SQLite, and in a PostgreSQL server that breaks its connections.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Keyring } from '@polkadot/keyring'
import { cryptoWaitReady } from '@polkadot/util-crypto'
import { buildClientSchema, getIntrospectionQuery, parse, validate, validateSchema } from 'graphql'
import { connect, freePort, scratch, start, startNode, waitFor } from './programs.mjs'
import { certificates } from './rmb_relays.mjs'

await cryptoWaitReady()
const seed = Number(process.env.TRELLIS_SEED ?? Date.now() % 2 ** 31)
const ROUNDS = Number(process.env.TRELLIS_ROUNDS ?? 40)
let state = seed >>> 0
const random = limit => { state = (Math.imul(state, 1664525) + 1013904223) >>> 0; return (state >>> 8) % limit }

class World {
  dir = scratch()
  indexers = []

  async up () {
    this.node = await startNode(this.dir, ['--sealing', 'manual'])
    this.api = await connect(this.node)
    this.genesis = this.api.genesisHash.toHex()
    const keyring = new Keyring({ type: 'sr25519' })
    this.users = ['//Alice', '//Bob', '//Charlie', '//Dave', '//Eve', '//Ferdie'].map(uri => keyring.addFromUri(uri))
    this.port = await freePort()
  }

  // A PostgreSQL server of this test's own; undefined where none is installed.
  async postgres () {
    const child = spawn('python3', [join(dirname(fileURLToPath(import.meta.url)), '..', 'tools', 'postgres.py'), '--serve'], { stdio: ['pipe', 'pipe', 'inherit'] })
    const [text] = await once(child.stdout, 'data')
    const url = String(text).trim()
    if (!url.startsWith('postgres://')) return console.log(url)
    this.server = { url, end: async () => { child.stdin.end(); await once(child, 'exit') } }
    return this.server.url
  }

  // `db` is a file's name, or the URL of a server.
  async indexer (db, port, extra = []) {
    const where = db.startsWith('postgres://') ? ['--postgres', db] : ['--db', join(this.dir, db)]
    const program = start('trellis-indexer', ['--substrate', this.node.url, ...where, '--listen', `127.0.0.1:${port}`, ...extra], this.dir)
    this.indexers.push(program)
    await waitFor('the indexer to listen', async () => (await fetch(`http://127.0.0.1:${port}/version`)).status === 200)
    return program
  }

  async get (path, port = this.port) {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`)
    assert.equal(answer.status, 200, `${path}: ${await answer.clone().text()}`)
    return answer.json()
  }

  async graphql (query, port = this.port) {
    const answer = await fetch(`http://127.0.0.1:${port}/graphql`, { method: 'POST', body: JSON.stringify({ query }) })
    const { data, errors } = await answer.json()
    assert.equal(errors, undefined, JSON.stringify(errors))
    return data
  }

  // A block on a parent (the best one) with the calls given, each [user, call].
  async block (calls = [], { parent, finalize = false } = {}) {
    const nonces = new Map()
    for (const [user, call] of calls) {
      if (!nonces.has(user)) nonces.set(user, await this.node.rpc('system_accountNextIndex', [user.address]))
      const nonce = nonces.get(user)
      const signed = call.sign(user, { nonce, era: 0, blockHash: this.genesis, genesisHash: this.genesis, runtimeVersion: this.api.runtimeVersion })
      await this.node.rpc('author_submitExtrinsic', [signed.toHex()]).catch(() => {})
      nonces.set(user, nonce + 1)
    }
    const { hash } = await this.node.rpc('engine_createBlock', [true, finalize, ...(parent ? [parent] : [])])
    return hash
  }

  async best () {
    const hash = await this.node.rpc('chain_getBlockHash')
    return { hash, number: parseInt((await this.node.rpc('chain_getHeader', [hash])).number, 16) }
  }

  async caughtUp (port = this.port) {
    const { number } = await this.best()
    await waitFor('the index to stand on the best block', async () => (await (await fetch(`http://127.0.0.1:${port}/health`)).json()).index.block === number)
  }

  // What the chain's state says, in the form of gridproxy.
  async ofChain () {
    const at = await this.api.at((await this.best()).hash)
    const entries = async (pallet, item) => (await at.query[pallet][item].entries()).map(([, value]) => value.unwrap())
    const text = value => value.toUtf8()
    const farms = (await entries('tfgridModule', 'farms')).map(f => ({
      farmId: f.id.toNumber(), name: text(f.name), twinId: f.twinId.toNumber(), certificationType: f.certification.type, dedicated: f.dedicatedFarm.isTrue,
      publicIps: f.publicIps.map(ip => [text(ip.ip), text(ip.gateway), ip.contractId.toNumber()]).sort()
    }))
    const nodes = (await entries('tfgridModule', 'nodes')).map(n => ({
      nodeId: n.id.toNumber(), farmId: n.farmId.toNumber(), twinId: n.twinId.toNumber(), country: text(n.location.country), city: text(n.location.city),
      cru: n.resources.cru.toNumber(), mru: n.resources.mru.toNumber(), domain: n.publicConfig.isSome && n.publicConfig.unwrap().domain.isSome ? text(n.publicConfig.unwrap().domain.unwrap()) : ''
    }))
    const twins = (await entries('tfgridModule', 'twins')).map(t => ({ twinId: t.id.toNumber(), accountId: t.accountId.toString(), relay: t.relay.isSome ? text(t.relay.unwrap()) : '' }))
    const contracts = (await entries('smartContractModule', 'contracts')).map(c => ({
      contract_id: c.contractId.toNumber(), twin_id: c.twinId.toNumber(), state: c.state.type, type: c.contractType.type.replace('Contract', '').toLowerCase(),
      data: c.contractType.isNodeContract ? text(c.contractType.asNodeContract.deploymentData) : c.contractType.isNameContract ? text(c.contractType.asNameContract.name) : ''
    }))
    const fees = new Map((await at.query.smartContractModule.dedicatedNodesExtraFee.entries()).map(([key, fee]) => [key.args[0].toNumber(), fee.toNumber()]))
    for (const node of nodes) node.extraFee = fees.get(node.nodeId) ?? 0
    const by = key => (a, b) => a[key] - b[key]
    return { farms: farms.sort(by('farmId')), nodes: nodes.sort(by('nodeId')), twins: twins.sort(by('twinId')), contracts: contracts.sort(by('contract_id')) }
  }

  async ofIndex (port = this.port) {
    const farms = (await this.get('/farms?size=10000', port)).map(f => ({
      farmId: f.farmId, name: f.name, twinId: f.twinId, certificationType: f.certificationType, dedicated: f.dedicated,
      publicIps: f.publicIps.map(ip => [ip.ip, ip.gateway, ip.contract_id]).sort()
    }))
    const nodes = (await this.get('/nodes?size=10000', port)).map(n => ({
      nodeId: n.nodeId, farmId: n.farmId, twinId: n.twinId, country: n.country, city: n.city, cru: n.total_resources.cru, mru: n.total_resources.mru,
      domain: n.publicConfig.domain, extraFee: n.extraFee
    }))
    const twins = (await this.get('/twins?size=10000', port)).map(({ twinId, accountId, relay }) => ({ twinId, accountId, relay }))
    const contracts = (await this.get('/contracts?size=10000&state=created,graceperiod', port)).map(c => ({
      contract_id: c.contract_id, twin_id: c.twin_id, state: c.state, type: c.type, data: c.details.deployment_data ?? c.details.name ?? ''
    }))
    return { farms, nodes, twins, contracts }
  }

  async same (what, port = this.port) {
    await this.caughtUp(port)
    assert.deepEqual(await this.ofIndex(port), await this.ofChain(), what)
  }

  // Everything that can be asked, for the comparison of two indexes.
  async whole (port) {
    const paths = ['/farms?size=9999', '/contracts?size=9999', '/twins?size=9999', '/public_ips?size=9999', '/nodes?size=9999', '/stats']
    const query = `{ contractBillReports(orderBy: id_ASC) { id contractID amountBilled timestamp discountReceived } nodes(orderBy: nodeID_ASC) { id uptime updatedAt createdAt
      dedicated interfaces { id name ips } } uptimeEvents(orderBy: id_ASC) { id uptime } entities { id name } pricingPolicies { id name su { value unit } } nruConsumptions { id } }`
    return [...await Promise.all(paths.map(path => this.get(path, port))), await this.graphql(query, port)]
  }

  async down () {
    for (const { child } of this.indexers) child.kill('SIGKILL')
    await this.api?.disconnect().catch(() => {})
    this.node?.child.kill('SIGKILL')
    await this.server?.end()
    rmSync(this.dir, { recursive: true, force: true })
  }
}

let counter = 0
function calls (world) {
  const { tx } = world.api
  const user = () => world.users[random(world.users.length)]
  const id = most => 1 + random(most)
  const config = { ip4: { ip: '185.206.122.33/24', gw: '185.206.122.1' }, ip6: null, domain: 'gw' + random(9) + '.example.org' }
  const all = [
    () => tx.tfgridModule.createTwin('relay' + random(9) + '.example.org', null),
    () => tx.tfgridModule.updateTwin(random(2) ? 'relay' + random(9) + '.example.org' : null, null),
    () => tx.tfgridModule.createFarm('farm-' + ++counter, []),
    () => tx.tfgridModule.updateFarm(id(5), 'renamed-' + ++counter),
    () => tx.tfgridModule.addFarmIp(id(4), `185.206.${random(3)}.${2 + random(9)}/24`, '185.206.0.1'.replace('.0.1', `.${random(3)}.1`)),
    () => tx.tfgridModule.removeFarmIp(id(4), `185.206.${random(3)}.${2 + random(9)}/24`),
    () => tx.tfgridModule.createNode(id(4), { hru: 0, sru: 2 ** 40, cru: 1 + random(32), mru: 2 ** 33 }, { city: 'Ghent', country: 'Belgium', latitude: '51.05', longitude: '3.71' },
      [{ name: 'zos', mac: '00:00:5e:00:53:af', ips: ['10.2.3.3'] }], false, false, null),
    () => tx.tfgridModule.addNodePublicConfig(id(4), id(4), random(3) ? config : null),
    () => tx.tfgridModule.reportUptime(random(100000)),
    () => tx.tfgridModule.deleteNodeFarm(id(6)),
    () => tx.smartContractModule.createNodeContract(id(4), String(counter++).padStart(32, 'a'), `{"type":"vm","name":"${counter}"}`, random(4) ? 0 : 1, null),
    () => tx.smartContractModule.createNodeContract(id(4), String(counter++).padStart(32, 'b'), '', 0, null),
    () => tx.smartContractModule.updateNodeContract(id(20), String(counter++).padStart(32, 'c'), 'updated'),
    () => tx.smartContractModule.createNameContract('name' + random(30)),
    () => tx.smartContractModule.createRentContract(id(4), null),
    () => tx.smartContractModule.cancelContract(id(20)),
    () => tx.smartContractModule.setDedicatedNodeExtraFee(id(4), random(5000)),
    () => tx.smartContractModule.billContractForBlock(id(20))
  ]
  const list = []
  for (let n = random(5); n > 0; n--) list.push([user(), all[random(all.length)]()])
  return list
}

test(`the index is the chain's state, seed ${seed}`, { timeout: 300000 }, async () => {
  const world = new World()
  try {
    await world.up()
    let indexer = await world.indexer('index.db', world.port)
    const server = await world.postgres()
    const onServer = await freePort()
    let second = server && await world.indexer(server, onServer)
    await world.block(world.users.map(user => [user, world.api.tx.tfgridModule.userAcceptTc('https://example.org/terms', 'f'.repeat(32))]), { finalize: true })
    await world.block(world.users.map(user => [user, world.api.tx.tfgridModule.createTwin('relay.example.org', null)]), { finalize: true })
    await world.block(world.users.slice(0, 3).map((user, i) => [user, world.api.tx.tfgridModule.createFarm('first-' + i, [])]), { finalize: true })
    await world.same('after the first blocks')

    let forks = 0
    for (let round = 0; round < ROUNDS; round++) {
      const base = (await world.best()).hash
      const length = 1 + random(3)
      for (let i = 0; i < length; i++) await world.block(calls(world))
      if (random(3) === 0) { // another branch from the same block, one longer
        if (random(2)) await world.caughtUp()
        let parent = base
        for (let i = 0; i <= length; i++) parent = await world.block(i === 0 ? calls(world) : [], { parent })
        assert.equal((await world.best()).hash, parent)
        forks++
      }
      if (random(4) === 0) await world.block([], { finalize: true })
      if (random(8) === 0) {
        await indexer.kill()
        if (random(2)) await world.block(calls(world))
        indexer = await world.indexer('index.db', world.port)
      }
      if (server && random(6) === 0) { // the server drops who is connected, in the middle of blocks too
        await promisify(execFile)('psql', [server, '-qc', 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()'])
      }
      if (server && random(10) === 0) {
        await second.kill()
        second = await world.indexer(server, onServer)
      }
      if (random(3) === 0) {
        await world.same(`after round ${round}`)
        if (server) await world.same(`after round ${round}, on the server`, onServer)
      }
    }
    await world.same('at the end')
    if (server) {
      await world.same('at the end, on the server', onServer)
      assert.deepEqual(await world.whole(onServer), await world.whole(world.port), 'both databases answer the same')
    }
    assert.ok(forks > 0)
    const metrics = await (await fetch(`http://127.0.0.1:${world.port}/metrics`)).text()
    assert.match(metrics, /^indexer_blocks_total \d+/m)
    const { farms, nodes, twins } = await world.ofIndex()
    const all = await world.get('/contracts?size=9999')
    if (ROUNDS >= 40) assert.ok(farms.length > 3 && nodes.length > 0 && twins.length > 5 && all.length > 3, 'there was something to compare')

    const port = await freePort()
    await world.indexer('again.db', port)
    await world.caughtUp(port)
    assert.deepEqual(await world.whole(port), await world.whole(world.port), 'made again from genesis it is the same')

    await indexer.stop()
    indexer = await world.indexer('index.db', world.port, ['--rebuild'])
    await world.same('rebuilt')
    assert.deepEqual(await world.whole(port), await world.whole(world.port))
    await indexer.stop()
    if (server) {
      await second.stop()
      second = await world.indexer(server, onServer, ['--rebuild'])
      await world.same('rebuilt on the server', onServer)
      assert.deepEqual(await world.whole(port), await world.whole(onServer))
      await second.stop()
    }
  } catch (error) {
    error.message += '\n' + world.indexers.at(-1)?.tail()
    throw error
  } finally { await world.down() }
})

test('a contract is listed with its block, and taken back with it', { timeout: 60000 }, async () => {
  const world = new World()
  try {
    await world.up()
    const indexer = await world.indexer('index.db', world.port, ['--kyc', 'verified'])
    const [alice] = world.users
    const { tx } = world.api
    for (const call of [tx.tfgridModule.userAcceptTc('https://example.org/terms', 'f'.repeat(32)), tx.tfgridModule.createTwin('relay.example.org', null)]) await world.block([[alice, call]], { finalize: true })
    const base = (await world.best()).hash
    await world.block([[alice, tx.smartContractModule.createNameContract('mine')]])
    const listed = await waitFor('the contract, without another block', async () => {
      const { nameContracts } = await world.graphql('{ nameContracts(where: {twinID_eq: 1, state_in: [Created, GracePeriod]}) { contractID name state } }')
      return nameContracts.length === 1 && nameContracts
    }, 5000)
    assert.deepEqual(listed, [{ contractID: '1', name: 'mine', state: 'Created' }])

    // A longer branch that starts before it, with the account's nonce used for something else: the contract never was.
    let parent = await world.block([[alice, tx.system.remark('0x00')]], { parent: base })
    for (let i = 0; i < 2; i++) parent = await world.block([], { parent })
    await world.same('after the other branch won')

    const kyc = await world.get(`/api/v1/status?client_id=${alice.address}`)
    assert.deepEqual(kyc, { result: { status: 'VERIFIED' } })
    assert.deepEqual(await world.get('/api/v1/status?twin_id=1'), { result: { status: 'VERIFIED' } })
    assert.equal((await fetch(`http://127.0.0.1:${world.port}/api/v1/status?twin_id=99`)).status, 400)
    assert.equal((await fetch(`http://127.0.0.1:${world.port}/api/v1/status?client_id=nobody`)).status, 400)
    assert.equal((await fetch(`http://127.0.0.1:${world.port}/nodes?colour=red`)).status, 400)
    assert.equal((await fetch(`http://127.0.0.1:${world.port}/nowhere`)).status, 404)
    await indexer.stop()
  } finally { await world.down() }
})

test('KYC says what the table says, and the faucet fills an empty account once', { timeout: 60000 }, async () => {
  const world = new World()
  try {
    world.node = await startNode(world.dir, ['--sealing', 'instant'])
    world.api = await connect(world.node)
    world.port = await freePort()
    const keyring = new Keyring({ type: 'sr25519' })
    const [known, pending, fresh] = ['//known', '//pending', '//fresh'].map(uri => keyring.addFromUri(uri).address)
    const table = join(world.dir, 'kyc')
    const key = join(world.dir, 'faucet.key')
    writeFileSync(table, `# who is known\n${known} VERIFIED\n${pending} PENDING\n`)
    writeFileSync(key, '//Alice\n', { mode: 0o600 })
    const indexer = await world.indexer('index.db', world.port, ['--kyc', table, '--faucet', key, '--faucet-amount', '5'])
    const status = async address => { const a = await fetch(`http://127.0.0.1:${world.port}/api/v1/status?client_id=${address}`); return [a.status, (await a.json()).result?.status] }
    assert.deepEqual(await status(known), [200, 'VERIFIED'])
    assert.deepEqual(await status(pending), [200, 'PENDING'])
    assert.deepEqual(await status(fresh), [404, undefined])
    writeFileSync(table, `${fresh} VERIFIED\n`)
    indexer.child.kill('SIGHUP')
    await waitFor('the table to be read again', async () => (await status(fresh))[0] === 200)

    const activate = substrateAccountID => fetch(`http://127.0.0.1:${world.port}/activation/activate`, { method: 'POST', body: JSON.stringify({ substrateAccountID }) })
    const free = async () => (await world.api.query.system.account(fresh)).data.free.toNumber()
    assert.equal((await activate('nobody')).status, 400)
    assert.equal((await activate(fresh)).status, 200)
    assert.equal(await free(), 5e7)
    assert.equal((await activate(fresh)).status, 200)
    assert.equal(await free(), 5e7, 'it has enough')
    await indexer.stop()
  } finally { await world.down() }
})

// The questions of grid_client, as it sends them, and some of what tools send.
const questions = [
  'query { __typename }',
  'query getNodeTwinId($nodeId: Int!){ nodes(where: { nodeID_eq: $nodeId }) { twinID } }',
  'query { items: nodeContractsConnection(where: {twinID_eq: 7, state_in: [Created, GracePeriod]}, orderBy: twinID_ASC) { count: totalCount } }',
  `query getContracts($nodeContractsCount: Int!){ nodeContracts(where: {twinID_eq: 7, state_in: [Created, GracePeriod] , AND: [{ deploymentData_contains: "\\"type\\":\\"vm\\"" },]}, limit: $nodeContractsCount) { contractID deploymentData state createdAt nodeID numberOfPublicIPs } }`,
  'query { nameContracts(where: {contractID_eq: 3}) { createdAt name solutionProviderID } rentContracts(orderBy: [nodeID_DESC]) { nodeID state } }',
  'query b($contractId: BigInt!) { contractBillReports(where: {contractID_eq: $contractId}, limit: 2, orderBy: timestamp_DESC) { amountBilled timestamp discountReceived } }',
  'query { farmsConnection(orderBy: farmID_ASC) { totalCount pageInfo { hasNextPage __typename } edges { cursor __typename node { name publicIPs(where: {ip_startsWith: "1"}) { ip } } } __typename } }',
  `{ nodes(where: {location: {latitude_isNull: false}, OR: {power: {state_eq: Up}}}, orderBy: [resourcesTotal_cru_DESC, power_state_ASC]) { power { state target __typename } location { latitude }
     interfaces { name ips } resourcesTotal { cru mru __typename } } pricingPolicies { su { value unit __typename } } solutionProviders { providers { who take __typename } } squidStatus { height __typename } }`
]

test('tools read the schema, and what it allows is answered', { timeout: 60000 }, async () => {
  const world = new World()
  try {
    await world.up()
    await world.block([[world.users[0], world.api.tx.tfgridModule.userAcceptTc('https://example.org/terms', 'f'.repeat(32))]], { finalize: true })
    const indexer = await world.indexer('index.db', world.port)
    for (const options of [{}, { descriptions: false, specifiedByUrl: true, directiveIsRepeatable: true, schemaDescription: true, inputValueDeprecation: true }]) {
      const schema = buildClientSchema(await world.graphql(getIntrospectionQuery(options)))
      assert.deepEqual(validateSchema(schema), [])
      for (const question of questions) assert.deepEqual(validate(schema, parse(question)).map(String), [], question)
      const wrong = '{ nodes(where: {nodeID_contains: 1, state_eq: Created}) { nowhere } }'
      assert.equal(validate(schema, parse(wrong)).length, 3)
    }
    // Every field of every entity, every filter with a value of its kind, and every order are answered, not only told.
    const schema = buildClientSchema(await world.graphql(getIntrospectionQuery()))
    const values = { Int: '1', BigInt: '"1"', BigDecimal: '"1.5"', Boolean: 'true', String: '"x"' }
    const bare = type => type.ofType ? bare(type.ofType) : type
    const valueOf = type => {
      const named = bare(type)
      const one = values[named.name] ?? (named.getValues ? named.getValues()[0].name : '{}')
      return String(type).startsWith('[') ? `[${one}]` : one
    }
    const selection = (type, depth) => {
      const parts = Object.values(bare(type).getFields()).map(field => {
        const named = bare(field.type)
        return named.getFields ? depth > 0 ? `${field.name} ${selection(field.type, depth - 1)}` : '' : field.name
      })
      return `{ __typename ${parts.join(' ')} }`
    }
    let filters = 0
    let orders = 0
    for (const field of Object.values(schema.getQueryType().getFields())) {
      if (!field.args.some(arg => arg.name === 'limit')) continue
      await world.graphql(`{ ${field.name}(limit: 2) ${selection(field.type, 1)} }`)
      const arg = name => bare(field.args.find(arg => arg.name === name).type)
      const wheres = Object.values(arg('where').getFields()).map((input, i) => `f${i}: ${field.name}(where: {${input.name}: ${valueOf(input.type)}}) { id }`)
      const order = arg('orderBy').getValues().map((value, i) => `o${i}: ${field.name}(orderBy: ${value.name}) { id }`)
      filters += wheres.length
      orders += order.length
      for (const all of [wheres, order]) for (let i = 0; i < all.length; i += 100) await world.graphql(`{ ${all.slice(i, i + 100).join('\n')} }`)
    }
    assert.ok(filters > 1000 && orders > 500, `${filters} filters, ${orders} orders`)
    const { __type: type } = await world.graphql('{ __type(name: "ContractState") { kind enumValues { name } } }')
    assert.deepEqual(type, { kind: 'ENUM', enumValues: ['Created', 'Deleted', 'OutOfFunds', 'GracePeriod'].map(name => ({ name })) })
    assert.deepEqual(await world.graphql('{ __type(name: "Nothing") { kind } }'), { __type: null })
    await indexer.stop()
  } finally { await world.down() }
})

// fetch over TLS, in a process that trusts `ca` from its start, as clients are told to.
const fetchSecure = async (url, ca) => {
  const script = `fetch(${JSON.stringify(url)}).then(async a => console.log(JSON.stringify({ status: a.status, body: await a.text() })), e => console.log(JSON.stringify({ refused: e.cause?.code ?? String(e) })))`
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], { env: { ...process.env, ...(ca ? { NODE_EXTRA_CA_CERTS: ca } : {}) } })
  return JSON.parse(stdout)
}

test('over TLS, and no more often than an address may', { timeout: 60000 }, async () => {
  const world = new World()
  try {
    await world.up()
    const tls = certificates(world.dir, ['127.0.0.1'])
    const [secure, plain] = [await freePort(), await freePort()]
    const both = start('trellis-indexer', ['--substrate', world.node.url, '--db', join(world.dir, 'tls.db'), '--listen', `127.0.0.1:${secure}`,
      '--tls-cert', tls.cert, '--tls-key', tls.key, '--kyc', 'verified'], world.dir)
    world.indexers.push(both)
    const page = path => fetchSecure(`https://127.0.0.1:${secure}${path}`, tls.ca)
    await waitFor('the indexer to listen', async () => (await page('/version')).status === 200)
    await waitFor('the index to stand on a block', async () => JSON.parse((await page('/health')).body).index.block >= 0)
    assert.deepEqual(JSON.parse((await page('/farms?size=1')).body), [])
    assert.equal(JSON.parse((await page(`/api/v1/status?client_id=${world.users[0].address}`)).body).result.status, 'VERIFIED')
    assert.match((await fetchSecure(`https://127.0.0.1:${secure}/version`)).refused, /SELF_SIGNED|VERIFY|ISSUER/)
    await assert.rejects(fetch(`http://127.0.0.1:${secure}/version`))
    await both.stop()

    const limited = await world.indexer('index.db', plain, ['--rate-limit', '5', '--forwarded-by', '127.0.0.1'])
    const ask = async headers => (await fetch(`http://127.0.0.1:${plain}/version`, { headers })).status
    const burst = async (count, headers) => { const all = []; for (let i = 0; i < count; i++) all.push(await ask(headers)); return all }
    const first = await burst(80, { 'X-Forwarded-For': '10.1.1.1, 203.0.113.7' })
    assert.ok(first.filter(status => status === 200).length >= 50 && first.at(-1) === 429, first.join())
    assert.equal(await ask({ 'X-Forwarded-For': '203.0.113.7, 203.0.113.8' }), 200, 'another address has its own')
    const six = await burst(80, { 'X-Forwarded-For': '2001:db8:1:2:3::1' })
    assert.equal(six.at(-1), 429)
    assert.equal(await ask({ 'X-Forwarded-For': '2001:db8:1:2:ffff::9' }), 429, 'the same customer')
    assert.equal(await ask({ 'X-Forwarded-For': '2001:db8:1:3::1' }), 200)
    await waitFor('tokens to come back', async () => await ask({ 'X-Forwarded-For': '203.0.113.7' }) === 200)
    await limited.stop()
  } finally { await world.down() }
})

test('blocks are followed while everybody asks', { timeout: 120000 }, async () => {
  const world = new World()
  try {
    await world.up()
    const indexer = await world.indexer('index.db', world.port, ['--rate-limit', '0'])
    const [alice] = world.users
    const { tx } = world.api
    for (const call of [tx.tfgridModule.userAcceptTc('https://example.org/terms', 'f'.repeat(32)), tx.tfgridModule.createTwin('relay.example.org', null)]) await world.block([[alice, call]], { finalize: true })
    await world.caughtUp()
    // Each takes as long as a question may: the schema as deep as it goes, and joins of everything with everything.
    const heavy = ['{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }',
      `{ ${Array.from({ length: 200 }, (_, i) => `a${i}: uptimeEventsConnection(orderBy: id_ASC) { totalCount }`).join(' ')} }`]
    let isOver = false
    let answers = 0
    const asker = async i => {
      while (!isOver) {
        const { status } = await fetch(`http://127.0.0.1:${world.port}/graphql`, { method: 'POST', body: JSON.stringify({ query: heavy[i % 2] }) })
        assert.ok([200, 400, 503].includes(status), String(status))
        answers++
      }
    }
    const askers = Array.from({ length: 16 }, (_, i) => asker(i))
    const late = []
    for (let i = 0; i < 10; i++) {
      await world.block([[alice, tx.smartContractModule.createNameContract('name' + i)]])
      const { number } = await world.best()
      const start = Date.now()
      await waitFor('the block', async () => (await (await fetch(`http://127.0.0.1:${world.port}/health`)).json()).index.block === number)
      late.push(Date.now() - start)
    }
    isOver = true
    await Promise.all(askers)
    assert.ok(answers > 0)
    assert.ok(late.sort((a, b) => a - b)[5] < 2000, `the index came ${late} ms after the blocks`)
    await world.same('after all questions')
    await indexer.stop()
  } finally { await world.down() }
})
