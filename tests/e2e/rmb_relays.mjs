// rmb_relays.mjs - what tests with relays share: certificates of a CA of their own, and what a relay says of itself.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import https from 'node:https'
import { join } from 'node:path'

// One CA, and one certificate with the addresses of all relays.
export function certificates (dir, relays) {
  const openssl = (...args) => execFileSync('openssl', args, { cwd: dir, stdio: 'ignore' })
  const key = name => ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', name]
  writeFileSync(join(dir, 'names'), 'subjectAltName=' + relays.map(address => 'IP:' + address).join(','))
  openssl('req', '-x509', ...key('ca.key'), '-out', 'ca.pem', '-days', '2', '-subj', '/CN=test')
  openssl('req', ...key('relay.key'), '-out', 'relay.csr', '-subj', '/CN=relay')
  openssl('x509', '-req', '-in', 'relay.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'names', '-out', 'relay.pem')
  return { ca: join(dir, 'ca.pem'), cert: join(dir, 'relay.pem'), key: join(dir, 'relay.key') }
}

export const get = (address, path, ca) => new Promise((resolve, reject) => {
  https.get({ host: address, path, ca: readFileSync(ca), timeout: 3000, agent: false }, response => {
    let body = ''
    response.on('data', chunk => { body += chunk })
    response.on('end', () => resolve({ status: response.statusCode, body }))
  }).on('error', reject).on('timeout', () => reject(new Error('timeout')))
})

export const metric = async (address, name, ca) => Number((await get(address, '/metrics', ca)).body.match(new RegExp(`^${name}(?:{[^}]*})? (\\d+)`, 'm'))[1])
