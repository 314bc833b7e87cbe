import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { nativeBackend, portableBackend } from '../../storage/digest.ts'

const native = nativeBackend()

/** Around the sizes at which BLAKE3 starts a new block (64), chunk (1024) and subtree. */
const SIZES = [0, 1, 63, 64, 65, 1023, 1024, 1025, 2048, 65_536, 100_000]

test(
  'native and portable BLAKE3 agree: at once, in pieces, and as a key derivation',
  { skip: native === undefined ? '@napi-rs/blake-hash has no binary here' : false },
  () => {
    assert.ok(native !== undefined)
    const portable = portableBackend()
    for (const size of SIZES) {
      const bytes = Uint8Array.from({ length: size }, (_, index) => index % 251)
      const expected = native.hash(bytes)
      assert.equal(portable.hash(bytes), expected, `${size} bytes`)
      for (const backend of [native, portable]) {
        const hasher = backend.hasher()
        for (let start = 0; start < size; start += 700) hasher.update(bytes.subarray(start, start + 700))
        assert.equal(hasher.hex(), expected, `${size} bytes in pieces`)
      }
      const derived = native.deriveKey('directory', bytes)
      assert.deepEqual(portable.deriveKey('directory', bytes), derived, `${size} bytes, derived`)
    }
  },
)

test('a portable hash that nobody comes to the end of leaves no memory behind', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const portable = portableBackend()
  const memoryOf = async (count: number): Promise<number> => {
    for (let number = 0; number < count; number += 1) portable.hasher().update(Uint8Array.of(1))
    collect()
    await setImmediate()
    return process.memoryUsage().external
  }
  const before = await memoryOf(3000)
  for (let round = 0; round < 3; round += 1) await memoryOf(3000)
  assert.ok((await memoryOf(1)) < before + 9_000_000)
})
