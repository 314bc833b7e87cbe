import assert from 'node:assert/strict'
import type { Server } from 'node:http'
import { suite, test } from 'node:test'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { MemoryRepository } from '../support/memory-repository.ts'
import { serveMemory } from '../support/routes-fixture.ts'
import { demo, get, HTML_TYPE, JSON_TYPE, listed, pageOf, running, snapshotOf } from './simple-server.ts'

async function tagsOf(server: Server) {
  const tags = []
  for (const path of ['/simple/demo/', '/pypi/simple/demo/', '/simple/', '/inner/simple/demo/']) {
    for (const Accept of [JSON_TYPE, HTML_TYPE, 'text/html']) {
      for (const coding of ['identity', 'gzip', 'zstd']) {
        tags.push((await get(server, path, { Accept, 'Accept-Encoding': coding })).headers.etag)
      }
    }
  }
  return tags
}

suite('project pages in caches', () => {
  test('D1, D7: validator, freshness, variance, date and length on every page', async (t) => {
    const { headers, body } = await get(running(t), '/simple/demo/', { 'Accept-Encoding': 'gzip' })
    assert.match(headers.etag ?? '', /^"[\w-]+"$/)
    assert.equal(headers.vary, 'Accept, Accept-Encoding')
    assert.equal(headers['cache-control'], 'max-age=60, public')
    assert.equal(headers['content-length'], String(body.length))
    assert.ok(Math.abs(Date.parse(headers.date ?? '') - Date.now()) < 60_000)
    assert.equal(headers.age, undefined)
    assert.equal(headers['access-control-allow-origin'], '*')
  })

  test('D1: each form in each coding has an ETag of its own, the same after a restart', async (t) => {
    const tags = await tagsOf(running(t))
    assert.equal(new Set(tags).size, tags.length)
    assert.deepEqual(await tagsOf(running(t)), tags)
  })

  test('D2, D3: who has it gets 304 with the same strong ETag; who has another form gets that', async (t) => {
    const server = running(t)
    for (const coding of ['identity', 'gzip', 'zstd']) {
      const headers = { Accept: JSON_TYPE, 'Accept-Encoding': coding }
      const full = await get(server, '/simple/demo/', headers)
      const etag = full.headers.etag ?? ''
      for (const condition of [etag, `W/${etag}`, `"x", ${etag} , "y"`, '*']) {
        const {
          status,
          body,
          headers: got,
        } = await get(server, '/simple/demo/', { ...headers, 'If-None-Match': condition })
        assert.equal(status, 304, condition)
        assert.equal(body.length, 0)
        assert.equal(got.etag, etag)
        for (const name of ['cache-control', 'vary', 'content-type', 'access-control-allow-origin']) {
          assert.equal(got[name], full.headers[name])
        }
        assert.ok(got.date)
      }
      for (const condition of ['"x"', etag.slice(0, -1), etag.replace('json', 'text')]) {
        assert.equal((await get(server, '/simple/demo/', { ...headers, 'If-None-Match': condition })).status, 200)
      }
      const html = await get(server, '/simple/demo/', { ...headers, Accept: 'text/html', 'If-None-Match': etag })
      assert.equal(html.status, 200)
    }
  })

  test('D4: clients may use a page for a minute without asking', async (t) => {
    const { headers } = await get(running(t), '/simple/demo/')
    assert.equal(headers['cache-control'], 'max-age=60, public')
  })

  test('D6: the same bytes in every coding', async (t) => {
    const server = running(t)
    const plain = await get(server, '/simple/demo/', { 'Accept-Encoding': 'identity' })
    assert.equal(plain.headers['content-encoding'], undefined)
    const gzip = await get(server, '/simple/demo/', { 'Accept-Encoding': 'gzip, deflate' })
    assert.equal(gzip.headers['content-encoding'], 'gzip')
    assert.deepEqual(gunzipSync(gzip.body), plain.body)
    const zstd = await get(server, '/simple/demo/', { 'Accept-Encoding': 'gzip, deflate, zstd' })
    assert.equal(zstd.headers['content-encoding'], 'zstd')
    assert.deepEqual(zstdDecompressSync(zstd.body), plain.body)
    for (const none of ['gzip;q=0', 'br', '']) {
      assert.equal(
        (await get(server, '/simple/demo/', { 'Accept-Encoding': none })).headers['content-encoding'],
        undefined,
      )
    }
  })

  test('D9: PyPI’s serial number is passed on', async (t) => {
    const server = running(t)
    assert.equal((await get(server, '/simple/flask-login/')).headers['x-pypi-last-serial'], '42')
    assert.equal((await get(server, '/simple/demo/')).headers['x-pypi-last-serial'], undefined)
  })

  test('as they are sent, pages are kept in the memory that there is for them', async () => {
    for (const [pageMemoryBytes, isKept] of [
      [1, false],
      [100_000, true],
    ] as const) {
      const { index, page } = snapshotOf([])
      let reads = 0
      const counted = {
        ...page,
        get files() {
          reads += 1
          return []
        },
      }
      const snapshot = { index, page: counted }
      const repository = Object.assign(new MemoryRepository(), { findPage: () => Promise.resolve(snapshot) })
      await using served = await serveMemory({ repository, pageMemoryBytes })
      assert.equal((await get(served.server, '/simple/demo/')).status, 200)
      const before = reads
      assert.equal((await get(served.server, '/simple/demo/')).status, 200)
      assert.equal(reads === before, isKept, `${pageMemoryBytes} bytes`)
    }
  })

  test('B7: a page that changed is seen at once', async (t) => {
    const pages = demo()
    const server = running(t, pages)
    const before = await get(server, '/simple/demo/', { Accept: JSON_TYPE })
    pages.put(pageOf('demo', [listed('demo-1.0.zip', { yanked: 'bad' })]))
    const after = await get(server, '/simple/demo/', { Accept: JSON_TYPE, 'If-None-Match': before.headers.etag ?? '' })
    assert.equal(after.status, 200)
    assert.match(after.body.toString(), /"yanked":"bad"/)
    pages.put(pageOf('demo', [listed('demo-1.0.zip')]))
    const again = await get(server, '/simple/demo/', { Accept: JSON_TYPE, 'If-None-Match': before.headers.etag ?? '' })
    assert.equal(again.status, 304, 'the same content again is the same representation')
  })
})
