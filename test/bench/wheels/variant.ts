import { readFile } from 'node:fs/promises'
import { type Distribution, distributionOf } from '../../support/upstream/distribution.ts'

/** A real wheel with another build tag and other bytes, so that nobody has it yet; it unpacks to the same files. */
export interface Variant {
  /** Path of the wheel. */
  readonly wheel: string
  /** From 1 to 999. */
  readonly build: number
}

/** Its file name: PEP 427, the build tag comes after the version. */
export function variantFilename({ wheel, build }: Variant): string {
  const filename = wheel.slice(wheel.lastIndexOf('/') + 1)
  return filename.replace(/^([^-]+-[^-]+)-/, `$1-${build}-`)
}

export async function readVariant(variant: Variant): Promise<Buffer> {
  const bytes = await readFile(variant.wheel)
  changeTime(bytes, variant.build)
  return bytes
}

/** As an index serves it. */
export async function publishVariant(variant: Variant): Promise<Distribution> {
  return distributionOf(variantFilename(variant), await readVariant(variant))
}

const LOCAL = 0x04034b50
const CENTRAL = 0x02014b50

/** Sets the time of the first member, which no unpacked byte depends on. APPNOTE.TXT 4.4.6 */
function changeTime(bytes: Buffer, build: number): void {
  const end = bytes.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'))
  const central = end < 0 ? -1 : bytes.readUInt32LE(end + 16)
  if (central < 0 || bytes.readUInt32LE(central) !== CENTRAL) throw new Error('the wheel has no central directory')
  const local = bytes.readUInt32LE(central + 42)
  if (bytes.readUInt32LE(local) !== LOCAL) throw new Error('the wheel has no member where its directory says')
  // Two-second steps from midnight, with the fields of the format.
  const time = (Math.floor(build / 30) << 5) | (build % 30)
  bytes.writeUInt16LE(time, local + 10)
  bytes.writeUInt16LE(time, central + 12)
}
