import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { type Form, Representations } from '../../routes/representations.ts'

const MEGABYTE = 1024 * 1024

function formOf(text: string, log: string[] = []): Form {
  return {
    tag: 'json',
    headers: { 'Content-Type': 'x/y' },
    *render() {
      log.push(text)
      yield text
      yield '!'
    },
  }
}

suite('representations in memory', () => {
  test('all who ask at once share one rendering and one compression', async () => {
    const representations = new Representations(MEGABYTE)
    const log: string[] = []
    const source = {}
    const made = await Promise.all([
      representations.make(source, 0, 'gzip', formOf('a', log)),
      representations.make(source, 0, 'identity', formOf('a', log)),
      representations.make(source, 0, 'gzip', formOf('a', log)),
      representations.make(source, 0, 'zstd', formOf('a', log)),
    ])
    assert.deepEqual(log, ['a'])
    assert.equal(made[0], made[2])
    assert.equal(gunzipSync(made[0].bytes).toString(), 'a!')
    assert.equal(zstdDecompressSync(made[3].bytes).toString(), 'a!')
    assert.equal(representations.find(source, 0, 'gzip'), made[0])
  })

  test('what a coding was made from is kept only where it is asked for itself', async () => {
    const representations = new Representations(MEGABYTE)
    const log: string[] = []
    const [source, other] = [{}, {}]
    await representations.make(source, 0, 'gzip', formOf('a', log))
    assert.equal(representations.find(source, 0, 'identity'), undefined)
    await representations.make(other, 0, 'identity', formOf('b', log))
    await representations.make(other, 0, 'gzip', formOf('b', log))
    assert.notEqual(representations.find(other, 0, 'identity'), undefined)
    assert.deepEqual(log, ['a', 'b'])
  })

  test('each source, form and coding has its own', async () => {
    const representations = new Representations(MEGABYTE)
    const [one, two] = [{}, {}]
    await representations.make(one, 0, 'identity', formOf('a'))
    await representations.make(one, 1, 'identity', formOf('b'))
    await representations.make(two, 0, 'identity', formOf('c'))
    const textOf = (source: object, form: number) => representations.find(source, form, 'identity')?.bytes.toString()
    assert.deepEqual([textOf(one, 0), textOf(one, 1), textOf(two, 0), textOf(two, 1)], ['a!', 'b!', 'c!', undefined])
    assert.equal(representations.find(one, 0, 'gzip'), undefined)
  })

  test('headers say what the bytes are', async () => {
    const { bytes, etag, headers, current } = await new Representations(MEGABYTE).make({}, 0, 'gzip', formOf('a'))
    const common = ['Content-Type', 'x/y', 'ETag', etag, 'Content-Encoding', 'gzip']
    assert.deepEqual(headers, ['Content-Length', String(bytes.length), ...common])
    assert.deepEqual(current, common)
    assert.match(etag, /^"[0-9a-f]{32}-json-gzip"$/)
  })

  test('memory is bounded in bytes, and what does not fit is served all the same', async () => {
    const representations = new Representations(10_000)
    const sources = Array.from({ length: 100 }, () => ({}))
    for (const source of sources) await representations.make(source, 0, 'identity', formOf('x'.repeat(1000)))
    const kept = sources.filter((source) => representations.find(source, 0, 'identity') !== undefined)
    assert.deepEqual(kept, sources.slice(-kept.length))
    assert.ok(kept.length >= 5 && kept.length <= 10, String(kept.length))
    const large = await representations.make({}, 0, 'gzip', formOf('x'.repeat(20_000)))
    assert.equal(gunzipSync(large.bytes).length, 20_001)
  })

  test('a rendering that fails fails for all who share it, and is tried again', async () => {
    const representations = new Representations(MEGABYTE)
    const source = {}
    const broken: Form = {
      ...formOf('a'),
      render() {
        throw new TypeError('broken')
      },
    }
    const attempts = await Promise.allSettled([
      representations.make(source, 0, 'gzip', broken),
      representations.make(source, 0, 'gzip', broken),
    ])
    assert.deepEqual(
      attempts.map(({ status }) => status),
      ['rejected', 'rejected'],
    )
    assert.equal((await representations.make(source, 0, 'identity', formOf('a'))).bytes.toString(), 'a!')
  })

  test('a long rendering lets others have their turn', async () => {
    let turns = 0
    const ticking = setInterval(() => (turns += 1), 1)
    const form: Form = {
      ...formOf(''),
      *render() {
        for (let piece = 0; piece < 5; piece += 1) {
          const end = performance.now() + 10
          while (performance.now() < end);
          yield 'x'
        }
      },
    }
    await new Representations(MEGABYTE).make({}, 0, 'identity', form)
    clearInterval(ticking)
    assert.ok(turns >= 3, String(turns))
  })
})
