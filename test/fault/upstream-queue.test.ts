import assert from 'node:assert/strict'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { Upstream } from '../../server/upstream.ts'
import { upstreamOptions } from '../support/upstream-options.ts'

const { signal } = new AbortController()

/** A host that keeps every response open until it is told to end it. */
async function startPatientHost(
  t: TestContext,
): Promise<{ url: string; open: Map<string, ServerResponse>; order: string[] }> {
  const open = new Map<string, ServerResponse>()
  const order: string[] = []
  const server = createServer((request, response) => {
    const { url = '' } = request
    order.push(url)
    open.set(url, response)
    response.write('first')
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, open, order }
}

function createUpstream(t: TestContext, downloadsPerHost: number): Upstream {
  const upstream = new Upstream({
    ...upstreamOptions,
    // Shorter than the test's queue takes: waiting for a turn is no timeout of the host's.
    headersTimeoutMs: 1000,
    idleTimeoutMs: 30_000,
    downloadsPerHost,
  })
  t.after(() => upstream.close())
  return upstream
}

const soon = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms))

test('no more downloads run from a host than are allowed; the others wait their turn, first come, first served', async (t) => {
  const host = await startPatientHost(t)
  const upstream = createUpstream(t, 2)
  const paths = Array.from({ length: 6 }, (_, index) => `/${index}`)
  const finishing = paths.map(async (path) => {
    const file = await upstream.openFile({ url: host.url + path }, undefined, signal)
    for await (const _ of file.body) continue
    return path
  })
  while (host.open.size < 2) await soon(1)
  // Longer than a response's headers may take.
  await soon(1600)
  assert.deepEqual(host.order, ['/0', '/1'])
  for (const [index, path] of paths.entries()) {
    host.open.get(path)?.end()
    assert.equal(await finishing[index], path)
    while (host.order.length < Math.min(paths.length, index + 3)) await soon(1)
    assert.deepEqual(host.order, paths.slice(0, index + 3))
  }
})

test('another host, a page and a part of a file do not wait for them', async (t) => {
  const [busy, idle] = [await startPatientHost(t), await startPatientHost(t)]
  const upstream = createUpstream(t, 1)
  const running = await upstream.openFile({ url: `${busy.url}/running` }, undefined, signal)
  const waiting = upstream.openFile({ url: `${busy.url}/waiting` }, undefined, signal)
  const elsewhere = await upstream.openFile({ url: `${idle.url}/elsewhere` }, undefined, signal)
  const part = await upstream.openPart({ url: `${busy.url}/part` }, { first: 0, last: 4 }, signal)
  const page = upstream.fetchPage({ url: `${busy.url}/page` }, {}, signal)
  while (!busy.open.has('/page')) await soon(1)
  busy.open.get('/page')?.end()
  assert.equal((await page).status, 200)
  assert.deepEqual(busy.order, ['/running', '/part', '/page'])
  for (const file of [running, elsewhere, part]) file.discard()
  ;(await waiting).discard()
})
