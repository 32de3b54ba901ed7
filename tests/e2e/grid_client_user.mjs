// grid_client_user.mjs - unmodified @threefold/grid_client in a process of its own: a line of JSON in
// ({"call": "machines.deploy", "args": [...]}) gives a line out ({"result"} or {"error"}); {"all": [[CALL, ...ARGS], ...]}
// makes calls at once, and gives a list of such answers.
//
// The client asks https://kyc.dev.grid.tf before each deployment, and has no option for another URL: this process
// resolves that one name to KYC_ADDRESS, as a hosts file would.
import dns from 'node:dns'
import { createRequire, syncBuiltinESMExports } from 'node:module'
import { createInterface } from 'node:readline'

const { lookup } = dns
dns.lookup = (name, options, done) => name === 'kyc.dev.grid.tf'
  ? lookup(process.env.KYC_ADDRESS, options, done)
  : lookup(name, options, done)
syncBuiltinESMExports()

const write = line => process.stdout.write(JSON.stringify(line, (key, value) => typeof value === 'bigint' ? value.toString() : value) + '\n')
console.log = console.info = console.debug = (...words) => process.stderr.write(words.join(' ') + '\n')

const { GridClient } = createRequire(import.meta.url)('@threefold/grid_client')
const client = new GridClient({ network: 'dev', backendStorageType: 'fs', ...JSON.parse(process.argv[2]) })

async function make (call, args) {
  try {
    const path = call.split('.')
    const name = path.pop()
    const on = path.reduce((object, part) => object[part], client)
    return { result: await on[name](...args) ?? null }
  } catch (error) { return { error: error.message ?? String(error), name: error.name } }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { call, args = [], all } = JSON.parse(line)
  write(all ? { result: await Promise.all(all.map(([call, ...args]) => make(call, args))) } : await make(call, args))
}
await client.disconnect().catch(() => {})
process.exit(0)
