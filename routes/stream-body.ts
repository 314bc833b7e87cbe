import type { ServerResponse } from 'node:http'

/**
 * Writes a body to a response whose headers are set, one chunk at a time, since a chunk is valid only until the next one is asked for.
 * Resolves when the body is written, or the client is gone. Rejects, with the connection broken off, where the source fails or
 * is not `length` bytes long.
 */
export async function streamBody(
  outgoing: ServerResponse,
  chunks: AsyncIterable<Uint8Array>,
  options: {
    /** Bytes, where known. */
    readonly length: number | undefined
    /** Send the headers without waiting for the first chunk. */
    readonly flush: boolean
  },
): Promise<void> {
  // Without a listener, the error of a write to a client that left would end the process.
  outgoing.on('error', ignore)
  if (options.flush) outgoing.flushHeaders()
  try {
    let sent = 0
    for await (const chunk of chunks) {
      await writeChunk(outgoing, chunk)
      // Leaving the loop closes the source.
      if (outgoing.destroyed) return
      sent += chunk.length
    }
    if (options.length !== undefined && sent !== options.length) {
      throw new Error(`The body has ${sent} bytes of ${options.length}.`)
    }
    outgoing.end()
  } catch (error) {
    if (outgoing.destroyed) return
    breakOff(outgoing, options.length)
    throw error
  }
}

/** Resolves when the chunk's memory is free again: the kernel has it, or nobody wants it any more. */
function writeChunk(outgoing: ServerResponse, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    if (outgoing.destroyed) return resolve()
    const done = (): void => {
      outgoing.off('close', done)
      resolve()
    }
    // Where a pipelined response still waits for the one before it, a lost connection never calls the callback of `write`.
    outgoing.once('close', done)
    outgoing.write(chunk, done)
  })
}

/** Breaks the connection off, so that nobody takes the body for whole. HTTP/1.0 without a length ends a body by closing, so there it is reset. */
function breakOff(outgoing: ServerResponse, length: number | undefined): void {
  const { socket } = outgoing
  if (length === undefined && !outgoing.chunkedEncoding && socket !== null) socket.resetAndDestroy()
  else outgoing.destroy()
}

function ignore(): void {}
