import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import type { WheelRecord } from '../../routes/repository.ts'
import { createApp } from '../../server/app.ts'
import { UpstreamError } from '../../server/errors.ts'
import { hashBlake3 } from '../../storage/digest.ts'
import { archiveIdOf } from '../../storage/dirhash.ts'
import { StoreClosedError, StoreFullError } from '../../storage/errors.ts'
import { encodeManifest } from '../../storage/manifest.ts'
import { parseFilename, parseProjectName } from '../../storage/names.ts'
import { keptContent, someBytes, streamedContent } from '../support/memory-content.ts'
import { MemoryRepository } from '../support/memory-repository.ts'
import { Contract } from '../support/openapi.ts'
import { ask, type Exchange } from '../support/raw-http.ts'
import { ADMIN_TOKEN, serveMemory } from '../support/routes-fixture.ts'

interface Case {
  readonly id: string
  readonly path: string
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: string
  readonly failure?: Error
}

const contract = new Contract()
const served = await serveMemory()
const { repository } = served
after(() => served[Symbol.asyncDispose]())

const NONE = '0'.repeat(64)
const admin = { Authorization: `Bearer ${ADMIN_TOKEN}` }
const { tree } = repository.addTree({
  'a/b.py': Buffer.from('x = 1\n'),
  'a/page.html': Buffer.from('<p>'),
  'run*': Buffer.from('#!'),
})
const unpacked = {
  state: 'unpacked',
  id: tree.id,
  dirhash: tree.dirhash,
  archiveId: archiveIdOf(tree.dirhash),
  record: 'ok',
} as const
const refused = { state: 'refused', reason: 'overlap', detail: 'two members share bytes', path: 'a' } as const
const addWheel = (name: string, state: WheelRecord['tree'], seed: number) => {
  const content = keptContent(someBytes(100, seed))
  const path = repository.addFile(`${name}-1.0-py3-none-any.whl`, content, {
    metadata: Buffer.from('Name: a\n'),
    tree: state,
  })
  return { path, digest: `sha256:${content.sha256}` }
}
const wheel = addWheel('a', unpacked, 1)
const bad = addWheel('b', refused, 2)
const pending = addWheel('c', { state: 'pending' }, 3)
const other = addWheel('d', { state: 'none' }, 4)
const nightly = repository.addFile(
  'n-1.0-py3-none-any.whl',
  streamedContent(someBytes(10), { sized: false, stored: false }),
  {
    hashed: false,
  },
)
repository.addPage({
  project: parseProjectName('a'),
  versions: ['1.0'],
  files: [
    {
      filename: parseFilename('a-1.0-py3-none-any.whl'),
      url: 'https://files.example/a-1.0-py3-none-any.whl',
      hashes: { sha256: wheel.digest.slice(7) },
      size: 100,
      requiresPython: '>=3.9',
      coreMetadata: { sha256: NONE },
      uploadTime: '2024-01-02T03:04:05.000006Z',
      yanked: 'broken',
      provenance: null,
    },
  ],
  projectStatus: { status: 'archived', reason: 'done' },
  extraMeta: { '_last-serial': 42 },
})

