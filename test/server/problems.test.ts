import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { rangeNotSatisfiable } from '../../routes/range.ts'
import { NoRoomError, UpstreamError, type UpstreamErrorCode } from '../../server/errors.ts'
import { problemOf, renderProblem } from '../../server/problems.ts'
import {
  ArchiveRefusedError,
  BlobDamagedError,
  DigestMismatchError,
  MalformedError,
  StoreClosedError,
  StoreFullError,
} from '../../storage/errors.ts'

describe('G3: upstream trouble is 502, 503 or 504', () => {
  const statuses: Readonly<Record<UpstreamErrorCode, number>> = {
    ERR_UPSTREAM_UNAVAILABLE: 502,
    ERR_UPSTREAM_TIMEOUT: 504,
    ERR_UPSTREAM_BUSY: 503,
    ERR_UPSTREAM_DOWN: 503,
    ERR_UPSTREAM_UNTRUSTED: 502,
    ERR_UPSTREAM_REFUSED: 502,
    ERR_UPSTREAM_PAGE: 502,
    ERR_UPSTREAM_FILE: 502,
    ERR_UPSTREAM_OFFLINE: 503,
  }
  for (const [code, status] of Object.entries(statuses)) {
    test(`${code} is ${status}`, () => {
      assert.equal(problemOf(new UpstreamError(code as UpstreamErrorCode, 'x')).status, status)
    })
  }
})

test('G5: Retry-After is a whole number of seconds', () => {
  for (const [retryAfterSeconds, expected] of [
    [1.2, '2'],
    [0, '1'],
    [undefined, '5'],
  ] as const) {
    const error = new UpstreamError('ERR_UPSTREAM_BUSY', 'x', { retryAfterSeconds })
    assert.equal(problemOf(error).headers['Retry-After'], expected)
  }
  assert.equal(problemOf(new StoreClosedError()).headers['Retry-After'], '5')
})

test('what the disk says stays inside', () => {
  for (const error of [
    new BlobDamagedError('x', 'its file /secret/path is gone'),
    new StoreFullError('ENOSPC /secret/path'),
    new Error('/secret/path'),
  ]) {
    const problem = problemOf(error)
    assert.ok(problem.status >= 500)
    assert.ok(!JSON.stringify(problem).includes('/secret/path'))
  }
})

test('a limit of ours that is reached is said', () => {
  const { status, detail } = problemOf(new NoRoomError('9 bytes do not fit into the store, which is limited to 5'))
  assert.equal(status, 507)
  assert.match(detail, /limited to 5/)
})

test('what the client did is said', () => {
  const { status, detail } = problemOf(new MalformedError('digest', 'abc', 'it is too short'))
  assert.equal(status, 400)
  assert.equal(detail, '"abc" is not a digest: it is too short')
})

test('E14: wrong bytes are 502', () => {
  assert.equal(problemOf(new DigestMismatchError('x', 'sha256:a', 'sha256:b')).status, 502)
})

test('E6: 416 has the length', () => {
  assert.deepEqual(problemOf(rangeNotSatisfiable(10)).headers, { 'Content-Range': 'bytes */10' })
})

test('G6, G7: the body is RFC 9457, with what the error knows, and is not kept', async () => {
  const response = renderProblem(
    problemOf(new ArchiveRefusedError('overlap', 'two members share bytes', 'a\n')),
    'id-1',
  )
  assert.equal(response.status, 422)
  assert.equal(response.headers.get('Content-Type'), 'application/problem+json')
  assert.equal(response.headers.get('Cache-Control'), 'no-store')
  assert.equal(response.headers.get('X-Request-Id'), 'id-1')
  assert.deepEqual(await response.json(), {
    type: 'urn:arbor:problem:ERR_ARCHIVE_REFUSED',
    title: 'No tree is made of this archive',
    status: 422,
    detail: '"a\\n": two members share bytes',
    code: 'ERR_ARCHIVE_REFUSED',
    reason: 'overlap',
    path: 'a\n',
    requestId: 'id-1',
  })
})
