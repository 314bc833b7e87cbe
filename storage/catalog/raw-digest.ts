import type { Blake3, Sha256 } from '../digest.ts'

/** A digest as the database has it: 32 raw bytes, half of the hex. */
export function rawDigest(hex: string): Uint8Array {
  return Buffer.from(hex, 'hex')
}

/** The way back, for bytes that the database gave. */
export function hexDigest(raw: Uint8Array): string {
  return Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('hex')
}

export function blake3Of(raw: Uint8Array): Blake3 {
  return hexDigest(raw) as Blake3
}

export function sha256Of(raw: Uint8Array): Sha256 {
  return hexDigest(raw) as Sha256
}
