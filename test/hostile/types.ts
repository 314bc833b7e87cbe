import { deflateRawSync } from 'node:zlib'
import { writeZip } from '../support/zip-writer.ts'
import type { HostileCase } from './cases.ts'

const mode = (name: string, bits: number): Buffer => writeZip([{ name, mode: bits }])
const dos = (name: string, attributes: number): Buffer =>
  writeZip([{ name, central: { externalAttributes: attributes } }])

/** Rows 33, 34, 39 to 41, 47: kinds of members. */
export const typeCases: readonly HostileCase[] = [
  {
    row: 33,
    what: 'a directory with contents',
    archive: writeZip([{ name: 'a/', content: 'x' }]),
    verdict: 'directory-entry',
  },
  {
    row: 33,
    what: 'a directory with hidden contents',
    archive: writeZip([{ name: 'a/', method: 8, compressed: Buffer.from([1, 0, 0, 255, 255, 3, 0]) }]),
    verdict: 'directory-entry',
  },
  { row: 33, what: 'a directory by name, a file by mode', archive: mode('a/', 0o100644), verdict: 'directory-entry' },
  { row: 33, what: 'a file by name, a directory by mode', archive: mode('a', 0o40755), verdict: 'directory-entry' },
  { row: 33, what: "a file by name, a directory by MS-DOS's bit", archive: dos('a', 0x10), verdict: 'directory-entry' },
  {
    row: 33,
    what: 'a directory with an empty stream',
    archive: writeZip([{ name: 'a/', method: 8, compressed: deflateRawSync('') }]),
    verdict: 'accepted',
  },
  {
    row: 33,
    what: 'a directory with a descriptor',
    archive: writeZip([{ name: 'a/', descriptor: {} }]),
    verdict: 'accepted',
  },
  {
    row: 33,
    what: 'a directory with a stream of nonsense',
    archive: writeZip([{ name: 'a/', method: 8, compressed: Buffer.from([7, 7]) }]),
    verdict: 'deflate',
  },
  { row: 34, what: 'a directory', archive: mode('a/', 0o40755), verdict: 'accepted' },
  { row: 34, what: 'a directory without attributes', archive: dos('a/', 0), verdict: 'accepted' },
  {
    row: 39,
    what: 'a symbolic link',
    archive: writeZip([{ name: 'a', content: '/etc/passwd', mode: 0o120777 }]),
    verdict: 'special-file',
  },
  { row: 40, what: 'a device', archive: mode('a', 0o20644), verdict: 'special-file' },
  { row: 40, what: 'a block device', archive: mode('a', 0o60644), verdict: 'special-file' },
  { row: 40, what: 'a pipe', archive: mode('a', 0o10644), verdict: 'special-file' },
  { row: 40, what: 'a socket', archive: mode('a', 0o140644), verdict: 'special-file' },
  { row: 40, what: 'setuid, setgid and sticky', archive: mode('a', 0o107755), verdict: 'accepted' },
  { row: 41, what: 'an executable', archive: mode('a', 0o100700), verdict: 'accepted' },
  { row: 41, what: 'a mode without a type', archive: mode('a', 0o644), verdict: 'accepted' },
  {
    row: 47,
    what: 'a zip in the zip',
    archive: writeZip([{ name: 'a.zip', content: mode('b', 0o644), method: 0 }]),
    verdict: 'accepted',
  },
]
