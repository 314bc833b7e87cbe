import { randomBytes } from 'node:crypto'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sharedFolder } from '../../support/paths.ts'
import { makeWheel, wheelFilename } from '../../support/zip-writer.ts'

/** Where the real wheels are, on a machine that has them. */
export const wheelFolder = join(sharedFolder, 'wheels')

/** A wheel on this disk. */
export interface SampleWheel {
  readonly path: string
  readonly filename: string
  /** Normalized. */
  readonly project: string
}

export interface SampleWheels {
  /** Some 276 KB. */
  readonly small: SampleWheel
  /** Some 17 MB. */
  readonly large: SampleWheel
}

/** tomli and numpy where they are; else wheels of the same sizes, made in `folder`. */
export async function findSampleWheels(folder: string): Promise<SampleWheels> {
  const small = await findRealWheel('tomli')
  const large = await findRealWheel('numpy')
  return {
    small: small ?? (await makeSample(folder, 'small-sample', { files: 16, fileBytes: 17_000 })),
    large: large ?? (await makeSample(folder, 'large-sample', { files: 1000, fileBytes: 16_700 })),
  }
}

/** A wheel of ../shared/wheels; undefined where it is not there. */
export async function findRealWheel(project: string): Promise<SampleWheel | undefined> {
  const names = await readdir(wheelFolder).catch(() => [])
  const filename = names.find((name) => name.startsWith(`${project}-`) && name.endsWith('.whl'))
  return filename === undefined ? undefined : { path: join(wheelFolder, filename), filename, project }
}

async function makeSample(
  folder: string,
  name: string,
  shape: { readonly files: number; readonly fileBytes: number },
): Promise<SampleWheel> {
  const files = Object.fromEntries(
    Array.from({ length: shape.files }, (_, index) => [
      `${name.replaceAll('-', '_')}/${index}.bin`,
      randomBytes(shape.fileBytes),
    ]),
  )
  const recipe = { name, version: '1.0', files }
  const filename = wheelFilename(recipe)
  const path = join(folder, filename)
  await mkdir(folder, { recursive: true })
  await writeFile(path, makeWheel(recipe))
  return { path, filename, project: name }
}
