import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { RouteError } from '../../routes/errors.ts'
import { BodyReader } from '../../routes/request-body.ts'

/** A server that sends back what it read, or the code of the error. */
async function serveReader(t: TestContext, reader: BodyReader): Promise<number> {
  const server = createServer((incoming, outgoing) => {
    void reader.read(incoming).then(
      (body) => outgoing.end(body),
      (error: unknown) => outgoing.end(error instanceof RouteError ? error.code : 'cut'),
    )
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

/** Begins to send a body, and says what came back in the end. */
function begin(port: number, piece: string, headers: Readonly<Record<string, string>> = {}) {
  const outgoing = request({ port, host: '127.0.0.1', method: 'POST', headers })
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  outgoing.on('response', resolve).on('error', reject).write(piece)
  return {
    answer: promise.then((response) => text(response)),
    end: (rest: string) => outgoing.end(rest),
    leave: () => outgoing.destroy(),
  }
}

test('all bodies together take no more memory than they may, and room that is free again is used', async (t) => {
  const port = await serveReader(t, new BodyReader({ maxBytes: 1000, maxTogether: 1500 }))
  const first = begin(port, 'a'.repeat(900))
  // What is refused shows that the first has come.
  let refused = ''
  while (refused !== 'ERR_BUSY') {
    const second = begin(port, 'b'.repeat(700))
    second.end('')
    refused = await second.answer
  }
  const small = begin(port, 'c'.repeat(100))
  small.end('')
  assert.equal(await small.answer, 'c'.repeat(100))
  first.end('')
  assert.equal(await first.answer, 'a'.repeat(900))
  const third = begin(port, 'd'.repeat(999))
  third.end('d')
  assert.equal(await third.answer, 'd'.repeat(1000))
})

test('a client that leaves in the middle gives its room back', async (t) => {
  const port = await serveReader(t, new BodyReader({ maxBytes: 1000, maxTogether: 1000 }))
  const first = begin(port, 'a'.repeat(900))
  first.answer.catch(() => {})
  const ask = async (): Promise<string> => {
    const other = begin(port, 'b'.repeat(800))
    other.end('')
    return other.answer
  }
  while ((await ask()) !== 'ERR_BUSY') continue
  first.leave()
  while ((await ask()) !== 'b'.repeat(800)) continue
})

for (const [what, headers] of [
  ['says so', { 'content-length': '1001' }],
  ['does not say so', { 'transfer-encoding': 'chunked' }],
] as const) {
  test(`a body that is too long is refused where its head ${what}`, async (t) => {
    const port = await serveReader(t, new BodyReader({ maxBytes: 1000, maxTogether: 2000 }))
    const long = begin(port, 'a'.repeat(1000), headers)
    long.end('a')
    assert.equal(await long.answer, 'ERR_BODY_TOO_LARGE')
  })
}
