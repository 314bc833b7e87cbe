import { writeZip, type ZipMember } from '../support/zip-writer.ts'
import type { HostileCase } from './cases.ts'

const named = (name: string | Buffer): Buffer => writeZip([{ name, content: 'x' }])
const pair = (...names: readonly string[]): Buffer =>
  writeZip(names.map((name) => ({ name, content: name.endsWith('/') ? '' : 'x' })))
const utf8 = (name: Buffer): Partial<ZipMember> => ({ name, central: { flags: 0x800 }, local: { flags: 0x800 } })

const BAD_CHARACTERS = [
  '\0', '\u0001', '\t', '\n', '\u001b', '\u007f', '\u0085', '\u009f', '\u061c', '\u200e', '\u200f', '\u2028', '\u2029', '\u202a',
  '\u202e', '\u2066', '\u2069', '\ufdd0', '\ufdef', '\ufeff', '\ufffe', '\uffff', '\u{1fffe}', '\u{10ffff}',
] // prettier-ignore
const FINE_NAMES = [
  'ä', 'é', 'e\u0301', '名前', '👩\u200d💻', 'a\u200cb', '\ue000', '\u{f0000}', ' ', ' a', 'a ', 'a.', '.hidden', '...', '..a', 'a..', '~', '$HOME',
  '1:b', 'ab:c', 'con', 'aux.txt', 'nul', 'COM1', '"', "'", '<>|?*', '%2e%2e', '__proto__', 'constructor', 'hasOwnProperty', 'toString', '-rf',
] // prettier-ignore
const BAD_PATHS = [
  '/a', '//a', '/', '//', '..', '../a', 'a/..', 'a/../b', '.', './a', 'a/.', 'a/./b', 'a//b', 'a//', 'C:', 'c:a', 'C:/a', '\\', 'a\\b', '..\\a',
  '\\\\server\\share', '/..', '../', './', '..//',
] // prettier-ignore

/** Rows 29 to 32, 35 to 38, 42, 43: names. */
export const nameCases: readonly HostileCase[] = [
  { row: 29, what: 'an empty name', archive: named(''), verdict: 'name' },
  ...BAD_CHARACTERS.map((char): HostileCase => {
    const code = char.codePointAt(0)?.toString(16)
    return { row: 29, what: `U+${code}`, archive: named(`a${char}b`), verdict: 'name', path: 'a\ufffdb' }
  }),
  ...FINE_NAMES.map((name): HostileCase => ({
    row: 38,
    what: `the name ${name}`,
    archive: named(name),
    verdict: 'accepted',
  })),
  {
    row: 30,
    what: 'bytes that are no UTF-8',
    archive: writeZip([{ name: '', ...utf8(Buffer.from([0x61, 0xff])) }]),
    verdict: 'name',
  },
  {
    row: 30,
    what: 'an overlong slash',
    archive: writeZip([{ name: '', ...utf8(Buffer.from([0xc0, 0xaf])) }]),
    verdict: 'name',
  },
  {
    row: 30,
    what: 'a surrogate',
    archive: writeZip([{ name: '', ...utf8(Buffer.from([0xed, 0xa0, 0x80])) }]),
    verdict: 'name',
  },
  {
    row: 30,
    what: 'UTF-8 that is not marked',
    archive: writeZip([{ name: 'ä', central: { flags: 0 }, local: { flags: 0 } }]),
    verdict: 'name',
  },
  ...BAD_PATHS.map((path): HostileCase => ({
    row: 31,
    what: `the path ${path}`,
    archive: named(path),
    verdict: 'name',
  })),
  { row: 35, what: 'two files of one name', archive: pair('a', 'b', 'a'), verdict: 'duplicate', path: 'a' },
  { row: 35, what: 'two directories of one name', archive: pair('a/', 'a/'), verdict: 'duplicate' },
  { row: 36, what: 'a file and a directory', archive: pair('a', 'a/'), verdict: 'duplicate' },
  { row: 36, what: 'a file with a file in it', archive: pair('a/b', 'a'), verdict: 'duplicate', path: 'a' },
  {
    row: 36,
    what: 'a file with a directory deep in it',
    archive: pair('a', 'a/b/c/d/'),
    verdict: 'duplicate',
    path: 'a',
  },
  {
    row: 37,
    what: 'names that differ in case',
    archive: pair('A', 'a', 'A/b'.toLowerCase() + '2'),
    verdict: 'duplicate',
  },
  { row: 37, what: 'names that differ in case only', archive: pair('Readme', 'README'), verdict: 'accepted' },
  { row: 37, what: 'names that differ in normalization', archive: pair('é', 'e\u0301'), verdict: 'accepted' },
  { row: 42, what: 'the longest component', archive: named('a'.repeat(255)), verdict: 'accepted' },
  { row: 42, what: 'too long a component', archive: named(`b/${'a'.repeat(256)}`), verdict: 'limit' },
  { row: 42, what: 'too long a component in bytes', archive: named('ä'.repeat(128)), verdict: 'limit' },
  { row: 42, what: 'the deepest path', archive: named(Array(256).fill('a').join('/')), verdict: 'accepted' },
  { row: 42, what: 'too deep a path', archive: named(Array(257).fill('a').join('/')), verdict: 'limit' },
  {
    row: 42,
    what: 'the longest path',
    archive: named(`${'a'.repeat(127)}/`.repeat(32).slice(0, -1)),
    verdict: 'accepted',
  },
  { row: 42, what: 'too long a path', archive: named(`${'a'.repeat(127)}/`.repeat(32) + 'bb'), verdict: 'limit' },
]
