// host.mjs - a host of the runtime's blob on V8's WebAssembly: Substrate's ext_ functions over a State.
//
// None of it is the node's code: hashes and sr25519, ed25519 are wasm-crypto's (schnorrkel, dalek), secp256k1 is
// noble's, state and trie are state.mjs and trie.mjs.  A call gets an instance of its own and a layer of state, which
// is kept when the call ends well.
// Spec: https://spec.polkadot.network, appendices B and C (host API, runtime API).
import { secp256k1 } from '@noble/curves/secp256k1'
import { blake2b, ed25519Verify, keccak256, sha256, sha512, sr25519Verify, twox, waitReady } from '@polkadot/wasm-crypto'
import { Allocator } from './allocator.mjs'
import { compactAt, orderedRoot } from './trie.mjs'

await waitReady()

const PAGES_FIRST = 64                 // as many as the module wants at least, or more
const PAGES_MOST = 2048 + PAGES_FIRST  // Substrate's default of :heappages
const NO_KEY = new Uint8Array(0)
const hex = bytes => bytes.hexSlice()
const LEVELS = ['', 'error', 'warn', 'info', 'debug', 'trace']

// readCompact gives [number, where it ends].
export function readCompact (bytes, at) {
  const mode = bytes[at] & 3
  if (mode === 0) return [bytes[at] >> 2, at + 1]
  if (mode === 1) return [(bytes[at] | bytes[at + 1] << 8) >> 2, at + 2]
  if (mode === 2) return [(bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24) >>> 2, at + 4]
  let n = 0n
  for (let i = (bytes[at] >> 2) + 4; i > 0; i--) n = n << 8n | BigInt(bytes[at + i])
  return [n, at + 5 + (bytes[at] >> 2)]
}

// readItems gives the items of a Vec<Vec<u8>>.
function readItems (bytes) {
  const items = []
  let [count, at] = readCompact(bytes, 0)
  for (; count > 0; count--) {
    const [length, start] = readCompact(bytes, at)
    items.push(bytes.subarray(start, at = start + length))
  }
  return items
}

function recover (hash, signature) {
  const id = signature[64] > 26 ? signature[64] - 27 : signature[64]
  if (id > 3) return Uint8Array.of(1, 1)
  try {
    const key = secp256k1.Signature.fromCompact(signature.subarray(0, 64)).addRecoveryBit(id).recoverPublicKey(hash)
    return Uint8Array.of(0, ...key.toRawBytes(true))
  } catch { return Uint8Array.of(1, 2) }
}

export class Host {
  constructor (code, { isCounting = false } = {}) {
    this.module = new WebAssembly.Module(code)
    this.allocator = new Allocator()
    this.calls = this.verified = 0     // of host functions (when counting), and of signatures checked, by all runs
    this.known = null                  // a Set: good signatures that are not checked twice, as a node's pool has them
    this.said = []
    this.head = Uint8Array.of(1, 0, 0, 0, 0)    // of an option, with the length of what follows
    this.imports = { env: { ...this.storage(), ...this.hashing(), ...this.crypto(), ...this.rest() } }
    if (isCounting) this.count(this.imports.env)
    const missing = WebAssembly.Module.imports(this.module).filter(({ module, name, kind }) => module !== 'env' || (kind !== 'memory' && !this.imports.env[name]))
    if (missing.length) throw new Error(`the module imports what the host has not: ${missing.map(({ name }) => name)}`)
  }

  count (functions) {
    for (const [name, run] of Object.entries(functions)) functions[name] = (...args) => { this.calls++; return run(...args) }
  }

  // ---- what stands in the guest's memory

  get bytes () {
    if (this.buffer?.buffer !== this.memory.buffer) this.buffer = Buffer.from(this.memory.buffer)
    return this.buffer
  }

  hex (span) { const at = Number(span & 0xffffffffn); return this.bytes.hexSlice(at, at + Number(span >> 32n)) }
  at (span) { const at = Number(span & 0xffffffffn); return this.bytes.subarray(at, at + Number(span >> 32n)) }
  copy (span) { return Uint8Array.from(this.at(span)) }

  lend (bytes) { const at = this.allocator.take(bytes.length); this.bytes.set(bytes, at); return at }
  span (bytes) { return BigInt(this.lend(bytes)) | BigInt(bytes.length) << 32n }

  // option lends an Option<Vec<u8>>.
  option (value) {
    if (value === undefined) return this.span(Uint8Array.of(0))
    const head = compactAt(this.head, 1, value.length)
    const at = this.allocator.take(head + value.length)
    this.bytes.set(head === this.head.length ? this.head : this.head.subarray(0, head), at)
    this.bytes.set(value, at + head)
    return BigInt(at) | BigInt(head + value.length) << 32n
  }

  // ---- host functions

