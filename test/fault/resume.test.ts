import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fill } from '../../server/downloads/fill.ts'
import { createMetrics, type Metrics } from '../../server/metrics.ts'
import { Upstream } from '../../server/upstream.ts'
import { upstreamOptions } from '../support/upstream-options.ts'
import { diskIo } from '../../storage/io.ts'
import { Spool } from '../../storage/spool.ts'

const bytes = randomBytes(400_000)
const HALF = 200_000
type Answer = (response: ServerResponse, spool: Spool) => void

/** Breaks the connection once all that was sent has come: on a busy machine the break can overtake it. */
async function breakAt(position: number, response: ServerResponse, spool: Spool): Promise<void> {
  while (spool.received < position && response.socket?.destroyed === false) await delay(1)
  response.socket?.end()
}

/** Sends what is given, and then breaks the connection. */
const breakAfter =
  (sent: Buffer, headers: Record<string, string | number | string[]> = {}): Answer =>
  (response, spool) => {
    response.writeHead(200, { etag: '"one"', ...headers })
    response.write(sent, () => void breakAt(sent.length, response, spool))
  }

const part =
  (first: number, options: { readonly size?: number; readonly body?: Buffer } = {}): Answer =>
  (response) => {
    const { size = bytes.length, body = bytes.subarray(first) } = options
    response.writeHead(206, { 'content-range': `bytes ${first}-${size - 1}/${size}`, 'content-length': body.length })
    response.end(body)
  }

interface Filling {
  readonly spool: Spool
  readonly metrics: Metrics
  readonly requests: IncomingMessage['headers'][]
  readonly done: Promise<void>
}

