import { crc32 } from 'node:zlib'

/** One extra field; `length` lies about its length where given. */
export function extraField(id: number, body: Buffer, options: { readonly length?: number } = {}): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt16LE(id, 0)
  head.writeUInt16LE(options.length ?? body.length, 2)
  return Buffer.concat([head, body])
}

/** The ZIP64 extra field (APPNOTE.TXT 4.5.3) with these 64-bit values, and the rest of it as it is given. */
export function zip64Extra(values: readonly number[], rest = Buffer.alloc(0)): Buffer {
  const body = Buffer.alloc(values.length * 8)
  for (const [index, value] of values.entries()) body.writeBigUInt64LE(BigInt(value), index * 8)
  return extraField(1, Buffer.concat([body, rest]))
}

/** The Unicode path extra field (APPNOTE.TXT 4.6.9): another name for `headerName`. */
export function unicodePathExtra(
  name: string,
  headerName: string,
  options: { readonly crc32?: number; readonly version?: number } = {},
): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt8(options.version ?? 1, 0)
  head.writeUInt32LE(options.crc32 ?? crc32(headerName), 1)
  return extraField(0x7075, Buffer.concat([head, Buffer.from(name)]))
}
