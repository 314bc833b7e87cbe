import { ArchiveRefusedError } from '../errors.ts'
import type { TreePath } from '../names.ts'
import { findPathFault } from '../tree-path.ts'
import type { ArchiveLimits } from './policy.ts'

const UTF8_FLAG = 0x800
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The path that a member's name stands for; a name that ends in "/" is a directory's. */
interface MemberName {
  readonly path: TreePath
  readonly isDirectory: boolean
}

/** Reads a name as it is in a header (test/hostile, rows 29 to 32 and 42). Throws {@link ArchiveRefusedError}. */
export function parseMemberName(raw: Buffer, flags: number, limits: ArchiveLimits): MemberName {
  const text = decode(raw, flags)
  const isDirectory = text.endsWith('/')
  const path = isDirectory ? text.slice(0, -1) : text
  const fault = findPathFault(path)
  if (fault !== undefined) throw new ArchiveRefusedError('name', fault, printable(raw))
  assertWithin(raw, path, limits)
  return { path: path as TreePath, isDirectory }
}

/** A name that may hold anything, as text that can be shown. */
export function printable(raw: Buffer): string {
  const text = raw.subarray(0, 200).toString()
  return Array.from(text, (char) => (isPrintable(char) ? char : '\ufffd')).join('')
}

/** As in the third place of a name, where a colon makes no drive. */
function isPrintable(char: string): boolean {
  return char === '/' || char === '\\' || findPathFault(`aa${char}`) === undefined
}

export function isAscii(raw: Buffer): boolean {
  return !/[^\0-\x7f]/.test(raw.toString('latin1'))
}

function decode(raw: Buffer, flags: number): string {
  if (isAscii(raw)) return raw.toString('latin1')
  if ((flags & UTF8_FLAG) === 0)
    throw new ArchiveRefusedError('name', 'the name is not marked as UTF-8', printable(raw))
  try {
    return utf8.decode(raw)
  } catch (error) {
    throw new ArchiveRefusedError('name', 'the name is not UTF-8', printable(raw), { cause: error })
  }
}

function assertWithin(raw: Buffer, path: string, limits: ArchiveLimits): void {
  if (raw.length <= limits.maxComponentBytes && raw.length <= limits.maxPathBytes && raw.length <= limits.maxDepth)
    return
  const components = path.split('/')
  const tooLong = components.some((component) => Buffer.byteLength(component) > limits.maxComponentBytes)
  if (tooLong || Buffer.byteLength(path) > limits.maxPathBytes || components.length > limits.maxDepth) {
    throw new ArchiveRefusedError('limit', 'the name is too long', printable(raw))
  }
}
