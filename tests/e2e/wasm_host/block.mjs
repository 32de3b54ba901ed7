// block.mjs - blocks as bytes: headers, bodies, the files of export-blocks; and their execution by a Host.
import { blake2_256, compactAt, orderedRoot } from './trie.mjs'
import { readCompact } from './host.mjs'

const SEAL = 5
const hex = bytes => Buffer.from(bytes).toString('hex')

export class Reader {
  constructor (bytes, at = 0) { this.bytes = bytes; this.at = at }
  take (n) { if (this.at + n > this.bytes.length) throw new Error('the bytes end too early'); return this.bytes.subarray(this.at, this.at += n) }
  compact () {
    const [n, at] = readCompact(this.bytes, this.at)
    if (at > this.bytes.length) throw new Error('the bytes end too early')
    this.at = at
    return n
  }

  sized () { return this.take(this.compact()) }
  get isAtEnd () { return this.at === this.bytes.length }
}

export function compact (n) { const room = new Uint8Array(5); return room.subarray(0, compactAt(room, 0, n)) }

// readHeader gives {parent, number, stateRoot, extrinsicsRoot, digest: [item as bytes]}, roots and parent as bytes.
export function readHeader (reader) {
  const parent = reader.take(32)
  const number = reader.compact()
  const stateRoot = reader.take(32); const extrinsicsRoot = reader.take(32)
  const digest = []
  for (let n = reader.compact(); n > 0; n--) {
    const start = reader.at
    const [kind] = reader.take(1)
    if (kind === 4 || kind === 5 || kind === 6) { reader.take(4); reader.sized() } else if (kind === 0) reader.sized(); else if (kind !== 8) throw new Error(`digest item ${kind}`)
    digest.push(reader.bytes.subarray(start, reader.at))
  }
  return { parent, number, stateRoot, extrinsicsRoot, digest }
}

export const writeHeader = ({ parent, number, stateRoot, extrinsicsRoot, digest }) =>
  Buffer.concat([parent, compact(number), stateRoot, extrinsicsRoot, compact(digest.length), ...digest])

export const hashOf = header => blake2_256(writeHeader(header))
export const unsealed = header => ({ ...header, digest: header.digest.filter(([kind]) => kind !== SEAL) })

// readBody gives the extrinsics, each with its length in front, as it counts for the root and the hash.
export function readBody (reader) {
  const body = []
  for (let n = reader.compact(); n > 0; n--) { const start = reader.at; reader.sized(); body.push(reader.bytes.subarray(start, reader.at)) }
  return body
}

export const writeBody = body => Buffer.concat([compact(body.length), ...body])

// readExport gives the blocks of a file of export-blocks.
export function readExport (bytes) {
  const reader = new Reader(bytes)
  const blocks = []
  for (let count = Number(reader.take(8).readBigUInt64LE()); count > 0; count--) {
    const header = readHeader(reader)
    const body = readBody(reader)
    if (reader.take(1)[0]) for (let n = reader.compact(); n > 0; n--) { reader.take(4); reader.sized() }
    blocks.push({ header, body })
  }
  if (!reader.isAtEnd) throw new Error('the file goes on after its last block')
  return blocks
}

export function writeExport (blocks) {
  const count = Buffer.alloc(8)
  count.writeBigUInt64LE(BigInt(blocks.length))
  return Buffer.concat([count, ...blocks.flatMap(({ header, body }) => [writeHeader(header), writeBody(body), Uint8Array.of(0)])])
}

// execute has the blob run a whole block on the state; gives what it changed.  Throws, and changes nothing, when the
// blob refuses the block, which it does when a root is not as the header says.
export function execute (host, state, { header, body }, options) {
  return host.call(state, 'Core_execute_block', Buffer.concat([writeHeader(unsealed(header)), writeBody(body)]), options).changes
}

// build has the blob make the block anew of its time, parent and extrinsics, as an author does; gives the header that
// it made, the result of each extrinsic, and what it changed.
export function build (host, state, { header, body }, options) {
  const none = new Uint8Array(32)
  const bare = { ...unsealed(header), stateRoot: none, extrinsicsRoot: none }
  bare.digest = bare.digest.filter(([kind]) => kind === 6)
  state.begin()
  try {
    host.call(state, 'Core_initialize_block', writeHeader(bare), options)
    const results = body.map(extrinsic => host.call(state, 'BlockBuilder_apply_extrinsic', extrinsic, options).result)
    const { result } = host.call(state, 'BlockBuilder_finalize_block', new Uint8Array(0), options)
    const changes = state.changes()
    state.commit()
    return { made: readHeader(new Reader(Buffer.from(result))), results, changes }
  } catch (error) { state.rollback(); throw error }
}

export const extrinsicsRoot = body => orderedRoot(body, 0)
export { hex }
