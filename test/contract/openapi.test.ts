import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { createApp } from '../../server/app.ts'
import { UpstreamError } from '../../server/errors.ts'
import { hashBlake3 } from '../../storage/digest.ts'
import { StoreClosedError, StoreFullError } from '../../storage/errors.ts'
import { encodeManifest } from '../../storage/manifest.ts'
import { MemoryRepository } from '../support/memory-repository.ts'
import { Contract } from '../support/openapi.ts'
import { ask, type Exchange } from '../support/raw-http.ts'
import { serveMemory } from '../support/routes-fixture.ts'
import { adminCases } from './openapi-admin-cases.ts'
import { type Case, repository, usualCases } from './openapi-cases.ts'
import { treeCases } from './openapi-tree-cases.ts'

const contract = new Contract()
const served = await serveMemory({ repository })
after(() => served[Symbol.asyncDispose]())

const cases = [...usualCases, ...treeCases, ...adminCases]
const failures = new Map<number, Error>([
  [500, new TypeError('unforeseen')],
  [502, new UpstreamError('ERR_UPSTREAM_UNAVAILABLE', 'no route')],
  [503, new StoreClosedError()],
  [504, new UpstreamError('ERR_UPSTREAM_TIMEOUT', '30 s')],
  [507, new StoreFullError('ENOSPC')],
])
for (const [status, failure] of failures) {
  for (const { id, responses } of contract.operations) {
    const usual = cases.find((one) => one.id === id && one.status < 300)
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
    .replace(/\{(?:path|directory)\}/, '.+')
    .replaceAll(/\{\w+\}/g, '[^/]+')
  return new RegExp(`^${pattern}$`).test(path.split('?', 1)[0] ?? '')
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
    // They share the routes of the file, the manifest and the file of a tree.
    const sharing = [
      'GET /files/{index}/{sha256}/{filename}.metadata',
      ...['.tar', '.tar.gz', '.tar.zst', '/{directory}/', '/diff/{other}'].map((suffix) => `GET /trees/{id}${suffix}`),
    ]
    assert.deepEqual([...new Set(registered), ...sharing].toSorted(), documented.toSorted())
  })

  test('has a manifest as its example that is one, byte for byte', () => {
    const { description, examples } = contract.schema('Manifest')
    const [example] = examples as [Parameters<typeof encodeManifest>[0]]
    assert.match(String(description), new RegExp(`the id ${hashBlake3(encodeManifest(example))}`))
  })
})