  storage () {
    return {
      ext_storage_get_version_1: key => this.option(this.state.get(this.hex(key))),
      ext_storage_set_version_1: (key, value) => this.state.put(this.hex(key), this.copy(value)),
      ext_storage_clear_version_1: key => this.state.remove(this.hex(key)),
      ext_storage_exists_version_1: key => Number(this.state.get(this.hex(key)) !== undefined),
      ext_storage_append_version_1: (key, item) => this.state.append(this.hex(key), this.at(item)),
      ext_storage_next_key_version_1: key => { const next = this.state.after(this.hex(key)); return this.option(next && Buffer.from(next, 'hex')) },
      ext_storage_start_transaction_version_1: () => this.state.begin(),
      ext_storage_commit_transaction_version_1: () => this.close(() => this.state.commit()),
      ext_storage_rollback_transaction_version_1: () => this.close(() => this.state.rollback()),
      ext_storage_root_version_2: version => { if (version !== 1) throw new Error(`state of version ${version}`); return this.span(this.state.root()) }
    }
  }

  close (how) {
    if (this.state.layers.length <= this.depth) throw new Error('the guest ends a layer that it did not begin')
    how()
  }

  hashing () {
    const digest = hash => span => this.lend(hash(this.at(span)))
    return {
      ext_hashing_blake2_128_version_1: digest(bytes => blake2b(bytes, NO_KEY, 16)),
      ext_hashing_blake2_256_version_1: digest(bytes => blake2b(bytes, NO_KEY, 32)),
      ext_hashing_twox_64_version_1: digest(bytes => twox(bytes, 1)),
      ext_hashing_twox_128_version_1: digest(bytes => twox(bytes, 2)),
      ext_hashing_twox_256_version_1: digest(bytes => twox(bytes, 4)),
      ext_hashing_keccak_256_version_1: digest(bytes => keccak256(bytes)),
      ext_hashing_sha2_256_version_1: digest(bytes => sha256(bytes)),
      ext_hashing_sha2_512_version_1: digest(bytes => sha512(bytes))
    }
  }

  crypto () {
    const good = verify => (signature, message, key) => {
      const [proof, text, owner] = [this.bytes.subarray(signature, signature + 64), this.at(message), this.bytes.subarray(key, key + 32)]
      const name = this.known && `${hex(proof)} ${hex(owner)} ${hex(text)}`
      if (this.known?.has(name)) return 1
      this.verified++
      try { if (!verify(proof, text, owner)) return 0 } catch { return 0 }
      this.known?.add(name)
      return 1
    }
    return {
      ext_crypto_ed25519_verify_version_1: good(ed25519Verify),
      ext_crypto_sr25519_verify_version_2: good(sr25519Verify),
      ext_crypto_secp256k1_ecdsa_recover_compressed_version_2: (signature, hash) =>
        this.span(recover(this.bytes.slice(hash, hash + 32), this.bytes.slice(signature, signature + 65)))
    }
  }

  rest () {
    return {
      ext_allocator_malloc_version_1: size => this.allocator.take(size >>> 0),
      ext_allocator_free_version_1: piece => this.allocator.give(piece >>> 0),
      ext_trie_blake2_256_ordered_root_version_2: (items, version) => this.lend(orderedRoot(readItems(this.copy(items)), version)),
      ext_logging_log_version_1: (level, target, message) => this.said.push(`${LEVELS[level]} ${this.at(target)}: ${this.at(message)}`),
      ext_logging_max_level_version_1: () => 0
    }
  }

  // ---- running

  // instance makes one over new memory, or over that of the last call with all that lies in it.
  instance (isFresh) {
    if (isFresh || !this.memory) this.memory = this.imports.env.memory = new WebAssembly.Memory({ initial: PAGES_FIRST, maximum: PAGES_MOST })
    const { exports } = new WebAssembly.Instance(this.module, this.imports)
    this.allocator.reset(this.memory, exports.__heap_base.value)
    return exports
  }

  // call runs a function of the runtime on a state.  The answer's `changes` are kept when `keep` is true; when the
  // guest traps nothing is kept, and the error tells what the guest said.
  call (state, name, input = new Uint8Array(0), { keep = true, isFresh = true } = {}) {
    this.state = state
    this.depth = state.layers.length + 1
    this.said = []
    state.begin()
    try {
      const run = this.instance(isFresh)
      if (!run[name]) throw new Error(`the module has no ${name}`)
      const result = this.copy(run[name](this.lend(input), input.length))
      if (state.layers.length !== this.depth) throw new Error('the guest left a layer open')
      const changes = state.changes()
      if (keep) state.commit(); else state.rollback()
      return { result, changes }
    } catch (error) {
      while (state.layers.length >= this.depth) state.rollback()
      throw new Error(`${name}: ${[...this.said, error.message].join('; ')}`)
    }
  }
}
