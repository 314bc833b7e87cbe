import { extraField } from '../support/zip-extra.ts'
import { writeZip, type ZipOptions } from '../support/zip-writer.ts'
import { type HostileCase, sound } from './cases.ts'

const two = [sound, { name: 'other.txt', content: 'other' }]
const zip = (options: ZipOptions = {}): Buffer => writeZip(two, options)
const NUL = Buffer.alloc(1)

/** Rows 1 to 10, 22, 23, 49: the archive around the members. */
export const envelopeCases: readonly HostileCase[] = [
  { row: 1, what: 'nothing', archive: Buffer.alloc(0), verdict: 'not-a-zip' },
  { row: 1, what: 'garbage', archive: Buffer.alloc(5000, 'garbage'), verdict: 'not-a-zip' },
  { row: 1, what: 'cut in the end record', archive: zip().subarray(0, -3), verdict: 'not-a-zip' },
  { row: 1, what: 'cut in the middle', archive: zip().subarray(0, 60), verdict: 'not-a-zip' },
  { row: 1, what: 'an end record alone', archive: writeZip([]), verdict: 'accepted' },
  { row: 3, what: 'a byte after the end', archive: zip({ suffix: Buffer.from('x') }), verdict: 'trailing-data' },
  { row: 3, what: 'a NUL after the end', archive: zip({ suffix: NUL }), verdict: 'trailing-data' },
  { row: 4, what: 'a prefix', archive: zip({ prefix: Buffer.from('#!/bin/sh\n') }), verdict: 'prefix' },
  {
    row: 4,
    what: 'a prefix that the offsets do not count',
    archive: zip({ prefix: Buffer.from('#!/bin/sh\n'), rebase: false }),
    verdict: 'prefix',
  },
  { row: 5, what: 'a zip in the comment', archive: zip({ comment: zip() }), verdict: 'comment' },
  {
    row: 5,
    what: 'a control character in the comment',
    archive: zip({ comment: Buffer.from([2]) }),
    verdict: 'comment',
  },
  {
    row: 5,
    what: 'two end records',
    archive: zip({ beforeEnd: zip().subarray(-22) }),
    verdict: 'not-a-zip',
  },
  {
    row: 5,
    what: 'an end record that begins in the last fields of another',
    archive: () =>
      writeZip([{ name: 'zeros', method: 0, content: Buffer.alloc(0x054b5000 - 35) }], {
        comment: Buffer.alloc(0x0106, ' '),
      }),
    verdict: 'not-a-zip',
  },
  {
    row: 6,
    what: 'a plain comment',
    archive: zip({ comment: Buffer.from('built 2026\tby é\r\n') }),
    verdict: 'accepted',
  },
  { row: 6, what: 'the longest comment', archive: zip({ comment: Buffer.alloc(65535, 'c') }), verdict: 'accepted' },
  {
    row: 7,
    what: 'too high a count',
    archive: zip({ end: { entries: 3, entriesOnDisk: 3 } }),
    verdict: 'directory-mismatch',
  },
  {
    row: 7,
    what: 'too low a count',
    archive: zip({ end: { entries: 1, entriesOnDisk: 1 } }),
    verdict: 'directory-mismatch',
  },
  { row: 7, what: 'two counts', archive: zip({ end: { entriesOnDisk: 1 } }), verdict: 'directory-mismatch' },
  {
    row: 7,
    what: 'too small a directory',
    archive: zip({ end: { directorySize: 60 } }),
    verdict: 'directory-mismatch',
  },
  {
    row: 7,
    what: 'a directory of 4 GB',
    archive: zip({ end: { directorySize: 0xfffffffe } }),
    verdict: 'directory-mismatch',
  },
  {
    row: 7,
    what: 'a directory elsewhere',
    archive: zip({ end: { directoryOffset: 200 } }),
    verdict: 'directory-mismatch',
  },
  {
    row: 7,
    what: 'bytes between directory and end',
    archive: zip({ beforeEnd: Buffer.from('between') }),
    verdict: 'directory-mismatch',
  },
  {
    row: 7,
    what: 'an entry longer than the directory',
    archive: writeZip([{ ...sound, central: { comment: Buffer.from('c') } }], { end: { directorySize: 55 } }),
    verdict: 'directory-mismatch',
  },
  {
    row: 8,
    what: 'bytes between members',
    archive: writeZip([sound, { name: 'b', content: 'b', before: Buffer.from('gap') }]),
    verdict: 'gap',
  },
  { row: 8, what: 'bytes before the directory', archive: zip({ beforeDirectory: Buffer.from('gap') }), verdict: 'gap' },
  {
    row: 8,
    what: 'a member that the directory does not list',
    archive: writeZip([
      sound,
      { name: 'hidden', content: 'hidden', omitCentral: true },
      { name: 'last', content: 'l' },
    ]),
    verdict: 'gap',
  },
  {
    row: 9,
    what: 'an entry without a member',
    archive: writeZip([sound, { name: 'ghost', content: '', method: 0, omitLocal: true }]),
    verdict: 'overlap',
    path: 'ghost',
  },
  {
    row: 9,
    what: 'a member without its signature',
    archive: writeZip([{ ...sound, local: { signature: 0x04034b51 } }]),
    verdict: 'local-header',
  },
  {
    row: 9,
    what: 'an entry without its signature',
    archive: writeZip([{ ...sound, central: { signature: 0x02014b51 } }]),
    verdict: 'directory-mismatch',
  },
  {
    row: 10,
    what: 'two entries for one member',
    archive: writeZip([sound, { name: 'twin.txt', content: 'sound', omitLocal: true, central: { offset: 0 } }]),
    verdict: 'overlap',
  },
  {
    row: 10,
    what: 'a member that quotes the next',
    archive: writeZip([{ ...sound, central: { compressedSize: 60 }, local: { compressedSize: 60 } }, { name: 'b' }]),
    verdict: 'overlap',
    path: 'sound.txt',
  },
  { row: 22, what: 'a ZIP64 end', archive: zip({ end64: {} }), verdict: 'accepted' },
  {
    row: 22,
    what: 'a ZIP64 end beside an end that says the same',
    archive: zip({ end64: {}, end: { entries: 2, entriesOnDisk: 2 } }),
    verdict: 'accepted',
  },
  { row: 23, what: 'extensible data', archive: zip({ end64: { extensible: Buffer.from('data') } }), verdict: 'zip64' },
  { row: 23, what: 'a ZIP64 end that is too short', archive: zip({ end64: { recordSize: 43 } }), verdict: 'zip64' },
  { row: 23, what: 'a locator to elsewhere', archive: zip({ end64: { locatorOffset: 0 } }), verdict: 'zip64' },
  { row: 23, what: 'a locator to several volumes', archive: zip({ end64: { locatorDisks: 2 } }), verdict: 'zip64' },
  {
    row: 23,
    what: 'two ends that disagree on the count',
    archive: zip({ end64: {}, end: { entries: 1, entriesOnDisk: 1 } }),
    verdict: 'zip64',
  },
  { row: 23, what: 'a count beyond reason', archive: zip({ end64: { entries: 2 ** 60 } }), verdict: 'zip64' },
  {
    row: 26,
    what: 'a ZIP64 end of a later version',
    archive: zip({ end64: { versionNeeded: 64 } }),
    verdict: 'unsupported',
  },
  { row: 26, what: 'one volume of several', archive: zip({ end: { disk: 1 } }), verdict: 'unsupported' },
  {
    row: 26,
    what: 'a directory on another volume',
    archive: zip({ end: { directoryDisk: 1 } }),
    verdict: 'unsupported',
  },
  {
    row: 49,
    what: '65,535 entries without ZIP64',
    archive: () => writeZip(Array.from({ length: 65535 }, (_, index) => ({ name: `f${index}`, method: 0 }))),
    verdict: 'accepted',
  },
  {
    row: 49,
    what: '70,000 entries with ZIP64',
    archive: () =>
      writeZip(
        Array.from({ length: 70_000 }, (_, index) => ({ name: `f${index}`, method: 0 })),
        { end64: {} },
      ),
    verdict: 'accepted',
  },
  {
    row: 25,
    what: 'an unknown extra field',
    archive: writeZip([{ ...sound, local: { extra: extraField(0x5455, Buffer.alloc(5)) } }]),
    verdict: 'accepted',
  },
]
