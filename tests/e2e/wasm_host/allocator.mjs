// allocator.mjs - memory for the guest as Substrate's host gives it: a freeing bump allocator.
//
// Sizes are powers of two from 8 bytes to 32 MiB, each piece behind a header of 8 bytes: of one in use its order
// with bit 32 set, of a free one the next free piece of its order.
const PAGE = 65536
const NONE = 0xffffffff
const ORDERS = 23
export const PIECE_MAX = 8 << (ORDERS - 1)

export class Allocator {
  // reset begins anew above heapBase.
  reset (memory, heapBase) {
    this.memory = memory
    this.top = (heapBase + 7) & ~7
    this.free = new Uint32Array(ORDERS).fill(NONE)
    this.look()
  }

  look () {
    if (this.words?.buffer !== this.memory.buffer) this.words = new Uint32Array(this.memory.buffer)
  }

  take (size) {
    if (size > PIECE_MAX) throw new Error(`the guest asks for ${size} bytes in one piece`)
    const order = size <= 8 ? 0 : 29 - Math.clz32(size - 1)
    this.look()
    let at = this.free[order]
    if (at !== NONE) {
      if (this.words[at / 4 + 1] !== 0) throw new Error('the guest wrote over the header of a free piece')
      this.free[order] = this.words[at / 4]
    } else at = this.bump((8 << order) + 8)
    this.words[at / 4] = order
    this.words[at / 4 + 1] = 1
    return at + 8
  }

  bump (size) {
    const at = this.top
    const missing = at + size - this.memory.buffer.byteLength
    if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE))
    this.look()
    this.top = at + size
    return at
  }

  give (piece) {
    const at = piece - 8
    this.look()
    const order = this.words[at / 4]
    if (at % 8 !== 0 || at + 8 > this.top || this.words[at / 4 + 1] !== 1 || order >= ORDERS) throw new Error(`the guest frees ${piece}, which it has not`)
    this.words[at / 4] = this.free[order]
    this.words[at / 4 + 1] = 0
    this.free[order] = at
  }
}
