/**
 * Frees a buffer's memory now. Left to the garbage collector, the megabytes that pass through here would set it off every few
 * milliseconds: a sixth of all the time that it took to unpack torch. Neither this buffer nor any other on the same memory may be
 * used any more. Memory that node shares between small buffers stays.
 */
export function release(bytes: Buffer): void {
  const memory = bytes.buffer
  if (memory instanceof ArrayBuffer && memory.byteLength > Buffer.poolSize) memory.transfer(0)
}

/** Does the buffer reach the end of its memory, so that who fills it piece by piece is done with it? */
export function isAtEnd(bytes: Buffer): boolean {
  return bytes.byteOffset + bytes.length === bytes.buffer.byteLength
}
