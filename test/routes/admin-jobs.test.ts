import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import request, { type Test } from 'supertest'
import { connectRaw } from '../support/raw-http.ts'
import { ADMIN_TOKEN, serveMemory } from '../support/routes-fixture.ts'

const withToken = (asked: Test): Test => asked.set('Authorization', `Bearer ${ADMIN_TOKEN}`)

describe('a job', () => {
  test('is named where it is started, and tells of itself as JSON', async () => {
    await using served = await serveMemory()
    const started = await withToken(request(served.server).post('/admin/scrub')).send('{"bytesPerSecond":"50MiB"}')
    assert.equal(started.status, 202)
    const { id } = started.body as { id: string }
    assert.equal(started.headers['location'], `jobs/${id}`)
    assert.deepEqual(served.repository.admin.asked, [{ bytesPerSecond: 50 * 2 ** 20 }])
    const { body, headers } = await withToken(request(served.server).get(`/admin/jobs/${id}`)).expect(200)
    assert.deepEqual(body, {
      id,
      kind: 'scrub',
      state: 'running',
      startedAt: '1970-01-01T00:00:00.000Z',
      progress: { files: 1, totalFiles: 2 },
    })
    assert.equal(headers['cache-control'], 'no-store')
    assert.equal(headers['access-control-allow-origin'], undefined)
    await withToken(request(served.server).get('/admin/jobs')).expect(200, { jobs: [body] })
    await served.repository.admin.jobs.close()
  })

  test('that runs already is joined by a second scrub, and keeps a second prune out', async () => {
    await using served = await serveMemory()
    const scrub = (): Test => withToken(request(served.server).post('/admin/scrub'))
    const [first, second] = [await scrub(), await scrub()]
    assert.equal(first.headers['location'], second.headers['location'])
    const prune = (): Test =>
      withToken(request(served.server).post('/admin/prune')).set('Prefer', 'respond-async').send('{"dryRun":false}')
    const running = await prune().expect(202)
    const refused = await prune().expect(409)
    assert.equal((refused.body as { job: string }).job, (running.body as { id: string }).id)
    await served.repository.admin.jobs.close()
  })

  test('ends when it is told to', async () => {
    await using served = await serveMemory()
    const { body } = await withToken(request(served.server).post('/admin/warm')).send('a==1')
    const { id } = body as { id: string }
    await withToken(request(served.server).delete(`/admin/jobs/${id}`)).expect(202)
    const ended = await withToken(request(served.server).get(`/admin/jobs/${id}`)).expect(200)
    assert.equal((ended.body as { state: string }).state, 'cancelled')
    assert.equal((ended.body as { result: { fetched: number } }).result.fetched, 1)
    await withToken(request(served.server).delete(`/admin/jobs/${id}`)).expect(200)
  })

  test('that there is not is 404', async () => {
    await using served = await serveMemory()
    for (const method of ['get', 'delete'] as const) {
      await withToken(request(served.server)[method]('/admin/jobs/nobody')).expect(404)
    }
    await withToken(request(served.server).get('/admin/jobs/nobody')).set('Accept', 'text/event-stream').expect(404)
  })

  for (const path of [
    '/admin/jobs',
    '/admin/jobs/x',
    '/admin/pins',
    '/admin/pins/x',
    '/admin/scrub',
    '/admin/warm',
    '/admin/forget',
    '/admin/refresh',
  ]) {
    test(`is nobody else's business: ${path} needs the token`, async () => {
      await using served = await serveMemory()
      for (const method of ['get', 'post', 'put', 'delete'] as const)
        await request(served.server)[method](path).expect(401)
      assert.deepEqual(served.repository.admin.asked, [])
    })
  }

  for (const body of ['{"bytesPerSecond":0}', '{"bytesPerSecond":"fast"}', '{"rate":1}', '[]']) {
    test(`is not started by ${body}`, async () => {
      await using served = await serveMemory()
      await withToken(request(served.server).post('/admin/scrub')).send(body).expect(400)
      assert.deepEqual(served.repository.admin.listJobs(), [])
    })
  }
})

function head(id: string, method = 'GET'): string {
  return `${method} /admin/jobs/${id} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ADMIN_TOKEN}\r\nAccept: text/event-stream\r\n\r\n`
}

describe('server-sent events', () => {
  test('are framed as the standard has them, and the connection goes on after the last', async () => {
    await using served = await serveMemory()
    const { id } = served.repository.admin.startScrub({ bytesPerSecond: undefined })
    const client = await connectRaw(served.port)
    client.socket.write(head(id))
    await client.waitFor('\n\n\r\n')
    served.repository.admin.cancelJob(id)
    await client.waitFor('\r\n0\r\n\r\n')
    const [headers = '', ...body] = client.received().split('\r\n\r\n')
    assert.match(headers, /^HTTP\/1\.1 200 OK\r\n/)
    assert.match(headers, /\r\nContent-Type: text\/event-stream\r\n/)
    assert.match(headers, /\r\nCache-Control: no-store\r\n/)
    const events = body.join('\r\n\r\n').replaceAll(/(?:^|\r\n)[0-9a-f]+\r\n/g, '')
    const expected = /^event: progress\ndata: (\{.*\})\n\nevent: end\ndata: (\{.*\})\n\n/
    const [, first = '', last = ''] = expected.exec(events) ?? assert.fail(events)
    assert.equal((JSON.parse(first) as { state: string }).state, 'running')
    assert.equal((JSON.parse(last) as { state: string }).state, 'cancelled')
    client.socket.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
    await client.waitFor('{"status":"ok"}')
    client.socket.destroy()
  })

  test('of a job that has ended are one', async () => {
    await using served = await serveMemory()
    const { id } = served.repository.admin.startScrub({ bytesPerSecond: undefined })
    await served.repository.admin.jobs.close()
    const { text } = await withToken(request(served.server).get(`/admin/jobs/${id}`)).set('Accept', 'text/event-stream')
    assert.match(text, /^event: end\ndata: \{"id":"[^\n]*\}\n\n$/)
  })

  test('are not for whom JSON is more welcome', async () => {
    await using served = await serveMemory()
    const { id } = served.repository.admin.startScrub({ bytesPerSecond: undefined })
    await served.repository.admin.jobs.close()
    for (const [accept, type] of [
      ['application/json, text/event-stream;q=0.1', 'application/json'],
      ['*/*, text/event-stream;q=0', 'application/json'],
      ['application/json;q=0.9, Text/Event-Stream', 'text/event-stream'],
    ] as const) {
      const asked = withToken(request(served.server).get(`/admin/jobs/${id}`)).set('Accept', accept)
      await asked.expect(200).expect('Content-Type', type)
    }
  })

  test('are not begun for HEAD', async () => {
    await using served = await serveMemory()
    const { id } = served.repository.admin.startScrub({ bytesPerSecond: undefined })
    const client = await connectRaw(served.port)
    client.socket.write(head(id, 'HEAD'))
    await client.waitFor('\r\n\r\n')
    client.socket.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
    await client.waitFor('{"status":"ok"}')
    client.socket.destroy()
    await served.repository.admin.jobs.close()
  })

  test('end when the client goes away, and the job does not', async () => {
    await using served = await serveMemory()
    const { jobs } = served.repository.admin
    const { id } = served.repository.admin.startScrub({ bytesPerSecond: undefined })
    const client = await connectRaw(served.port)
    client.socket.write(head(id))
    await client.waitFor('event: progress')
    client.socket.destroy()
    await client.closed
    assert.equal(jobs.find(id)?.state, 'running')
    await jobs.close()
  })
})
