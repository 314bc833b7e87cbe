import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { deflateRawSync } from 'node:zlib'
import { DeflateWriter, FIXED_LITERALS } from '../../support/deflate-writer.ts'
import { BAD_STREAMS, GOOD_STREAMS } from '../../support/edge-streams.ts'
import { inflateInSteps } from '../../support/inflate-in-steps.ts'
import { assertSame, inflateByZlib, openStreams, ROOM_BYTES } from '../../support/inflate-streams.ts'
import { Random } from '../../support/random.ts'
import { randomStream } from '../../support/random-streams.ts'

const seed = Number(process.env['ARBOR_TEST_SEED'] ?? 20260823)
const RANDOM_COUNT = process.env['ARBOR_LONG'] === '1' ? 200_000 : 2000

/** As in the inflater. */
const INPUT_BYTES = 256 * 1024
const PIECE_BYTES = 512 * 1024
/** 32,768, in fixed codes with the bits that follow. */
const LARGEST_DISTANCE = 0x3fff7

for (const [name, packed] of GOOD_STREAMS) {
  test(`taken, as zlib takes it: ${name}`, async () => {
    const wanted = inflateByZlib(packed)
    assert.ok(wanted !== undefined, 'zlib refuses it')
    await using streams = await openStreams([packed])
    assertSame(streams.inflate(0, wanted.length), wanted)
    assertSame(streams.inflatePieces(0), wanted)
    for (const step of stepsFor(packed)) {
      assertSame(inflateInSteps(packed, { input: () => step, output: () => step - 1 }), wanted)
    }
    if (wanted.length > 0)
      assert.ok((streams.inflate(0, wanted.length - 1)?.length ?? 0) >= wanted.length, 'too small a room')
  })

  test(`refused, as zlib refuses it: any beginning of it, or more than it: ${name}`, async () => {
    const cuts = packed.length > 1000 ? [0, 1, packed.length - 1] : packed.keys()
    const streams = [...[...cuts].map((length) => packed.subarray(0, length)), Buffer.concat([packed, Buffer.of(0)])]
    await assertRefused(streams)
  })
}

for (const [name, packed] of BAD_STREAMS) {
  test(`refused, as zlib refuses it: ${name}`, () =>
    assertRefused([packed, Buffer.concat([packed, Buffer.alloc(1000)])]))
}

test(`random streams: taken and refused as zlib does, with the same bytes (seed ${seed})`, async () => {
  const random = new Random(seed)
  const packed = Array.from({ length: RANDOM_COUNT }, () => randomStream(random))
  await using streams = await openStreams(packed)
  for (const [index, stream] of packed.entries()) {
    const wanted = inflateByZlib(stream)
    const roomBytes = wanted?.length ?? random.below(ROOM_BYTES)
    const found = streams.inflate(index, roomBytes)
    // A bad one may be too long for its room before it is bad.
    if (wanted !== undefined || (found?.length ?? 0) <= roomBytes) assertSame(found, wanted, `stream ${index}`)
    if (index % 4 !== 0) continue
    assertSame(streams.inflatePieces(index), wanted, `stream ${index}, in pieces`)
    const [input, output] = [random.pick([1, 20, 1000]), random.pick([3, 50, 5000])]
    const steps = { input: (): number => 1 + random.below(input), output: (): number => random.below(output) }
    assertSame(inflateInSteps(stream, steps), wanted, `stream ${index}, in steps`)
  }
})

test('the border of what is read at once may be anywhere in a stream', async () => {
  const text = Buffer.from(Array.from({ length: 600 }, (_, index) => `${index * index} `).join(''))
  const ends = [Buffer.of(0x02, 0, 0, 0, 0xff, 0xff), deflateRawSync(text, { memLevel: 1 })]
  const empty = Buffer.of(0, 0, 0, 0xff, 0xff)
  const blocks = Buffer.concat(Array.from({ length: INPUT_BYTES / empty.length + 1 }, () => empty))
  for (let shift = 0; shift < empty.length; shift += 1) {
    const stored = Buffer.concat([Buffer.of(0, shift, 0, 0xff - shift, 0xff), text.subarray(0, shift)])
    const packed = Buffer.concat([blocks, stored, ...ends])
    await using streams = await openStreams([packed])
    for (let left = 0; left < 1800; left += empty.length) {
      const skipped = Math.floor((packed.length - INPUT_BYTES - left) / empty.length) * empty.length
      if (skipped < 0) break
      assertSame(streams.inflatePieces(0, skipped), Buffer.concat([text.subarray(0, shift), text]))
    }
  }
})

