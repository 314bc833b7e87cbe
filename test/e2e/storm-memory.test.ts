import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { type Arbor, startArbor } from '../support/arbor.ts'
import { startUpstream } from '../support/upstream.ts'
import type { Distribution } from '../support/upstream/distribution.ts'
import { download, isLong } from './storm-clients.ts'

const CLIENTS = 100
/** Some stop reading near the start, and go on when the others are done: they then read from the disk. */
const RESTING = 10
const MEBIBYTE = 1 << 20
const SIZE = (isLong ? 2048 : 24) * MEBIBYTE
const LIMIT_BYTES = 250e6

/** An sdist of any size that takes no memory: one random mebibyte, again and again, each time begun one byte later. */
function makeEndless(size: number): Distribution {
  const block = randomBytes(MEBIBYTE)
  const period = MEBIBYTE + 1
  const read = (position: number, length: number): Promise<Buffer> => {
    const from = position % period
    if (from === MEBIBYTE) return Promise.resolve(Buffer.alloc(1))
    return Promise.resolve(block.subarray(from, Math.min(from + length, MEBIBYTE)))
  }
  const sha256 = createHash('sha256')
  for (let position = 0; position < size; position += period) {
    sha256.update(block.subarray(0, Math.min(MEBIBYTE, size - position)))
    if (position + MEBIBYTE < size) sha256.update(Buffer.alloc(1))
  }
  return {
    filename: 'endless-1.0.tar.gz',
    project: 'endless',
    version: '1.0',
    size,
    sha256: sha256.digest('hex'),
    metadata: undefined,
    requiresPython: undefined,
    uploadTime: '2026-01-02T03:04:05.678901Z',
    yanked: false,
    open: () => Promise.resolve({ read, close: () => Promise.resolve() }),
  }
}

/** The most memory that was ever resident, bytes. */
async function peakMemory({ pid }: Arbor): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
}

const skip = process.platform === 'linux' ? false : 'resident memory is read from /proc'

test(`${CLIENTS} clients on one cold file of ${SIZE / MEBIBYTE} MiB: memory stays bounded`, { skip }, async (t) => {
  const file = makeEndless(SIZE)
  await using upstream = await startUpstream({ distributions: [file] })
  await using arbor = await startArbor({ upstream: upstream.url })
  const headers = { accept: 'application/vnd.pypi.simple.v1+json' }
  const page = await (await fetch(`${arbor.index}endless/`, { headers })).json()
  const url = new URL((page as { files: [{ url: string }] }).files[0].url, `${arbor.index}endless/`).href

  const atOnce = Array.from({ length: CLIENTS - RESTING }, (_, index) => download(url, { hash: index === 0 }))
  const restUntil = Promise.all(atOnce)
  const resting = Array.from({ length: RESTING }, (_, index) => download(url, { restUntil, hash: index === 0 }))
  const got = [...(await restUntil), ...(await Promise.all(resting))]

  for (const { complete, bytes } of got) assert.deepEqual({ complete, bytes }, { complete: true, bytes: SIZE })
  for (const index of [0, CLIENTS - RESTING]) assert.equal(got[index]?.sha256, file.sha256)
  assert.equal(upstream.requests.filter(({ path }) => path.includes('endless-1.0')).length, 1)
  const peak = await peakMemory(arbor)
  t.diagnostic(`peak resident memory ${(peak / 1e6).toFixed(0)} MB`)
  assert.ok(peak < LIMIT_BYTES, `peak resident memory ${(peak / 1e6).toFixed(0)} MB`)
})
