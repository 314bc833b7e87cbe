import type { Blake3 } from '../digest.ts'
import type { Place } from '../model.ts'
import type { TreePath } from '../names.ts'
import type { Share, Task } from './plan.ts'
import { Queue } from './queue.ts'
import type { Work } from './unpack-share.ts'
import type { UnpackResult } from './unpack-result.ts'

/**
 * A long list in few large values, to be sent between threads. Thousands of small objects, or strings, take ten times as long, of which half is
 * the receiver's, and the receiver may be the thread that serves.
 */
export interface Flat {
  readonly texts: FlatTexts
  readonly numbers: Float64Array
}

declare const brand: unique symbol

/** Texts without a control character, such as paths of a tree and digests. */
type FlatTexts = string & { readonly [brand]: 'FlatTexts' }

const SEPARATOR = '\0'

function flattenTexts(texts: readonly string[]): FlatTexts {
  return texts.join(SEPARATOR) as FlatTexts
}

/** What {@link flattenTexts} was given; one empty text for none. */
function textsOf(flat: FlatTexts): string[] {
  return flat.split(SEPARATOR)
}

/** Where something that is not there would be. */
const NONE = -1

const TASK_TEXTS = 3
const TASK_NUMBERS = 9

export function flattenShare(share: Share): Flat {
  const texts: string[] = []
  const numbers = new Float64Array(share.length * TASK_NUMBERS)
  let at = 0
  for (const { member, listing } of share) {
    texts.push(member.path, listing?.algorithm ?? '', listing?.hex ?? '')
    const { isDirectory, isExecutable, method, crc32, size, dataOffset, compressedSize } = member
    const bits = [Number(isDirectory), Number(isExecutable), Number(listing !== undefined)]
    numbers.set([...bits, method, crc32, size, dataOffset, compressedSize, listing?.size ?? NONE], at)
    at += TASK_NUMBERS
  }
  return { texts: flattenTexts(texts), numbers }
}

/** What {@link flattenShare} was given. */
export function shareOf({ texts: flat, numbers }: Flat): Share {
  const texts = textsOf(flat)
  return Array.from({ length: numbers.length / TASK_NUMBERS }, (_, index): Task => {
    const text = (column: number): string => texts[index * TASK_TEXTS + column] ?? ''
    const number = (column: number): number => numbers[index * TASK_NUMBERS + column] ?? 0
    const listedSize = number(8)
    const member = {
      path: text(0) as TreePath,
      isDirectory: number(0) === 1,
      isExecutable: number(1) === 1,
      method: number(3),
      crc32: number(4),
      size: number(5),
      dataOffset: number(6),
      compressedSize: number(7),
    }
    const algorithm = text(1) === '' ? undefined : text(1)
    const listing = { algorithm, hex: text(2), size: listedSize === NONE ? undefined : listedSize }
    return { member, listing: number(2) === 1 ? listing : undefined }
  })
}

/** What a thread is to do, as it is sent to it; of the queue both have the same count. */
export interface FlatWork {
  readonly large: Flat
  readonly taken: SharedArrayBuffer
  readonly share: Flat
}

export function flattenWork({ queue, share }: Work): FlatWork {
  return { large: flattenShare(queue.tasks), taken: queue.taken, share: flattenShare(share) }
}

/** What {@link flattenWork} was given. */
export function workOf({ large, taken, share }: FlatWork): Work {
  return { queue: new Queue(shareOf(large), taken), share: shareOf(share) }
}

type Placed = readonly (readonly [blake3: Blake3, place: Place])[]

const PLACE_NUMBERS = 3

/** The texts are the digests, and after them those of the packs, each once. */
export function flattenPlaces(placed: Placed): Flat {
  const packs = new Map<Blake3, number>()
  const numbers = new Float64Array(placed.length * PLACE_NUMBERS)
  let at = 0
  for (const [, place] of placed) {
    if (place.kind === 'file') numbers.set([NONE, 0, place.size], at)
    else {
      const pack = packs.get(place.pack) ?? placed.length + packs.size
      packs.set(place.pack, pack)
      numbers.set([pack, place.offset, place.size], at)
    }
    at += PLACE_NUMBERS
  }
  return { texts: flattenTexts([...placed.map(([blake3]) => blake3), ...packs.keys()]), numbers }
}

/** What {@link flattenPlaces} was given. */
export function placesOf({ texts, numbers }: Flat): Placed {
  const digests = textsOf(texts) as Blake3[]
  return digests.slice(0, numbers.length / PLACE_NUMBERS).map((blake3, index) => {
    const number = (column: number): number => numbers[index * PLACE_NUMBERS + column] ?? 0
    const size = number(2)
    const pack = digests[number(0)]
    return [blake3, pack === undefined ? { kind: 'file', size } : { kind: 'packed', pack, offset: number(1), size }]
  })
}

/** What a wheel became, as its thread sends it. */
export interface FlatResult extends Omit<UnpackResult, 'unpacked'> {
  readonly unpacked: Omit<UnpackResult['unpacked'], 'placed' | 'blobs'>
  readonly placed: Flat
  readonly blobs: FlatTexts
}

export function flattenResult({ unpacked: { placed, blobs, ...unpacked }, ...result }: UnpackResult): FlatResult {
  return { ...result, unpacked, placed: flattenPlaces(placed), blobs: flattenTexts(blobs) }
}

/** What {@link flattenResult} was given. */
export function resultOf({ unpacked, placed, blobs, ...result }: FlatResult): UnpackResult {
  return { ...result, unpacked: { ...unpacked, placed: placesOf(placed), blobs: textsOf(blobs) as Blake3[] } }
}
