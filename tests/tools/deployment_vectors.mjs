// deployment_vectors.mjs - random deployments of every kind, hashed by the unmodified classes of @threefold/grid_client:
//
//     node tests/tools/deployment_vectors.mjs SEED COUNT > tests/vectors/deployment-random.json
//
// Hash and JSON are the classes' own; values that their checks refuse are left out. Needs the packages of tests/e2e.
import { createRequire } from 'node:module'

process.on('unhandledRejection', () => {}) // their checks are asynchronous; a value that is set stays
const require = createRequire(new URL('../e2e/package.json', import.meta.url))
const write = process.stdout.write.bind(process.stdout)
console.log = console.warn = console.error = () => {}
const g = require('@threefold/grid_client')

const [seed, count] = process.argv.slice(2).map(Number)
let state = seed >>> 0
const random = n => { state = (Math.imul(state, 1664525) + 1013904223) >>> 0; return (state >>> 8) % n }
const pick = (...list) => list[random(list.length)]
const list = make => Array.from({ length: random(4) }, make)
const made = (Class, values) => Object.assign(new g[Class](), values)
const text = () => pick('', 'a', 'héllo wörld', '日本', '{"version":3,"type":"vm"}', 'x y\tz', '"quoted"', '\\', '😀', '<nil>', 'undefined', 'a\nb')
const word = () => pick('a', 'net1', 'under_score', 'Z9')
const net = () => pick(`10.${random(256)}.${random(256)}.0/24`, '10.20.0.0/16', 'fd00::/64', '2a10:b600:1::2/64', '2001:db8:0:0:1:0:0:1/128')
const size = () => pick(1, 2 ** 30, 2 ** 40, 2 ** 53 - 1, 1 + random(2 ** 30))
const hex = bytes => Array.from({ length: bytes * 2 }, () => '0123456789abcdef'[random(16)]).join('')

const peer = () => made('Peer', { subnet: net(), wireguard_public_key: pick('k', hex(8)), allowed_ips: list(net), endpoint: pick('', '1.2.3.4:5') })
function network (isLight) {
  const n = isLight ? new g.NetworkLight() : new g.Znet()
  n.subnet = net()
  if (!isLight || random(2)) Object.assign(n, { ip_range: net(), wireguard_private_key: pick('AQEB=', hex(8)), wireguard_listen_port: pick(1, 6138, 65535), peers: list(peer) })
  if (random(2)) n.mycelium = made('Mycelium', { hex_key: hex(32), peers: list(word) })
  return n
}

function machine (isLight) {
  const network = isLight ? new g.ZmachineLightNetwork() : made('ZmachineNetwork', { public_ip: pick('', 'ip1'), planetary: !!random(2) })
  network.interfaces = [made(isLight ? 'MachineInterface' : 'ZNetworkInterface', { network: 'net1', ip: `10.${random(256)}.2.3` })]
  if (random(2)) network.mycelium = made('MyceliumIP', { network: 'net1', hex_seed: hex(6) })
  const env = {}
  for (let i = random(5); i > 0; i--) env[pick('A', 'b', 'Z', 'SSH_KEY', 'a1', 'ab', 'aB')] = text()
  return made(isLight ? 'ZmachineLight' : 'Zmachine', {
    flist: pick('https://hub.grid.tf/a/b.flist', 'images.local/web'), network, size: pick(0, 2 ** 31, 2 ** 40), compute_capacity: made('ComputeCapacity', { cpu: 1 + random(32), memory: 2 ** 28 + random(2 ** 20) }),
    mounts: list(() => made('Mount', { name: 'disk' + random(9), mountpoint: pick('/data', '/a/b', '/é') })), entrypoint: text(), env, corex: !!random(2), gpu: pick([], ['0000:0e:00.0/1002/744c', 'x'])
  })
}

function gateway (Class, values) {
  const o = made(Class, { ...values, tls_passthrough: !!random(2), backends: ['http://10.0.0.1:80', ...list(() => pick('1.2.3.4:443', 'http://[2001:DB8::1]:8080'))] })
  if (random(2)) o.network = 'net1'
  return o
}

function qsfs () {
  const backend = () => made('ZdbBackend', { address: word(), namespace: word(), password: word() })
  const encryption = () => made('Encryption', { algorithm: 'AES', key: hex(32) })
  const meta = made('QuantumSafeMeta', { type: 'zdb', config: made('QuantumSafeConfig', { prefix: word(), encryption: encryption(), backends: list(backend) }) })
  const config = made('QuantumSafeFSConfig', {
    minimal_shards: random(9), expected_shards: random(9), redundant_groups: random(9), redundant_nodes: random(9), max_zdb_data_dir_size: random(99), encryption: encryption(), meta,
    groups: list(() => made('ZdbGroup', { backends: list(backend) })), compression: made('QuantumCompression', { algorithm: 'snappy' })
  })
  return made('QuantumSafeFS', { cache: size(), config })
}

const KINDS = {
  zmount: () => made('Zmount', { size: size() }),
  volume: () => made('Volume', { size: size() }),
  network: () => network(false),
  'network-light': () => network(!!random(2)),
  zmachine: () => machine(false),
  'zmachine-light': () => machine(true),
  zdb: () => made('Zdb', { size: size(), mode: pick('user', 'seq'), password: text(), public: !!random(2) }),
  ip: () => made('PublicIP', { v4: !!random(2), v6: !!random(2) }),
  'gateway-name-proxy': () => gateway('GatewayNameProxy', { name: pick('shop', 'a1b2') }),
  'gateway-fqdn-proxy': () => gateway('GatewayFQDNProxy', { fqdn: pick('a.example.org', 'my-shop.example.com') }),
  zlogs: () => made('Zlogs', { zmachine: word(), output: pick('redis://10.0.0.1/c', 'wss://10.0.0.1/x') }),
  qsfs
}

function deployment (turn) {
  const kinds = Object.keys(KINDS)
  const workloads = Array.from({ length: 1 + random(3) }, (_, i) => {
    const type = i === 0 ? kinds[turn % kinds.length] : pick(...kinds)
    return made('Workload', { version: 0, name: 'w' + i, type, data: KINDS[type](), metadata: text(), description: text() })
  })
  const requests = Array.from({ length: 1 + random(3) }, (_, i) => made('SignatureRequest', { twin_id: 7 + i, required: !!random(2), weight: random(4) }))
  const requirement = made('SignatureRequirement', { requests, weight_required: random(3), signatures: [] })
  if (random(3) === 0) requirement.signature_style = pick('', 'polka-wallet') // the classes hash none
  return made('Deployment', { version: random(5), twin_id: 7, contract_id: 1 + random(99), expiration: pick(0, 0, 5), metadata: text(), description: text(), workloads, signature_requirement: requirement })
}

const vectors = []
for (let turn = 0; vectors.length < count; ) {
  try {
    const d = deployment(turn)
    vectors.push(JSON.stringify({ hash: d.challenge_hash(), deployment: JSON.parse(JSON.stringify(d)) }))
    turn++
  } catch {} // a value that the classes do not take
}
write(`{"vectors":[\n${vectors.join(',\n')}\n]}\n`)
process.exit(0)
