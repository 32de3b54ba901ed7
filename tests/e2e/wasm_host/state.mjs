// state.mjs - the state of a chain as a host keeps it: values by key, changes that can be undone, the root.
//
// Keys are hexadecimal text, values are bytes that nobody changes.  The trie hears of changes when it is asked.
import { Trie, compactAt } from './trie.mjs'

// List is a Vec under append: the items that it has are a start of `room`, which longer ones share.
class List {
  constructor (room, length, count) { this.room = room; this.length = length; this.count = count }

  plus (item) {
    let { bytes, used } = this.room
    let room = this.room
    if (used !== this.length || used + item.length > bytes.length) {
      const wider = new Uint8Array(Math.max(256, (this.length + item.length) * 2))
      wider.set(bytes.subarray(0, this.length))
      bytes = wider
      room = { bytes, used: this.length }
    }
    bytes.set(item, this.length)
    room.used = this.length + item.length
    return new List(room, room.used, this.count + 1)
  }

  toBytes () {
    const out = new Uint8Array(4 + this.length)
    const at = compactAt(out, 0, this.count)
    out.set(this.room.bytes.subarray(0, this.length), at)
    return out.subarray(0, at + this.length)
  }
}

// listOf reads a stored Vec; what is none counts as empty, as with Substrate.
function listOf (value) {
  if (value instanceof List) return value
  if (!value?.length) return new List({ bytes: new Uint8Array(0), used: 0 }, 0, 0)
  const mode = value[0] & 3
  const size = [1, 2, 4][mode]
  if (!size || value.length < size) return listOf(undefined)
  const count = mode === 0 ? value[0] >> 2 : mode === 1 ? (value[0] | value[1] << 8) >> 2 : (value[0] | value[1] << 8 | value[2] << 16 | value[3] << 24) >>> 2
  return new List({ bytes: value.slice(size), used: value.length - size }, value.length - size, count)
}

const bytesOf = value => value instanceof List ? value.toBytes() : value
const same = (a, b) => a === b || (a !== undefined && b !== undefined && Buffer.compare(a, b) === 0)

export class State {
  constructor (entries = []) {
    this.values = new Map()
    this.trie = new Trie(1)
    this.unheard = new Set()     // keys that the trie has not heard of
    this.layers = []             // each: key -> what it was before
    for (const [key, value] of entries) this.put(key, value)
  }

  get (key) {
    const value = this.values.get(key)
    if (!(value instanceof List)) return value
    return value.toBytes()
  }

  set (key, value) {
    const layer = this.layers[this.layers.length - 1]
    if (layer && !layer.has(key)) layer.set(key, this.values.get(key))
    this.restore(key, value)
  }

  restore (key, value) {
    if (value === undefined) this.values.delete(key); else this.values.set(key, value)
    this.unheard.add(key)
  }

  put (key, value) { this.set(key, value) }
  remove (key) { if (this.values.has(key)) this.set(key, undefined) }
  append (key, item) { this.set(key, listOf(this.values.get(key)).plus(item)) }

  begin () { this.layers.push(new Map()) }

  // commit keeps the newest layer, as part of the one below it; gives what was before.
  commit () {
    const layer = this.layers.pop()
    const below = this.layers[this.layers.length - 1]
    if (below) for (const [key, before] of layer) if (!below.has(key)) below.set(key, before)
    return layer
  }

  rollback () { for (const [key, before] of this.layers.pop()) this.restore(key, before) }

  // changes tells what the newest layer changed, as [key, value or undefined], in the order of keys.
  changes () {
    const found = []
    for (const [key, before] of this.layers[this.layers.length - 1]) {
      const now = this.get(key)
      if (!same(bytesOf(before), now)) found.push([key, now])
    }
    return found.sort(([a], [b]) => a < b ? -1 : 1)
  }

  hear () {
    for (const key of this.unheard) {
      const value = this.get(key)
      if (value === undefined) this.trie.remove(key); else this.trie.put(key, value)
    }
    this.unheard.clear()
  }

  after (key) { this.hear(); return this.trie.after(key) }
  root () { this.hear(); return this.trie.root() }
}
