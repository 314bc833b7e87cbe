import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { ByteSource } from './distribution.ts'
import type { Faults } from './quirks.ts'

export interface FileResponse {
  /** First and last byte, both included. */
  readonly first: number
  readonly last: number
  readonly bytesPerSecond: number
  readonly chunked: boolean
  readonly faults: Faults
  /** Told of every piece that was written. */
  readonly onSent: (bytes: number) => void
}

/**
 * Writes the body, at its speed and with its faults; the head must be set but for the length. Rejects if the client goes away.
 * Does not close `source`.
 */
export async function sendFile(response: ServerResponse, source: ByteSource, plan: FileResponse): Promise<void> {
  const { first, last, faults } = plan
  if (!plan.chunked) response.setHeader('content-length', last - first + 1 + faults.lengthError)
  if (faults.lengthError !== 0) response.setHeader('connection', 'close')
  const stops = [faults.truncateAt, faults.dropConnectionAt, faults.hangAt].filter((at) => typeof at === 'number')
  // Only a fault that lies ahead strikes, so that a resumed download can get past it.
  const stop = Math.min(...stops.filter((at) => at >= first), last + 1)
  response.flushHeaders()
  await writeBytes(response, source, { ...plan, last: stop - 1 })
  if (stop > last) finish(response, faults)
  else await breakOff(response, stop, plan)
}

async function writeBytes(response: ServerResponse, source: ByteSource, plan: FileResponse): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  const started = performance.now()
  // Twenty-five pieces a second are smooth enough to look like a slow line.
  const piece = Math.min(256 * 1024, Math.max(1, Math.ceil(plan.bytesPerSecond / 25)))
  for (let position = plan.first; position <= plan.last;) {
    const read = await source.read(position, Math.min(piece, plan.last - position + 1))
    if (read.length === 0) throw new Error('the file became shorter')
    const bytes = damage(read, position, plan.faults.wrongByteAt)
    position += bytes.length
    const dueMs = ((position - plan.first) / plan.bytesPerSecond) * 1000 - (performance.now() - started)
    if (dueMs > 1) await delay(dueMs, undefined, { signal: gone.signal })
    gone.signal.throwIfAborted()
    plan.onSent(bytes.length)
    if (!response.write(bytes)) await once(response, 'drain', { signal: gone.signal })
  }
}

function damage(bytes: Buffer, position: number, wrongByteAt: number | undefined): Buffer {
  const index = (wrongByteAt ?? -1) - position
  if (index < 0 || index >= bytes.length) return bytes
  const copy = Buffer.from(bytes)
  copy.writeUInt8(copy.readUInt8(index) ^ 0xff, index)
  return copy
}

function finish(response: ServerResponse, faults: Faults): void {
  const { socket } = response
  response.end()
  if (faults.lengthError !== 0) socket?.end()
}

async function breakOff(response: ServerResponse, at: number, plan: FileResponse): Promise<void> {
  const { faults, chunked } = plan
  if (at === faults.hangAt) return
  if (at === faults.dropConnectionAt) {
    // A reset throws away what the kernel has not sent yet.
    await delay(50)
    response.socket?.resetAndDestroy()
  } else if (chunked) response.end()
  else response.socket?.end()
}
