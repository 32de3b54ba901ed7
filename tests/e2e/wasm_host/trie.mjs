// trie.mjs - Substrate's base-16 Merkle-Patricia trie, incremental: a change spoils the hashes on its way, and
// root() makes those anew.
//
// Keys are hexadecimal text, a digit a nibble.  A node: `part` are the digits that it has by itself, `kids` sixteen
// nodes or null, `value` bytes or undefined, `ref` what its parent holds of it, null when spoilt.
// Spec: https://spec.polkadot.network, 2.4 and appendix B (node encoding); version 1 keeps values of more than 32
// bytes as their hash.
import { blake2b } from '@polkadot/wasm-crypto'

const NO_KEY = new Uint8Array(0)
export const blake2_256 = bytes => blake2b(bytes, NO_KEY, 32)
export const EMPTY_ROOT = blake2_256.bind(null, Uint8Array.of(0))

const nibble = (hex, at) => { const c = hex.charCodeAt(at); return c < 58 ? c - 48 : c - 87 }
const digit = '0123456789abcdef'
const leaf = (part, value) => ({ part, kids: null, value, ref: null })

function put (node, path, value) {
  if (!node) return leaf(path, value)
  let same = 0
  while (same < node.part.length && node.part.charCodeAt(same) === path.charCodeAt(same)) same++
  if (same < node.part.length) {
    const fork = { part: path.slice(0, same), kids: new Array(16).fill(null), value: undefined, ref: null }
    fork.kids[nibble(node.part, same)] = node
    node.part = node.part.slice(same + 1)
    node.ref = null
    node = fork
  }
  if (same === path.length) node.value = value
  else {
    const at = nibble(path, same)
    node.kids ??= new Array(16).fill(null)
    node.kids[at] = put(node.kids[at], path.slice(same + 1), value)
  }
  node.ref = null
  return node
}

// remove takes out a key that may not be there; gives the node that stands in its place.
function remove (node, path) {
  if (!node || !path.startsWith(node.part)) return node
  if (path.length === node.part.length) {
    if (node.value === undefined) return node
    node.value = undefined
  } else {
    const at = nibble(path, node.part.length)
    if (!node.kids?.[at]) return node
    node.kids[at] = remove(node.kids[at], path.slice(node.part.length + 1))
  }
  node.ref = null
  return tidy(node)
}

function tidy (node) {
  if (!node.kids) return node.value === undefined ? null : node
  let count = 0; let last = 0
  for (let i = 0; i < 16; i++) if (node.kids[i]) { count++; last = i }
  if (count === 0) { node.kids = null; return node.value === undefined ? null : node }
  if (count > 1 || node.value !== undefined) return node
  const only = node.kids[last]
  only.part = node.part + digit[last] + only.part
  only.ref = null
  return only
}

// first is the least key at or below a node that stands at `at`; after is the least one that is greater than path.
function first (node, at) {
  const here = at + node.part
  if (node.value !== undefined) return here
  for (let i = 0; ; i++) if (node.kids[i]) return first(node.kids[i], here + digit[i])
}

function after (node, at, path) {
  const rest = path.slice(at.length)
  if (!rest.startsWith(node.part)) return node.part > rest ? first(node, at) : undefined
  if (!node.kids) return undefined
  const here = at + node.part
  let i = 0
  if (path.length > here.length) {
    i = nibble(path, here.length)
    const found = node.kids[i] && after(node.kids[i], here + digit[i], path)
    if (found !== undefined && found !== null) return found
    i++
  }
  for (; i < 16; i++) if (node.kids[i]) return first(node.kids[i], here + digit[i])
  return undefined
}

// ------------------------------------------------------------------ encoding

// compact writes SCALE's compact length at `at`; gives where it ends.
export function compactAt (out, at, n) {
  if (n < 64) { out[at] = n << 2; return at + 1 }
  if (n < 16384) { out[at] = (n << 2 | 1) & 255; out[at + 1] = n >> 6; return at + 2 }
  const v = n * 4 + 2
  out[at] = v & 255; out[at + 1] = v >>> 8 & 255; out[at + 2] = v >>> 16 & 255; out[at + 3] = v >>> 24
  return at + 4
}

// The kind of a node in the high bits of its first byte, and the most digits that the others count.
function kindOf (node, isHashed) {
  if (!node.kids) return isHashed ? [0x20, 31] : [0x40, 63]
  if (node.value === undefined) return [0x80, 63]
  return isHashed ? [0x10, 15] : [0xc0, 63]
}

function putHeader (out, node, isHashed) {
  const [kind, most] = kindOf(node, isHashed)
  const digits = node.part.length
  if (digits < most) { out[0] = kind | digits; return 1 }
  let at = 0; let left = digits - most
  out[at++] = kind | most
  for (; left >= 255; left -= 255) out[at++] = 255
  out[at++] = left
  return at
}

export class Trie {
  constructor (version = 1) { this.version = version; this.top = null; this.out = Buffer.alloc(4096) }
  put (key, value) { this.top = put(this.top, key, value) }
  remove (key) { this.top = remove(this.top, key) }

  // after finds the least key that is greater than this one.
  after (key) { return this.top ? after(this.top, '', key) ?? undefined : undefined }

  root () {
    if (!this.top) return EMPTY_ROOT()
    this.spoil(this.top)
    return blake2_256(this.encoded(this.top))
  }

  // spoil sees to it that every node below has its ref.
  spoil (node) {
    if (!node.kids) return
    for (const kid of node.kids) if (kid && !kid.ref) { this.spoil(kid); kid.ref = this.refOf(kid) }
  }

  refOf (node) {
    const bytes = this.encoded(node)
    return bytes.length < 32 ? Uint8Array.from(bytes) : blake2_256(bytes)
  }

  // encoded is valid until the next call.
  encoded (node) {
    const value = node.value
    const isHashed = this.version === 1 && value !== undefined && value.length > 32
    const room = 1024 + node.part.length + (isHashed ? 32 : value?.length ?? 0)
    if (room > this.out.length) this.out = Buffer.alloc(room * 2)
    const out = this.out
    let at = putHeader(out, node, isHashed)
    const digits = node.part.length % 2 ? '0' + node.part : node.part
    at += out.write(digits, at, 'hex')
    if (node.kids) {
      let bits = 0
      for (let i = 0; i < 16; i++) if (node.kids[i]) bits |= 1 << i
      out[at++] = bits & 255; out[at++] = bits >> 8
    }
    if (isHashed) { out.set(blake2_256(value), at); at += 32 } else if (value !== undefined) {
      at = compactAt(out, at, value.length); out.set(value, at); at += value.length
    }
    if (node.kids) for (const kid of node.kids) if (kid) { at = compactAt(out, at, kid.ref.length); out.set(kid.ref, at); at += kid.ref.length }
    return out.subarray(0, at)
  }
}

// orderedRoot is the root of a list: its values by their numbers, compactly written.
export function orderedRoot (items, version = 0) {
  const trie = new Trie(version)
  const room = Buffer.alloc(4)
  items.forEach((item, i) => trie.put(room.hexSlice(0, compactAt(room, 0, i)), item))
  return trie.root()
}
