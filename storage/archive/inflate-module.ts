import { fileURLToPath } from 'node:url'
import { diskSyncIo } from '../io.ts'

/** What `assembly/inflate.ts` exports, where it is told what each does. Places are in its memory. */
export interface InflateModule {
  readonly memoryBegin: () => number
  readonly begin: () => void
  readonly inflate: (from: number, end: number, all: boolean, begin: number, to: number, toEnd: number) => number
  readonly inputPosition: () => number
  readonly outputPosition: () => number
}

/** What `inflate` returns; any other number for a bad stream. */
export const DONE = 0
export const NEEDS_INPUT = 1
export const NEEDS_OUTPUT = 2

/** How far behind its input and its output it may read or write, bytes. */
export const MARGIN_BYTES = 1024

const PAGE_BYTES = 64 * 1024

const compiled = new WebAssembly.Module(readFile(new URL('./inflate.wasm', import.meta.url)))

/** Begins it with memory of its own, of which `bytes` and more from {@link InflateModule.memoryBegin} on are the caller's. It stays as large. */
export function openInflateModule(bytes: number): { readonly module: InflateModule; readonly memory: Buffer } {
  const pages = 1 + Math.ceil(bytes / PAGE_BYTES)
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } })
  return { module: exports as InflateModule, memory: Buffer.from(memory.buffer) }
}

function readFile(url: URL): Buffer {
  const descriptor = diskSyncIo.open(fileURLToPath(url))
  try {
    const bytes = Buffer.alloc(diskSyncIo.size(descriptor))
    diskSyncIo.read(descriptor, bytes, 0)
    return bytes
  } finally {
    diskSyncIo.close(descriptor)
  }
}
