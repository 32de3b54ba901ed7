// rmb_client.mjs - the unmodified @threefold/rmb_direct_client, told by lines of JSON what to ask; answers in lines of JSON.
// A process of its own, because Node takes NODE_EXTRA_CA_CERTS only when it starts.
//   node rmb_client.mjs CHAIN_URL RELAY_URL SECRET SESSION KEY_TYPE
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const { Client } = createRequire(import.meta.url)('@threefold/rmb_direct_client')
console.log = console.warn = console.info = () => {} // the client and its api talk; only answers go out
const say = answer => process.stdout.write(JSON.stringify(answer) + '\n')

const [chain, relay, secret, session, type] = process.argv.slice(2)
const client = new Client(chain, relay, secret, session, type, 3)
try {
  await client.connect()
} catch (error) {
  say({ error: String(error.message ?? error) })
  process.exit(1)
}
say({ connected: true, twin: client.twin.id })
for await (const line of createInterface({ input: process.stdin })) {
  const { command, data, twin, size } = JSON.parse(line)
  try {
    const payload = size ? JSON.stringify({ text: 'x'.repeat(size) }) : data
    const reply = await client.read(await client.send(command, payload, twin, 1))
    say({ reply: size ? reply.text.length : reply })
  } catch (error) { say({ error: String(error.message ?? error) }) }
}
await client.disconnect()
process.exit(0)
