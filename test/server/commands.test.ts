import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { outline, printable, showBytes } from '../../server/commands/outline.ts'
import { describeFailure } from '../../server/commands/start-error.ts'
import { renderPlan } from '../../server/commands/prune.ts'
import { renderStats } from '../../server/commands/stats.ts'
import type { Config } from '../../server/config.ts'
import { ListenError } from '../../server/listen.ts'
import { StoreFormatError, StoreFullError } from '../../storage/errors.ts'
import { loadGiven } from '../support/load-config.ts'
import { startTlsHost } from '../support/tls-host.ts'

interface Seen {
  readonly request: string
  readonly authorization: string | undefined
  readonly body: unknown
}

/** A server that answers everything with `answer`, and what it was asked. */
async function answering(
  status: number,
  answer: string,
): Promise<AsyncDisposable & { config: Config; server: URL; seen: Seen[] }> {
  const seen: Seen[] = []
  const record = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    seen.push({
      request: `${request.method} ${request.url}`,
      authorization: request.headers.authorization,
      body: body === '' ? undefined : JSON.parse(body),
    })
    response.writeHead(status, { location: 'http://127.0.0.1:1/', connection: 'close' }).end(answer)
  }
  const server = createServer((request, response) => {
    void record(request, response)
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    config: await configFor(`127.0.0.1:${port}`),
    server: new URL(`http://127.0.0.1:${port}/sub/path/`),
    seen,
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function configFor(listen: string): Promise<Config> {
  return loadGiven({ env: { ARBOR_ADMIN_TOKEN: 'token-for-tests' }, flags: { listen } })
}

const PLAN = {
  distributions: [{ project: 'torch', version: '2.9', sha256: 'sha256:0', reason: 'size', freedBytes: 2e8, size: 1 }],
  trees: 1,
  freedBytes: 2e8,
}

test('stats asks the configured server with the token, and prints for people or as JSON', async () => {
  const stats = { uptime: 5, bytes: { fromUpstream: 2048 }, store: { storedBytes: 3 * 2 ** 30, packs: 1200 } }
  await using arbor = await answering(200, JSON.stringify(stats))
  const text = await renderStats(arbor.config, { json: false })
  assert.deepEqual(arbor.seen, [
    { request: 'GET /admin/stats', authorization: 'Bearer token-for-tests', body: undefined },
  ])
  assert.equal(text, 'uptime  5s\nbytes\n  from upstream  2.0 KiB\nstore\n  stored  3.0 GiB\n  packs   1,200\n')
  assert.deepEqual(JSON.parse(await renderStats(arbor.config, { json: true })), stats)
})

for (const [seconds, shown] of [
  [0, '0s'],
  [200, '3m 20s'],
  [7205, '2h 0m'],
  [4 * 86_400 + 7300, '4d 2h'],
] as const) {
  test(`an uptime of ${seconds} seconds is ${shown} for people`, async () => {
    await using arbor = await answering(200, JSON.stringify({ uptime: seconds }))
    assert.equal(await renderStats(arbor.config, { json: false }), `uptime  ${shown}\n`)
  })
}

test('prune is a dry run, and says so', async () => {
  await using arbor = await answering(200, JSON.stringify({ dryRun: true, plan: PLAN }))
  const text = await renderPlan(
    arbor.config,
    { maxBytes: 50, unusedForMs: 1000 },
    { json: false, server: arbor.server },
  )
  const [seen] = arbor.seen
  assert.equal(seen?.request, 'POST /sub/path/admin/prune')
  assert.deepEqual(seen.body, { dryRun: true, maxBytes: 50, unusedFor: '1000ms' })
  assert.match(text, /^torch 2\.9 +191 MiB {2}size\n\ndistributions +1\n/)
  assert.match(text, /Nothing was deleted: add --execute/)
})

for (const [what, status, answer, message] of [
  ['a problem', 409, '{"title":"It is pinned","detail":"By demo."}', /409: It is pinned: By demo\./],
  ['a wrong token', 401, '{}', /another admin token than the one that was configured .*: set ARBOR_ADMIN_TOKEN/],
  ['a page', 502, '<html>bad', /502: <html>bad/],
  ['something else than JSON', 200, 'hi', /is that an Arbor\?/],
  ['another shape', 200, '{"plan":{}}', /something else than a prune plan/],
  // The token must not follow.
  ['a redirect', 302, '', /no answer from/],
] as const) {
  test(`${what} as an answer becomes a clear error`, async () => {
    await using arbor = await answering(status, answer)
    await assert.rejects(renderPlan(arbor.config, {}, { json: false }), { code: 'ERR_ADMIN', message })
  })
}

test('what the server does not understand ends with 2, as any mistake in a command line; what it could not do with 1', async () => {
  for (const [status, exitCode] of [
    [400, 2],
    [404, 1],
    [500, 1],
  ] as const) {
    await using arbor = await answering(status, '{"title":"No","detail":"\\"since\\" is a day."}')
    const error = await renderStats(arbor.config, { json: false, since: 'x' }).catch((thrown: unknown) => thrown)
    assert.equal(describeFailure(error).exitCode, exitCode)
    assert.match(describeFailure(error).message, new RegExp(`answered ${status}: No: "since" is a day\\.$`))
  }
})

test('a token that cannot be read says whose command it is', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'arbor-commands-'))
  t.after(() => rm(data, { recursive: true }))
  // In place of a file of another user's, which there is none of where the tests run as root.
  await mkdir(join(data, 'admin-token'))
  const config = await loadGiven({ flags: { data, listen: '127.0.0.1:1' } })
  await assert.rejects(renderStats(config, { json: true }), {
    code: 'ERR_ADMIN',
    message:
      /^cannot read the admin token in .* \(EISDIR\): run this as the user that runs the server, .*ARBOR_ADMIN_TOKEN$/,
  })
})

