import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLog } from '../../../server/log.ts'
import { Upstream } from '../../../server/upstream.ts'
import { Breaker } from '../../../server/upstream/breaker.ts'
import { serveApp } from '../../support/serve-app.ts'
import { upstreamOptions } from '../../support/upstream-options.ts'

/** A host that sends so much of a file, and then nothing more. */
function fetchFile(): Response {
  const body = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(new Uint8Array(100)) })
  return new Response(body, { headers: { 'Content-Length': '1000' } })
}

for (const reason of [new Error('every client has left'), undefined]) {
  test(`requests that we end ourselves (${reason?.message ?? 'no reason'}) are no trouble of their host`, async (t) => {
    await using host = await serveApp({ fetch: fetchFile })
    const breaker = new Breaker({ clock: () => 0, log: openLog('silent') })
    const upstream = new Upstream({ ...upstreamOptions, breaker })
    t.after(() => upstream.close())
    const leaving = new AbortController()
    const { body } = await upstream.openFile({ url: `${host.url}/file` }, undefined, leaving.signal)
    const unanswered = upstream.fetchPage({ url: `${host.url}/page` }, {}, leaving.signal)
    await assert.rejects(async () => {
      for await (const _ of body) leaving.abort(reason)
    })
    await assert.rejects(unanswered)
    assert.deepEqual(
      breaker.conditions().map(({ failures }) => failures),
      [0],
    )
  })
}
