import { UnpackMemory } from '../../storage/unpack/unpack-memory.ts'

const free: UnpackMemory[] = []

/** Does something with memory that nobody else uses meanwhile: a test may unpack several wheels at once, and thousands in turn. */
export async function withUnpackMemory<Result>(work: (memory: UnpackMemory) => Promise<Result>): Promise<Result> {
  const memory = free.pop() ?? new UnpackMemory()
  try {
    return await work(memory)
  } finally {
    free.push(memory)
  }
}
