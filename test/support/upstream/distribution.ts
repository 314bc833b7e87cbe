import { createHash } from 'node:crypto'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { normalizeProjectName } from '../../../storage/names.ts'
import { readWheelMetadata } from './wheel-metadata.ts'

/** Bytes by position, from memory or from a file that is opened for one response. */
export interface ByteSource {
  read(position: number, length: number): Promise<Buffer>
  close(): Promise<void>
}

/** One file of an index, as its page lists it. */
export interface Distribution {
  readonly filename: string
  /** Normalized. */
  readonly project: string
  readonly version: string
  readonly size: number
  readonly sha256: string
  /** A wheel's METADATA, if it has one. */
  readonly metadata: Buffer | undefined
  readonly requiresPython: string | undefined
  readonly uploadTime: string
  readonly yanked: boolean | string
  open(): Promise<ByteSource>
}

/** A distribution with the bytes given, for one made in code. */
export async function distributionOf(filename: string, bytes: Buffer): Promise<Distribution> {
  const source: ByteSource = {
    read: async (position, length) => bytes.subarray(position, position + length),
    close: async () => {},
  }
  return describe(filename, bytes.length, async () => source)
}

/** Every wheel and sdist of a folder; their bytes stay on the disk. */
export async function distributionsIn(folder: string): Promise<Distribution[]> {
  const names = (await readdir(folder)).filter((name) => /\.(whl|tar\.gz)$/.test(name))
  return Promise.all(names.map((name) => distributionAt(join(folder, name), name)))
}

async function distributionAt(path: string, filename: string): Promise<Distribution> {
  await using file = await open(path)
  const { size } = await file.stat()
  return await describe(filename, size, () => openFile(path))
}

async function openFile(path: string): Promise<ByteSource> {
  const file = await open(path)
  return {
    async read(position, length) {
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, position)
      return buffer.subarray(0, bytesRead)
    },
    close: () => file.close(),
  }
}

async function describe(filename: string, size: number, openSource: () => Promise<ByteSource>): Promise<Distribution> {
  const source = await openSource()
  try {
    const metadata = filename.endsWith('.whl') ? await readWheelMetadata(source, size) : undefined
    return {
      ...parseName(filename),
      filename,
      size,
      sha256: await hash(source, size),
      metadata,
      requiresPython: metadata && /^Requires-Python: *(.*?)\r?$/m.exec(metadata.toString())?.[1],
      uploadTime: '2026-01-02T03:04:05.678901Z',
      yanked: false,
      open: openSource,
    }
  } finally {
    await source.close()
  }
}

async function hash(source: ByteSource, size: number): Promise<string> {
  const sha256 = createHash('sha256')
  for (let position = 0; position < size;) {
    const bytes = await source.read(position, 1 << 20)
    if (bytes.length === 0) throw new Error(`the file ends at ${position} of ${size} bytes`)
    sha256.update(bytes)
    position += bytes.length
  }
  return sha256.digest('hex')
}

function parseName(filename: string): { project: string; version: string } {
  const wheel = /^([^-]+)-([^-]+)-.*\.whl$/.exec(filename)
  const sdist = /^(.+)-([^-]+)\.tar\.gz$/.exec(filename)
  const [, name, version] = wheel ?? sdist ?? []
  if (name === undefined || version === undefined) throw new Error(`${filename} is neither a wheel nor an sdist`)
  return { project: normalizeProjectName(name), version }
}
