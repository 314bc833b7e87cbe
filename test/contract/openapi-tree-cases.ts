import { bad, type Case, NONE, pending, root, tree, twin, wheel } from './openapi-cases.ts'

/** Whole trees, listings, differences, and names that mean several trees. */
export const treeCases: Case[] = []

for (const [id, path] of [
  ['getTarZstOfWheel', `/wheels/${wheel.digest}/tree.tar.zst`],
  ['getTarZst', `${root}.tar.zst`],
] as const) {
  treeCases.push(
    { id, path, status: 200 },
    { id, path, status: 304, headers: { 'If-None-Match': '*' } },
    { id, path: path.replaceAll(/[0-9a-f]{64}/g, NONE), status: 404 },
    { id, path: path.replaceAll(/:[0-9a-f]{64}/g, ':x'), status: 400 },
  )
}
for (const [id, path] of [
  ['getTreeOfWheel', 'tree'],
  ['getTarOfWheel', 'tree.tar'],
  ['getTarGzOfWheel', 'tree.tar.gz'],
  ['getTarZstOfWheel', 'tree.tar.zst'],
] as const) {
  treeCases.push(
    { id, path: `/wheels/${bad.digest}/${path}`, status: 422 },
    { id, path: `/wheels/${pending.digest}/${path}`, status: 202, headers: { Prefer: 'respond-async' } },
  )
}
const shared = `/trees/dirhash:${twin.dirhash}`
for (const [id, path] of [
  ['getTree', ''],
  ['getTar', '.tar'],
  ['getTarGz', '.tar.gz'],
  ['getTarZst', '.tar.zst'],
  ['listRoot', '/'],
  ['listDirectory', '/a/'],
  ['getTreeFile', '/run'],
  ['getDiff', `/diff/blake3:${tree.id}`],
] as const) {
  treeCases.push({ id, path: `${shared}${path}`, status: 409 })
}
for (const [body, status] of [
  ['{"have":[]}', 200],
  [`{"have":["blake3:${NONE}"]}`, 200],
  ['{}', 400],
  [' '.repeat(9_000_000), 413],
] as const) {
  treeCases.push({ id: 'getMissing', path: `${root}/missing`, status, body })
}
treeCases.push(
  { id: 'getMissing', path: `/trees/blake3:${NONE}/missing`, status: 404, body: '{"have":[]}' },
  { id: 'getMissing', path: `${shared}/missing`, status: 409, body: '{"have":[]}' },
)
