import { createHash } from 'node:crypto'
import { writeZip, type ZipMember } from './zip-members.ts'

export { writeZip, type ZipMember, type ZipOptions } from './zip-members.ts'

/** A wheel to be made in memory. */
export interface WheelRecipe {
  readonly name: string
  readonly version: string
  /** Contents by path; METADATA, WHEEL and RECORD of the dist-info folder are added, unless they are given here. */
  readonly files?: Readonly<Record<string, string | Buffer>>
  /** Python, ABI and platform tag; `py3-none-any` by default. */
  readonly tag?: string
  /** Lines added to METADATA's header, such as `Requires-Dist: b`. */
  readonly metadata?: readonly string[]
  /** METADATA's body. */
  readonly description?: string
  /** Paths that get an executable bit. */
  readonly executable?: readonly string[]
  /** Members written as they are, before RECORD, which does not list them. */
  readonly extraMembers?: readonly ZipMember[]
  /** 0 stored, 8 deflated; deflated by default. */
  readonly method?: number
}

/** The file name of a wheel (PEP 427): names and versions with "-" replaced by "_". */
export function wheelFilename(recipe: Pick<WheelRecipe, 'name' | 'version' | 'tag'>): string {
  return `${stem(recipe)}-${recipe.tag ?? 'py3-none-any'}.whl`
}

/** The METADATA of a wheel, as {@link makeWheel} writes it. */
export function wheelMetadata(recipe: WheelRecipe): string {
  const head = [
    'Metadata-Version: 2.1',
    `Name: ${recipe.name}`,
    `Version: ${recipe.version}`,
    ...(recipe.metadata ?? []),
  ]
  return `${head.join('\n')}\n\n${recipe.description ?? ''}`
}

/** A valid wheel that installs: METADATA, WHEEL and a RECORD with the right digests. The same recipe gives the same bytes. */
export function makeWheel(recipe: WheelRecipe): Buffer {
  const info = `${stem(recipe)}.dist-info`
  const contents = new Map<string, Buffer>()
  for (const [path, content] of Object.entries(recipe.files ?? {})) contents.set(path, Buffer.from(content))
  const tag = recipe.tag ?? 'py3-none-any'
  const wheel = `Wheel-Version: 1.0\nGenerator: arbor-test\nRoot-Is-Purelib: true\nTag: ${tag}\n`
  addMissing(contents, `${info}/METADATA`, wheelMetadata(recipe))
  addMissing(contents, `${info}/WHEEL`, wheel)
  const rows = [...contents].map(([path, content]) => `${csv(path)},sha256=${sha256(content)},${content.length}`)
  addMissing(contents, `${info}/RECORD`, [...rows, `${csv(`${info}/RECORD`)},,`, ''].join('\n'))
  const members = [...contents].map(([name, content]) => member(recipe, name, content))
  const record = members.pop()
  return writeZip([...members, ...(recipe.extraMembers ?? []), ...(record === undefined ? [] : [record])])
}

function stem(recipe: Pick<WheelRecipe, 'name' | 'version'>): string {
  return `${recipe.name.replaceAll(/[-.]+/g, '_')}-${recipe.version.replaceAll('-', '_')}`
}

function member(recipe: WheelRecipe, name: string, content: Buffer): ZipMember {
  const mode = recipe.executable?.includes(name) === true ? 0o100755 : 0o100644
  return { name, content, mode, method: recipe.method ?? 8 }
}

function addMissing(contents: Map<string, Buffer>, path: string, text: string): void {
  if (!contents.has(path)) contents.set(path, Buffer.from(text))
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('base64url')
}

function csv(path: string): string {
  return /[",\n]/.test(path) ? `"${path.replaceAll('"', '""')}"` : path
}
