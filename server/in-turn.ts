import type { RequestListener } from 'node:http'
import type { Socket } from 'node:net'

/** How many requests may wait on one connection: each takes some three kilobytes, for the thirty bytes that it is sent with. */
const MAX_WAITING = 100

/**
 * Begins each of the requests that a client sends in a row on one connection when it is its turn to be answered, since it may ask for thousands of
 * files at once, and read none. Node hands over each as soon as it is read. Those behind a client that left are never begun; one that sends too many
 * is cut off.
 */
export function inTurn(answer: RequestListener): RequestListener {
  const waiting = new WeakMap<Socket, number>()
  return (request, response) => {
    const { socket } = request
    // It gets its socket in its turn.
    if (response.socket !== null) return answer(request, response)
    const count = waiting.get(socket) ?? 0
    if (count === MAX_WAITING) return void socket.destroy()
    waiting.set(socket, count + 1)
    response.once('socket', () => {
      waiting.set(socket, (waiting.get(socket) ?? 0) - 1)
      answer(request, response)
    })
  }
}
