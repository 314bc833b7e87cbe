import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { get, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Arbor } from '../support/arbor.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { distributionOf } from '../support/upstream/distribution.ts'
import { makeWheel, wheelFilename } from '../support/zip-writer.ts'

const recipe = { name: 'big', version: '1.0' }
export const bigName = wheelFilename(recipe)
export const bigWheel = makeWheel({ ...recipe, files: { 'big/data.bin': randomBytes(3_000_000) } })
const small = { name: 'small', version: '1.0' }
export const smallName = wheelFilename(small)
export const smallWheel = makeWheel({ ...small, files: { 'small/__init__.py': 'stored = True\n' } })

/** An upstream of a large and a small wheel, and a data folder that outlives the processes on it. */
export async function openPlace(t: TestContext): Promise<{ upstream: Upstream; data: string }> {
  const distributions = [await distributionOf(bigName, bigWheel), await distributionOf(smallName, smallWheel)]
  const upstream = await startUpstream({ distributions })
  const data = await mkdtemp(join(tmpdir(), 'arbor-killed-'))
  t.after(async () => {
    await upstream[Symbol.asyncDispose]()
    await rm(data, { recursive: true })
  })
  return { upstream, data }
}

/** The URL of a file, as Arbor's page gives it. */
export async function locate(arbor: Arbor, project: string): Promise<string> {
  const pageUrl = `${arbor.index}${project}/`
  const headers = { accept: 'application/vnd.pypi.simple.v1+json' }
  const page = (await (await fetch(pageUrl, { headers })).json()) as { files: { url: string }[] }
  assert.equal(page.files.length, 1)
  return new URL(page.files[0]!.url, pageUrl).href
}

/** A response that is read bit by bit, with whatever becomes of it. */
export interface Reading {
  /** Resolves once so many bytes have come, or none will come any more. */
  atLeast(bytes: number): Promise<void>
  /** The whole body; undefined where it was broken off. */
  readonly whole: Promise<Buffer | undefined>
  leave(): void
}

/** Starts to read a file from Arbor. */
export function startReading(url: string): Reading {
  const chunks: Buffer[] = []
  let size = 0
  const waiting = new Set<{ readonly bytes: number; readonly resume: () => void }>()
  const { promise: whole, resolve } = Promise.withResolvers<Buffer | undefined>()
  const wake = (received: number): void => {
    for (const each of waiting) if (each.bytes <= received) each.resume()
  }
  const finish = (body: Buffer | undefined): void => {
    resolve(body)
    wake(Infinity)
  }
  const request = get(url, { agent: false }, (response: IncomingMessage) => {
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      size += chunk.length
      wake(size)
    })
    response.on('error', () => finish(undefined))
    response.on('end', () => {
      finish(response.complete && response.statusCode === 200 ? Buffer.concat(chunks) : undefined)
    })
  })
  request.on('error', () => finish(undefined))
  return {
    atLeast: (bytes) =>
      new Promise((resume) => {
        if (size >= bytes) resume()
        else waiting.add({ bytes, resume })
        void whole.then(() => resume())
      }),
    whole,
    leave: () => void request.destroy(),
  }
}

export function isBig(body: Buffer | undefined): boolean {
  return body !== undefined && sha256(body) === sha256(bigWheel)
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Files in the staging folder, of whatever process; lock files aside. */
export async function stagedIn(data: string): Promise<string[]> {
  const found = await readdir(join(data, 'staging'), { recursive: true, withFileTypes: true })
  return found.filter((each) => each.isFile() && !each.name.endsWith('.lock')).map(({ name }) => name)
}

/** Requests for the large wheel so far. */
export function bigAsked(upstream: Upstream): Upstream['requests'] {
  return upstream.requests.filter(({ path }) => path.endsWith(bigName))
}