/** Fills a spool from a host that gives one of the answers to each request. */
async function startFilling(
  t: TestContext,
  answers: readonly Answer[],
  options: { readonly size?: number | undefined; readonly isUnhashed?: boolean } = {},
): Promise<Filling> {
  const size = 'size' in options ? options.size : bytes.length
  const requests: IncomingMessage['headers'][] = []
  const server = createServer((request, response) => {
    requests.push(request.headers)
    const answer = answers[requests.length - 1]
    if (answer === undefined) response.writeHead(500).end()
    else answer(response, spool)
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const upstream = new Upstream({ ...upstreamOptions, pageMaxBytes: 1 })
  const folder = await mkdtemp(join(tmpdir(), 'arbor-resume-'))
  const spool = await Spool.create({ io: diskIo, path: join(folder, 'spool'), size })
  t.after(async () => {
    await spool.detach()
    await upstream.close()
    server.closeAllConnections()
    server.close()
    await rm(folder, { recursive: true })
  })
  const { signal } = new AbortController()
  const metrics = createMetrics()
  const target = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/big.whl` }
  const response = await upstream.openFile(target, undefined, signal)
  const policy = { retries: 1, retryDelayMs: 1 }
  const { isUnhashed } = options
  const done = fill(spool, response, { upstream, target }, { policy, signal, metrics, isUnhashed })
  return { spool, metrics, requests, done }
}

async function assertWhole({ spool, done }: Filling): Promise<void> {
  await done
  assert.equal(spool.received, bytes.length)
  assert.ok(await spool.matches(bytes, 0))
}

test('what is missing is asked for by an explicit range, if the file is still the same', async (t) => {
  const filling = await startFilling(t, [breakAfter(bytes.subarray(0, HALF)), part(HALF)])
  await assertWhole(filling)
  assert.equal(filling.requests[1]?.range, `bytes=${HALF}-${bytes.length - 1}`)
  assert.equal(filling.requests[1]?.['if-range'], '"one"')
  assert.equal(filling.metrics.downloads.resumed, 1)
})

test('a connection that breaks behind the last byte costs nothing', async (t) => {
  const filling = await startFilling(t, [breakAfter(bytes)])
  await assertWhole(filling)
  assert.equal(filling.requests.length, 1)
})

test('the whole once more is fine where it is the same, from any place', async (t) => {
  await assertWhole(await startFilling(t, [breakAfter(bytes.subarray(0, HALF)), whole]))
})

const other = Buffer.from(bytes)
other.writeUInt8(other.readUInt8(1000) ^ 1, 1000)

const whole: Answer = (response) => void response.end(bytes)
const otherWhole: Answer = (response) => void response.end(other)
const nothingThere: Answer = (response) =>
  void response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end()
const unsaid: Answer = (response) => void response.writeHead(206).end(bytes.subarray(HALF))

for (const [what, came, answer, size] of [
  ['a part that does not say where it lies', HALF, unsaid, bytes.length],
  ['416', HALF, nothingThere, bytes.length],
  ['416 to what of unknown length was all there', bytes.length, nothingThere, undefined],
] as const) {
  test(`after ${what}, the whole is asked for and compared`, async (t) => {
    const broken = breakAfter(bytes.subarray(0, came))
    const filling = await startFilling(t, [broken, answer, whole], { size })
    await assertWhole(filling)
    assert.equal(filling.requests[1]?.range, `bytes=${came}-${size === undefined ? '' : size - 1}`)
    assert.equal(filling.requests[2]?.range, undefined)
    assert.equal(filling.requests[2]?.['if-range'], undefined)

    const changed = await startFilling(t, [broken, answer, otherWhole], { size })
    await assert.rejects(changed.done, { code: 'ERR_UPSTREAM_FILE' })
    assert.equal(changed.requests.length, 3)
  })
}

const tagged =
  (answer: Answer, etag: string): Answer =>
  (response, spool) => {
    response.setHeader('etag', etag)
    answer(response, spool)
  }

test('E17: of a file without any hash, a part is taken only where it is of the same version', async (t) => {
  const broken = breakAfter(bytes.subarray(0, HALF))
  await assertWhole(await startFilling(t, [broken, tagged(part(HALF), '"one"')], { isUnhashed: true }))
  const changed = await startFilling(t, [broken, tagged(part(HALF), '"two"')], { isUnhashed: true })
  await assert.rejects(changed.done, { code: 'ERR_UPSTREAM_FILE' })
})

test('E17: where it has no validator either, the whole is asked for and compared', async (t) => {
  const broken = breakAfter(bytes.subarray(0, HALF), { etag: [] })
  const filling = await startFilling(t, [broken, whole], { isUnhashed: true })
  await assertWhole(filling)
  assert.equal(filling.requests[1]?.range, undefined)
  const changed = await startFilling(t, [broken, otherWhole], { isUnhashed: true })
  await assert.rejects(changed.done, { code: 'ERR_UPSTREAM_FILE' })
})

test('what comes again, and ends before what came already, is not whole', async (t) => {
  const short: Answer = (response) => void response.end(bytes.subarray(0, HALF - 1))
  const filling = await startFilling(t, [breakAfter(bytes.subarray(0, HALF)), short], { size: undefined })
  await assert.rejects(filling.done, { code: 'ERR_UPSTREAM_UNAVAILABLE' })
})

for (const [what, answer] of [
  ['another file', otherWhole],
  ['a part of another length', part(HALF, { size: bytes.length + 1 })],
  ['a part from elsewhere', part(HALF + 1)],
  ['nothing', (response: ServerResponse) => void response.writeHead(404).end()],
] as const) {
  test(`where ${what} comes instead, the download fails`, async (t) => {
    const filling = await startFilling(t, [breakAfter(bytes.subarray(0, HALF)), answer])
    await assert.rejects(filling.done, { code: 'ERR_UPSTREAM_FILE' })
    assert.equal(filling.requests.length, 2)
  })
}

const MIB = 1 << 20
const long = randomBytes(6 * MIB)

/** Sends so much of what is asked for (by default all of it), and then breaks. */
const partOfLong =
  (length?: number): Answer =>
  (response, spool) => {
    const first = Number(/^bytes=(\d+)-/.exec(response.req.headers.range ?? '')?.[1])
    const range = `bytes ${first}-${long.length - 1}/${long.length}`
    response.writeHead(206, { 'content-range': range, 'content-length': long.length - first })
    if (length === undefined) response.end(long.subarray(first))
    else response.write(long.subarray(first, first + length), () => void breakAt(first + length, response, spool))
  }

test('a line that breaks again and again, but gets on by a megabyte each time, brings the file in the end', async (t) => {
  const piece = 1_500_000
  const answers = [
    breakAfter(long.subarray(0, piece)),
    partOfLong(piece),
    partOfLong(piece),
    partOfLong(piece),
    partOfLong(),
  ]
  const { spool, done, metrics } = await startFilling(t, answers, { size: long.length })
  await done
  assert.ok(await spool.matches(long, 0))
  assert.equal(metrics.downloads.resumed, 4)
})

test('more breaks than retries are too many', async (t) => {
  const short: Answer = (response) => {
    response.writeHead(206, {
      'content-range': `bytes ${HALF}-${bytes.length - 1}/${bytes.length}`,
      'content-length': HALF,
    })
    response.write(bytes.subarray(HALF, HALF + 1000), () => response.socket?.end())
  }
  const filling = await startFilling(t, [breakAfter(bytes.subarray(0, HALF)), short, part(HALF + 1000)])
  await assert.rejects(filling.done, { code: 'ERR_UPSTREAM_UNAVAILABLE' })
  assert.equal(filling.requests.length, 2)
})
