import type { SampleWheel } from '../wheels/sample-wheels.ts'

/** Something that unpacks wheels. */
export interface UnpackerKind {
  readonly name: string
  /** It takes so long that once is enough, and large wheels that were made for this are not for it. */
  readonly isSlow?: true
  /** Unpacks a wheel into a folder that is empty and returns the seconds that it took. Disposal is up to the caller, by removing the folder. */
  unpack(wheel: SampleWheel, folder: string, signal: AbortSignal): Promise<number>
}