const JSON_PAGE = { Accept: 'application/vnd.pypi.simple.v1+json' }
const root = `/trees/blake3:${tree.id}`
const cases: Case[] = [
  { id: 'getHome', path: '/', status: 200 },
  { id: 'getHome', path: '/', status: 200, headers: { Accept: 'text/html' } },
  { id: 'getHealth', path: '/health', status: 200 },
  { id: 'getBlob', path: `/blobs/${wheel.digest}`, status: 200 },
  { id: 'getTreeOfWheel', path: `/wheels/${bad.digest}/tree`, status: 422 },
  { id: 'getTreeArchive', path: `/wheels/${bad.digest}/tree.tar.gz`, status: 422 },
  { id: 'getTreeFile', path: `${root}/a/page.html`, status: 200 },
  { id: 'getTreeFile', path: `${root}/run`, status: 200 },
  { id: 'getFile', path: nightly, status: 200 },
  ...[wheel, bad, pending, other].map(({ digest }) => ({ id: 'lookUp', path: `/lookup/${digest}`, status: 200 })),
  { id: 'lookUp', path: `/lookup/blake3:${NONE}`, status: 404 },
  { id: 'lookUp', path: '/lookup/x', status: 400 },
  { id: 'getStats', path: '/admin/stats', status: 200, headers: admin },
  { id: 'getStats', path: '/admin/stats', status: 401 },
  { id: 'prune', path: '/admin/prune', status: 200, headers: admin },
  { id: 'prune', path: '/admin/prune', status: 200, headers: admin, body: '{"dryRun":false,"maxBytes":"1GiB"}' },
  { id: 'prune', path: '/admin/prune', status: 400, headers: admin, body: '{"dryRun":1}' },
  { id: 'prune', path: '/admin/prune', status: 401, body: '{}' },
  { id: 'prune', path: '/admin/prune', status: 413, headers: admin, body: ' '.repeat(70_000) },
  { id: 'redirectToProjects', path: '/simple', status: 301 },
  { id: 'redirectToProjectsOfIndex', path: '/main/simple', status: 301 },
  { id: 'redirectToProjectsOfIndex', path: '/other/simple', status: 404 },
  { id: 'redirectToProjectsOfIndex', path: '/a%2Fb/simple', status: 400 },
  { id: 'listProjectsOfIndex', path: '/other/simple/', status: 404 },
  { id: 'listProjectsOfIndex', path: '/a%2Fb/simple/', status: 400 },
]
for (const [prefix, suffix] of [
  ['', ''],
  ['/main', 'OfIndex'],
] as const) {
  for (const [id, path] of [
    [`listProjects${suffix}`, `${prefix}/simple/`],
    [`getPage${suffix}`, `${prefix}/simple/a/`],
  ] as const) {
    cases.push(
      { id, path, status: 200 },
      { id, path, status: 200, headers: { ...JSON_PAGE, 'Accept-Encoding': 'gzip' } },
      { id, path, status: 200, headers: { Accept: 'application/vnd.pypi.simple.v1+html', 'Accept-Encoding': 'zstd' } },
      { id, path, status: 200, headers: JSON_PAGE },
      { id, path, status: 304, headers: { 'If-None-Match': '*' } },
      { id, path, status: 406, headers: { Accept: 'application/json' } },
    )
  }
  for (const [id, slash] of [
    [`getPage${suffix}`, '/'],
    [`redirectToPage${suffix}`, ''],
  ] as const) {
    cases.push(
      { id, path: `${prefix}/simple/A${slash}`, status: 301 },
      { id, path: `${prefix}/simple/-${slash}`, status: 404 },
      { id, path: `${prefix}/simple/a%2Fb${slash}`, status: 400 },
    )
  }
}
for (const [id, path, missing, malformed] of [
  ['getFile', wheel.path, `/files/main/${NONE}/x.whl`, '/files/main/0/x.whl'],
  ['getMetadata', `${wheel.path}.metadata`, `/files/main/${NONE}/x.whl.metadata`, '/files/main/0/x.whl.metadata'],
  ['getWheel', `/wheels/${wheel.digest}`, `/wheels/sha256:${NONE}`, '/wheels/x'],
  ['getTreeOfWheel', `/wheels/${wheel.digest}/tree`, `/wheels/sha256:${NONE}/tree`, '/wheels/x/tree'],
  [
    'getTreeArchive',
    `/wheels/${wheel.digest}/tree.tar.gz`,
    `/wheels/sha256:${NONE}/tree.tar.gz`,
    '/wheels/x/tree.tar.gz',
  ],
  ['getTree', root, `/trees/blake3:${NONE}`, '/trees/x'],
  ['getTreeFile', `${root}/a/b.py`, `${root}/c`, `${root}/a//b`],
  ['getBlob', `/blobs/blake3:${tree.id}`, `/blobs/blake3:${NONE}`, '/blobs/x'],
] as const) {
  cases.push(
    { id, path, status: 200 },
    { id, path, status: 206, headers: { Range: 'bytes=0-1' } },
    { id, path, status: 304, headers: { 'If-None-Match': '*' } },
    { id, path, status: 416, headers: { Range: 'bytes=1000000-' } },
    { id, path: missing, status: 404 },
    { id, path: malformed, status: 400 },
  )
}
const failures = new Map<number, Error>([
  [500, new TypeError('unforeseen')],
  [502, new UpstreamError('ERR_UPSTREAM_UNAVAILABLE', 'no route')],
  [503, new StoreClosedError()],
  [504, new UpstreamError('ERR_UPSTREAM_TIMEOUT', '30 s')],
  [507, new StoreFullError('ENOSPC')],
])
for (const [status, failure] of failures) {
  for (const { id, responses } of contract.operations) {
    const usual = cases.find((one) => one.id === id && one.status === 200)
    if (usual !== undefined && responses.has(status)) cases.push({ ...usual, status, failure })
  }
}

