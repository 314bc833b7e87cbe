import { createHash, getHashes, hash as hashOnce, randomBytes, type Hash } from 'node:crypto'
import { createRequire } from 'node:module'
import type * as NativeBlake from '@napi-rs/blake-hash'
import type * as PortableBlake from 'blake3'
import { MalformedError } from './errors.ts'

declare const brand: unique symbol

/** 64 lower-case hex digits: the BLAKE3 of some bytes, and so the name of a blob. */
export type Blake3 = string & { readonly [brand]: 'blake3' }

/** 64 lower-case hex digits: the SHA-256 of some bytes, which is what indexes and lock files speak. */
export type Sha256 = string & { readonly [brand]: 'sha256' }

/** `algorithm:hex`, parsed (the notation is OCI's). */
export type Digest =
  { readonly algorithm: 'blake3'; readonly hex: Blake3 } | { readonly algorithm: 'sha256'; readonly hex: Sha256 }

/** A stream of bytes on its way to 64 hex digits. */
export interface Blake3Hasher {
  update(bytes: Uint8Array): void
  hex(): Blake3
}

interface Blake3Backend {
  readonly hash: (bytes: Uint8Array) => Blake3
  readonly hasher: () => Blake3Hasher
  /** BLAKE3's key derivation mode (BLAKE3 paper, section 2.3): the digest of `material` in the domain `context`. */
  readonly deriveKey: (context: string, material: Uint8Array) => Buffer
}

const load = createRequire(import.meta.url)

/** `@napi-rs/blake-hash`: prebuilt native code, ten times as fast as WebAssembly, where its binary for this platform is there. */
export function nativeBackend(): Blake3Backend | undefined {
  try {
    const native = load('@napi-rs/blake-hash') as typeof NativeBlake
    // One for all one-shot hashes: to make a hasher costs as much as to hash a small file.
    const shared = new native.Blake3Hasher()
    return {
      hash(bytes) {
        shared.reset()
        return shared.update(asBuffer(bytes)).digest('hex') as Blake3
      },
      hasher() {
        const hasher = new native.Blake3Hasher()
        return { update: (bytes) => void hasher.update(asBuffer(bytes)), hex: () => hasher.digest('hex') as Blake3 }
      },
      deriveKey: (context, material) => native.Blake3Hasher.deriveKey(context, asBuffer(material)),
    }
  } catch {
    // An optional dependency: absent on a platform without a binary, or after `npm ci --omit=optional`.
    return undefined
  }
}

/** Frees hashers that nobody finished, as when a client left: each holds two kilobytes of WebAssembly's memory, which is not garbage-collected. */
const abandoned = new FinalizationRegistry<{ dispose(): void }>((hash) => hash.dispose())

/** `blake3`: WebAssembly, which runs wherever Node does. */
export function portableBackend(): Blake3Backend {
  const wasm = load('blake3') as typeof PortableBlake
  return {
    hash: (bytes) => wasm.hash(bytes).toString('hex') as Blake3,
    hasher() {
      const hash = wasm.createHash()
      const hasher = {
        update: (bytes: Uint8Array) => void hash.update(bytes),
        hex() {
          abandoned.unregister(hash)
          return hash.digest('hex') as Blake3
        },
      }
      abandoned.register(hasher, hash, hash)
      return hasher
    },
    deriveKey: (context, material) => Buffer.from(wasm.deriveKey(context, material)),
  }
}

/** A view, not a copy. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

const backend = nativeBackend() ?? portableBackend()

/** The BLAKE3 of bytes that are in memory anyway. */
export const hashBlake3: (bytes: Uint8Array) => Blake3 = backend.hash

/** Starts a BLAKE3 over bytes that come in pieces. */
export const createBlake3: () => Blake3Hasher = backend.hasher

/** BLAKE3's key derivation mode; 32 raw bytes. */
export const deriveKey: (context: string, material: Uint8Array) => Buffer = backend.deriveKey

/** The SHA-256 of bytes that are in memory anyway. */
export function hashSha256(bytes: Uint8Array): Sha256 {
  return hashOnce('sha256', bytes, 'hex') as Sha256
}

