import { inflateRawSync } from 'node:zlib'
import type { ByteSource } from './distribution.ts'

const END = 0x06054b50
const MEMBER = 0x02014b50

/**
 * A wheel's METADATA, read the shortest way (no ZIP64, nothing checked): the upstream's own, so that the reader under test is
 * not what it is tested with. Undefined where there is none.
 */
export async function readWheelMetadata(source: ByteSource, size: number): Promise<Buffer | undefined> {
  const tailStart = Math.max(0, size - 65_557)
  const tail = await source.read(tailStart, size - tailStart)
  const end = tail.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'))
  if (end < 0 || tail.readUInt32LE(end) !== END) return undefined
  const directory = await source.read(tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12))
  for (let at = 0; at + 46 <= directory.length && directory.readUInt32LE(at) === MEMBER;) {
    const nameLength = directory.readUInt16LE(at + 28)
    const name = directory.toString('utf8', at + 46, at + 46 + nameLength)
    if (/^[^/]+\.dist-info\/METADATA$/.test(name)) {
      const method = directory.readUInt16LE(at + 10)
      const local = await source.read(directory.readUInt32LE(at + 42), 30)
      const start = directory.readUInt32LE(at + 42) + 30 + local.readUInt16LE(26) + local.readUInt16LE(28)
      const bytes = await source.read(start, directory.readUInt32LE(at + 20))
      return method === 0 ? Buffer.from(bytes) : inflateRawSync(bytes)
    }
    at += 46 + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32)
  }
  return undefined
}
