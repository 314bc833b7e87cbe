import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { type Answering, listen } from '../../server/listen.ts'

const isShared = process.platform === 'linux'

test(
  'many connections come in in one turn of the event loop',
  { timeout: 20_000, skip: isShared ? false : 'here the system does not let sockets share a port' },
  async () => {
    let turn = 0
    let isOver = false
    const count = (): void => {
      turn += 1
      if (!isOver) setImmediate(count)
    }
    const turns = new Set<number>()
    const app: Answering = {
      answerKnown(_, response) {
        turns.add(turn)
        response.end()
        return true
      },
      fetch: () => assert.fail('answered before'),
    }
    const listening = await listen(app, { host: '127.0.0.1', port: 0 })
    setImmediate(count)
    const clients = Array.from({ length: 200 }, () => {
      const socket = connect(Number(new URL(listening.url).port), '127.0.0.1')
      socket.end('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
      return socket.resume()
    })
    await Promise.all(clients.map((socket) => once(socket, 'close')))
    isOver = true
    assert.ok(turns.size < 100, `200 requests in ${turns.size} turns`)
    await listening.close()
  },
)
