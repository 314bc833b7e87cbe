import { MalformedError } from './errors.ts'
import type { TreePath } from './names.ts'

/**
 * Characters that no path may hold: control characters, noncharacters, those that reorder text, and line separators. A fixed
 * list, since a verdict must not change with the runtime's Unicode tables (test/hostile, row 29): these two properties never change.
 */
const FORBIDDEN = /[\p{Cc}\p{Noncharacter_Code_Point}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u

/** Printable ASCII without a backslash, no empty or dotted component, no drive: the quick answer for almost every path. */
const PLAIN = /^(?![A-Za-z]:)(?!\.)[!-.0-[\]-~ ]+(\/(?!\.\.?(\/|$))[!-.0-[\]-~ ]+)*$/

/** Why `text` is no path of a tree (test/hostile, rows 29, 31 and 32); undefined where it is one. */
export function findPathFault(text: string): string | undefined {
  if (PLAIN.test(text)) return undefined
  if (text === '') return 'the name is empty'
  if (!text.isWellFormed()) return 'the name is not Unicode'
  if (FORBIDDEN.test(text)) return 'the name holds control or invisible characters'
  if (text.includes('\\')) return 'the name holds a backslash'
  if (text.startsWith('/')) return 'the name is absolute'
  if (/^[A-Za-z]:/.test(text)) return 'the name begins with a drive'
  const isCanonical = text.split('/').every((component) => component !== '' && component !== '.' && component !== '..')
  return isCanonical ? undefined : 'the name is not canonical'
}

/** Throws {@link MalformedError}. */
export function parseTreePath(text: string): TreePath {
  const fault = findPathFault(text)
  if (fault !== undefined) throw new MalformedError('path of a tree', text, fault)
  return text as TreePath
}

/**
 * The order of the UTF-8 bytes, which is the order of code points; that of UTF-16, JavaScript's own, puts a surrogate before U+E000 to
 * U+FFFF.
 */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index += 1) {
    const left = a.charCodeAt(index)
    const right = b.charCodeAt(index)
    if (left !== right) return rank(left) - rank(right)
  }
  return a.length - b.length
}

/** A code unit's rank: surrogates come last, since they stand for the code points above U+FFFF. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}