test('the border of a piece may be anywhere in a stream', async () => {
  const tail = Buffer.from(Array.from({ length: 300 }, (_, index) => `${index % 7} ${index * index} `).join(''))
  for (let shift = -300; shift <= 300; shift += 13) {
    for (const level of [0, 6]) {
      const contents = Buffer.concat([
        Buffer.alloc(PIECE_BYTES + shift, 'run'),
        tail,
        Buffer.alloc(PIECE_BYTES, 'more'),
        tail,
      ])
      await using streams = await openStreams([deflateRawSync(contents, { level })])
      assertSame(streams.inflatePieces(0), contents)
    }
  }
})

test('distances reach back into the piece before, by up to 32,768 bytes', async () => {
  const random = new Random(seed)
  const noise = Buffer.from(Array.from({ length: 32_768 }, () => random.below(256)))
  const writing = new DeflateWriter().stored(noise).fixed({ isLast: true })
  const matches = 2 * Math.ceil(PIECE_BYTES / 258)
  for (let count = 0; count < matches; count += 1) writing.symbol(FIXED_LITERALS, 285).bits(LARGEST_DISTANCE, 18)
  await using streams = await openStreams([writing.symbol(FIXED_LITERALS, 256).finish()])
  const contents = Buffer.alloc(noise.length + 258 * matches, noise)
  assertSame(streams.inflatePieces(0), contents)
})

test('a member that was given up half way leaves nothing to the next', async () => {
  const packed = [deflateRawSync(Buffer.alloc(3 * PIECE_BYTES, 'given up')), deflateRawSync(Buffer.from('next'))]
  await using streams = await openStreams(packed)
  for (const piece of streams.pieces(0)) {
    assert.ok(piece.length >= PIECE_BYTES)
    break
  }
  assertSame(streams.inflate(1, 4), Buffer.from('next'))
  assertSame(streams.inflatePieces(1), Buffer.from('next'))
})

test('where little comes of much input, others have a turn before the end', async () => {
  const emptyBlocks = Buffer.alloc(250_000, Buffer.of(0, 0, 0, 0xff, 0xff))
  const oneByte = Buffer.of(0, 1, 0, 0xfe, 0xff, 0x61)
  for (const little of [Buffer.alloc(0), oneByte]) {
    const packed = Buffer.concat(Array.from({ length: 20 }, () => Buffer.concat([emptyBlocks, little])))
    await using streams = await openStreams([Buffer.concat([packed, deflateRawSync(Buffer.from('last'))])])
    const pieces = Array.from(streams.pieces(0), (piece) => piece.toString())
    assert.equal(pieces.join(''), `${little.length === 0 ? '' : 'a'.repeat(20)}last`)
    assert.ok(pieces.length >= 4, `${pieces.length} turns`)
  }
})

test('inflate.wasm is what its source compiles to', async (t) => {
  const repository = fileURLToPath(new URL('../../../', import.meta.url))
  const folder = await mkdtemp(join(tmpdir(), 'arbor-inflate-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const { scripts } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8')) as PackageJson
  const [command, ...options] = scripts['build:inflate'].split(' ')
  assert.equal(command, 'asc')
  const committed = 'storage/archive/inflate.wasm'
  assert.equal(options.filter((option) => option === committed).length, 1)
  const fresh = join(folder, 'inflate.wasm')
  const compiler = join(repository, 'node_modules/assemblyscript/bin/asc.js')
  const run = [compiler, ...options.map((option) => (option === committed ? fresh : option))]
  await promisify(execFile)(process.execPath, run, { cwd: repository })
  const isSame = (await readFile(fresh)).equals(await readFile(join(repository, committed)))
  assert.ok(isSame, 'its source was changed: run `npm run build:inflate`')
})

interface PackageJson {
  readonly scripts: { readonly 'build:inflate': string }
}

async function assertRefused(packed: readonly Buffer[]): Promise<void> {
  await using streams = await openStreams(packed)
  for (const [index, stream] of packed.entries()) {
    const name = `stream ${index} of ${packed.length}`
    assertSame(inflateByZlib(stream), undefined, `${name}, by zlib`)
    assertSame(streams.inflate(index, ROOM_BYTES), undefined, name)
    assertSame(streams.inflatePieces(index), undefined, `${name}, in pieces`)
    for (const step of stepsFor(stream)) {
      assertSame(inflateInSteps(stream, { input: () => step, output: () => step + 4 }), undefined, `${name}, in steps`)
    }
  }
}

/** Every byte of a short stream is a border once. */
function stepsFor(packed: Buffer): number[] {
  return packed.length < 3000 ? [1, 7] : [997]
}
