import type { WheelRecord } from '../../routes/repository.ts'
import { archiveIdOf } from '../../storage/dirhash.ts'
import { parseFilename, parseProjectName } from '../../storage/names.ts'
import { keptContent, someBytes, streamedContent } from '../support/memory-content.ts'
import { MemoryRepository } from '../support/memory-repository.ts'
import { ADMIN_TOKEN } from '../support/routes-fixture.ts'

/** One request, and the status that it must get. */
export interface Case {
  readonly id: string
  readonly path: string
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: string
  readonly failure?: Error
}

/** What the requests are about. */
export const repository = new MemoryRepository()

export const NONE = '0'.repeat(64)
export const admin = { Authorization: `Bearer ${ADMIN_TOKEN}` }
export const { tree } = repository.addTree({
  'a/b.py': Buffer.from('x = 1\n'),
  'a/page.html': Buffer.from('<p>'),
  'a/long.txt': Buffer.alloc(1000, 'long'),
  'run*': Buffer.from('#!'),
})
/** Two trees that differ in executable bits only. */
export const { tree: twin } = repository.addTree({ run: Buffer.from('#!'), 'a/b.py': Buffer.from('x = 2\n') })
repository.addTree({ 'run*': Buffer.from('#!'), 'a/b.py': Buffer.from('x = 2\n') })
const unpacked = {
  state: 'unpacked',
  id: tree.id,
  dirhash: tree.dirhash,
  archiveId: archiveIdOf(tree.dirhash),
  record: 'ok',
  portable: true,
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
export const wheel = addWheel('a', unpacked, 1)
export const bad = addWheel('b', refused, 2)
export const pending = addWheel('c', { state: 'pending' }, 3)
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
export const root = `/trees/blake3:${tree.id}`
/** Every route, in the usual ways. */
export const usualCases: Case[] = [
  { id: 'getHome', path: '/', status: 200 },
  { id: 'getHome', path: '/', status: 200, headers: { Accept: 'text/html' } },
  { id: 'getHealth', path: '/health', status: 200 },
  { id: 'getBlob', path: `/blobs/${wheel.digest}`, status: 200 },
  { id: 'getTreeOfWheel', path: `/wheels/${bad.digest}/tree`, status: 422 },
  { id: 'getTreeFile', path: `${root}/a/page.html`, status: 200 },
  { id: 'getTreeFile', path: `${root}/run`, status: 200 },
  { id: 'getTreeFile', path: `${root}/a/long.txt`, status: 200, headers: { 'Accept-Encoding': 'gzip' } },
  { id: 'getTreeFile', path: `${root}/a`, status: 301 },
  { id: 'listRoot', path: `${root}/`, status: 200, headers: { Accept: 'text/html' } },
  { id: 'getTree', path: `/trees/dirhash:${tree.dirhash}`, status: 200 },
  { id: 'getTree', path: `/trees/uv:${archiveIdOf(tree.dirhash)}`, status: 200 },
  { id: 'getFile', path: nightly, status: 200 },
  ...[wheel, bad, pending, other].map(({ digest }) => ({ id: 'lookUp', path: `/lookup/${digest}`, status: 200 })),
  { id: 'lookUp', path: `/lookup/${pending.digest}`, status: 202, headers: { Prefer: 'respond-async' } },
  { id: 'getStats', path: '/admin/stats', status: 200, headers: admin },
  { id: 'getStats', path: '/admin/stats', status: 401 },
  { id: 'prune', path: '/admin/prune', status: 200, headers: admin },
  { id: 'prune', path: '/admin/prune', status: 200, headers: admin, body: '{"dryRun":false,"maxBytes":"1GiB"}' },
  { id: 'prune', path: '/admin/prune', status: 200, headers: admin, body: '{"maxFiles":0}' },
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
    usualCases.push(
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
    usualCases.push(
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
  ['getTarOfWheel', `/wheels/${wheel.digest}/tree.tar`, `/wheels/sha256:${NONE}/tree.tar`, '/wheels/x/tree.tar'],
  [
    'getTarGzOfWheel',
    `/wheels/${wheel.digest}/tree.tar.gz`,
    `/wheels/sha256:${NONE}/tree.tar.gz`,
    '/wheels/x/tree.tar.gz',
  ],
  ['getTar', `${root}.tar`, `/trees/blake3:${NONE}.tar`, '/trees/x.tar'],
  ['getTarGz', `${root}.tar.gz`, `/trees/blake3:${NONE}.tar.gz`, '/trees/x.tar.gz'],
  ['listRoot', `${root}/`, `/trees/blake3:${NONE}/`, '/trees/x/'],
  ['listDirectory', `${root}/a/`, `${root}/c/`, `${root}/a//`],
  ['getDiff', `${root}/diff/blake3:${twin.id}`, `${root}/diff/blake3:${NONE}`, `/trees/x/diff/blake3:${NONE}`],
  ['getTree', root, `/trees/blake3:${NONE}`, '/trees/x'],
  ['getTreeFile', `${root}/a/b.py`, `${root}/c`, `${root}/a//b`],
  ['getBlob', `/blobs/blake3:${tree.id}`, `/blobs/blake3:${NONE}`, '/blobs/x'],
  ['lookUp', `/lookup/${wheel.digest}`, `/lookup/blake3:${NONE}`, '/lookup/x'],
  ['lookUpProject', '/lookup/main/a', '/lookup/main/x', '/lookup/main/-'],
  ['lookUpVersion', '/lookup/main/a/1.0', '/lookup/main/a/2.0', '/lookup/main/-/1.0'],
  ['lookUpFile', '/lookup/main/a/1.0/a-1.0-py3-none-any.whl', '/lookup/main/a/1.0/x', '/lookup/main/a/1.0/x%5C'],
] as const) {
  usualCases.push(
    { id, path, status: 200 },
    { id, path, status: 206, headers: { Range: 'bytes=0-1' } },
    { id, path, status: 304, headers: { 'If-None-Match': '*' } },
    { id, path, status: 416, headers: { Range: 'bytes=1000000-' } },
    { id, path: missing, status: 404 },
    { id, path: malformed, status: 400 },
  )
}