test('a server that is not there, or whose port nobody knows, is named', async () => {
  const { config } = await answering(200, '').then(async (arbor) => {
    await arbor[Symbol.asyncDispose]()
    return arbor
  })
  await assert.rejects(
    renderStats(config, { json: true }),
    /no answer from http:\/\/127\.0\.0\.1:\d+\/admin\/stats \(.*ECONNREFUSED.*\): .*--server/,
  )
  await assert.rejects(renderStats(await configFor('127.0.0.1:0'), { json: true }), /--server/)
})

test('a server whose certificate nobody vouches for is one that runs', async (t) => {
  const host = await startTlsHost((_request, response) => response.end('{}'))
  t.after(() => host[Symbol.asyncDispose]())
  await assert.rejects(renderStats(await configFor('127.0.0.1:1'), { json: true, server: new URL(`${host.url}/`) }), {
    code: 'ERR_ADMIN',
    message: /\([^;]*certificate\): .* NODE_EXTRA_CA_CERTS$/,
  })
})

test('sizes are for people', () => {
  assert.deepEqual([0, 1, 1023, 1024, 1536, 300 * 1024, 2 ** 40, 2 ** 60].map(showBytes), [
    '0 B',
    '1 B',
    '1023 B',
    '1.0 KiB',
    '1.5 KiB',
    '300 KiB',
    '1.0 TiB',
    '1048576 TiB',
  ])
})

test('what a server says cannot command the terminal', () => {
  assert.equal(printable('a\u001B[31mb\u0007\n'), 'a?[31mb??')
  assert.equal(outline({ 'a\u001B': 'b\u001B' }), 'a?  b?\n')
})

test('a failure is a clear line where the user can do something, and a stack where not', () => {
  assert.deepEqual(describeFailure(new ListenError('taken')), { message: 'taken', exitCode: 1 })
  assert.equal(describeFailure(new StoreFormatError('too new')).message, 'too new')
  const denied = Object.assign(new Error('x'), { code: 'EACCES', path: '/srv/arbor' })
  assert.match(describeFailure(denied).message, /^cannot use \/srv\/arbor: permission denied \(EACCES\); .*ARBOR_DATA$/)
  const readOnly = Object.assign(new Error('x'), { code: 'EROFS', path: '/srv/arbor' })
  const full = new StoreFullError('the file system is read-only (EROFS)', { cause: readOnly })
  assert.match(describeFailure(full).message, /^cannot use \/srv\/arbor: .*read-only \(EROFS\); .*ARBOR_DATA$/)
  assert.match(describeFailure(new StoreFullError('no space is left')).message, /^no space is left; .*ARBOR_DATA$/)
  const broken = Object.assign(new Error('disk I/O error'), { code: 'ERR_SQLITE_ERROR', errcode: 4874 })
  assert.match(describeFailure(broken).message, /^SQLite cannot read or write .*disk is full.*ARBOR_DATA$/)
  const bug = describeFailure(new TypeError('http://me:secret@x/'))
  assert.match(bug.message, /^unexpected error\nTypeError: http:\/\/\*\*\*@x\/\n {4}at /)
})
