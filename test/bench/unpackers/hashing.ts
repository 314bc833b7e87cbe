import { runProgram } from '../servers/child.ts'
import type { UnpackerKind } from './unpacker-kind.ts'

const main = new URL('./unpack-main.ts', import.meta.url)

/** Arbor's unpacking in a process of its own, without a catalog. */
export const hashing: UnpackerKind = inProcess('with BLAKE3', [])

/** The same with a BLAKE3 that costs nothing. */
export const notHashing: UnpackerKind = inProcess('without', [
  '--import',
  new URL('./without-blake3.ts', import.meta.url).href,
])

function inProcess(name: string, flags: readonly string[]): UnpackerKind {
  return {
    name,
    unpack: async ({ path }, folder, signal) =>
      Number(await runProgram(process.execPath, [...flags, main.pathname, path, folder], { signal })),
  }
}