/** Requests run one by one: a failure is set for one of them. */
async function perform({ path, headers, body, failure }: Case, method: string): Promise<Exchange> {
  repository.failure = failure
  try {
    return await ask(served.url, path, {
      method,
      ...(headers === undefined ? {} : { headers }),
      ...(body === undefined ? {} : { body }),
    })
  } finally {
    repository.failure = undefined
  }
}

function seemsTo(template: string, path: string): boolean {
  const pattern = template
    .replaceAll('.', String.raw`\.`)
    .replace('{path}', '.+')
    .replaceAll(/\{\w+\}/g, '[^/]+')
  return new RegExp(`^${pattern}$`).test(path)
}

describe('openapi.yaml', () => {
  const seen = new Set<string>()

  for (const one of cases) {
    const operation = contract.operation(one.id)
    const how = JSON.stringify({ ...one.headers, body: one.body?.slice(0, 40) })
    test(`${one.id} ${one.status}: ${operation.method} ${one.path.replaceAll(/[0-9a-f]{64}/g, '<hex>')} ${how}`, async () => {
      assert.ok(seemsTo(operation.path, one.path))
      const exchange = await perform(one, operation.method)
      assert.equal(exchange.status, one.status)
      assert.deepEqual(contract.check(operation, exchange), [])
      seen.add(`${one.id} ${one.status}`)
      if (operation.method === 'GET' && one.headers?.['Range'] === undefined) {
        const head = await perform(one, 'HEAD')
        const ignoreMoment = { date: '', 'x-request-id': '', 'transfer-encoding': '' }
        assert.equal(head.status, one.status)
        assert.equal(head.body.length, 0)
        assert.deepEqual({ ...head.headers, ...ignoreMoment }, { ...exchange.headers, ...ignoreMoment })
      }
    })
  }

  test('says nothing that does not occur', () => {
    const documented = contract.operations.flatMap(({ id, responses }) =>
      [...responses.keys()].map((status) => `${id} ${status}`),
    )
    assert.deepEqual(
      documented.filter((response) => !seen.has(response)),
      [],
    )
  })

  test('says all that there is', () => {
    const { routes } = createApp({ repository: new MemoryRepository(), adminToken: undefined })
    const registered = routes
      .filter(({ method }) => method !== 'ALL')
      .map(({ method, path }) => `${method} ${path.replace('{.+}', '').replaceAll(/:(\w+)/g, '{$1}')}`)
    const documented = contract.operations.map(({ method, path }) => `${method} ${path}`)
    // It shares the route of the file that it belongs to.
    const shared = 'GET /files/{index}/{sha256}/{filename}.metadata'
    assert.deepEqual([...new Set(registered), shared].toSorted(), documented.toSorted())
  })

  test('has a manifest as its example that is one, byte for byte', () => {
    const { description, examples } = contract.schema('Manifest')
    const [example] = examples as [Parameters<typeof encodeManifest>[0]]
    assert.match(String(description), new RegExp(`the id ${hashBlake3(encodeManifest(example))}`))
  })
})