/** 32 random bytes as 64 hex digits: a secret that nobody guesses. */
export function randomToken(): string {
  return randomBytes(32).toString('hex')
}

/** hashlib's names (PEP 503 allows any of them on a page) that node's `crypto` spells differently. */
const OPENSSL_NAMES: Readonly<Record<string, string>> = {
  blake2b: 'blake2b512',
  blake2s: 'blake2s256',
  sha3_224: 'sha3-224',
  sha3_256: 'sha3-256',
  sha3_384: 'sha3-384',
  sha3_512: 'sha3-512',
}

const supported = new Set(getHashes())

/** Can {@link Hashing} compute this algorithm, by hashlib's name? */
export function isHashAlgorithm(name: string): boolean {
  return supported.has(OPENSSL_NAMES[name] ?? name)
}

/** A stream of bytes on its way to a digest by one algorithm. */
export interface Hasher {
  update(bytes: Uint8Array): void
  hex(): string
}

/** Starts a hash by hashlib's name for it. Throws where {@link isHashAlgorithm} says no. */
export function createHasher(algorithm: string): Hasher {
  const hash = createHash(OPENSSL_NAMES[algorithm] ?? algorithm)
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest('hex') }
}

/** SHA-256, BLAKE3 and any further algorithms of bytes that pass by once. */
export class Hashing {
  readonly #blake3 = createBlake3()
  readonly #hashes = new Map<string, Hash>()

  /** @param algorithms further ones by hashlib's names (`md5`, `sha512` …), for an index that lists no SHA-256. */
  constructor(algorithms: Iterable<string> = []) {
    for (const algorithm of ['sha256', ...algorithms]) {
      this.#hashes.set(algorithm, createHash(OPENSSL_NAMES[algorithm] ?? algorithm))
    }
  }

  update(bytes: Uint8Array): void {
    this.#blake3.update(bytes)
    for (const hash of this.#hashes.values()) hash.update(bytes)
  }

  /** Ends the pass. `hex` gives any of the algorithms asked for. Call it once. */
  finish(): Digests {
    const hexes = new Map([...this.#hashes].map(([algorithm, hash]) => [algorithm, hash.digest('hex')]))
    return { blake3: this.#blake3.hex(), sha256: hexes.get('sha256') as Sha256, hexes }
  }
}

export interface Digests {
  readonly blake3: Blake3
  readonly sha256: Sha256
  /** Every algorithm but BLAKE3, by its name in lower case. */
  readonly hexes: ReadonlyMap<string, string>
}

const HEX_64 = /^[0-9a-f]{64}$/

/** `blake3:<64 hex>` or `sha256:<64 hex>`, lower case as OCI has it. Throws {@link MalformedError}. */
export function parseDigest(text: string): Digest {
  const colon = text.indexOf(':')
  const algorithm = text.slice(0, colon)
  const hex = text.slice(colon + 1)
  if (!HEX_64.test(hex)) throw malformedDigest(text)
  if (algorithm === 'blake3') return { algorithm, hex: hex as Blake3 }
  if (algorithm === 'sha256') return { algorithm, hex: hex as Sha256 }
  throw malformedDigest(text)
}

function malformedDigest(text: string): MalformedError {
  return new MalformedError('digest', text, 'write sha256: or blake3: and 64 lower-case hex digits')
}

/** 64 hex digits of a BLAKE3, from a catalog or a file name of ours. Throws {@link MalformedError}. */
export function parseBlake3(hex: string): Blake3 {
  if (!HEX_64.test(hex)) throw new MalformedError('BLAKE3', hex, 'it has 64 lower-case hex digits')
  return hex as Blake3
}

/** 64 hex digits of a SHA-256, as in a file URL of ours; an index's upper case is folded. Throws {@link MalformedError}. */
export function parseSha256(hex: string): Sha256 {
  const folded = hex.toLowerCase()
  if (!HEX_64.test(folded)) throw new MalformedError('SHA-256', hex, 'it has 64 hex digits')
  return folded as Sha256
}
