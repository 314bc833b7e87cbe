import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { repositoryFolder } from '../../support/paths.ts'
import type { FileNames, KnownValues, StockedArbor } from './stocked-arbor.ts'

interface Parameter {
  readonly name: string
  schema: Record<string, unknown>
}

interface Operation {
  parameters?: readonly ({ readonly $ref: string } | Parameter)[]
}

interface OpenApi {
  readonly paths: Record<string, { get?: Operation }>
  readonly components: { readonly parameters: Record<string, Parameter>; readonly schemas: Record<string, unknown> }
}

const HEADERS: KnownValues = {
  Range: ['bytes=0-9', 'bytes=2-', 'bytes=-3', 'bytes=999999999-', 'bytes=0-1,3-4'],
  'If-None-Match': ['*', '"x"', 'W/"x"'],
  Prefer: ['respond-async'],
  'Accept-Encoding': ['gzip', 'zstd', 'identity;q=0'],
}

/**
 * `openapi.yaml` as JSON, in which parameters may also have values that lead to something: generated ones alone would meet nothing but
 * 404s. What it says of responses is as it was.
 */
export async function makeStockedDocument({ known, files }: Pick<StockedArbor, 'known' | 'files'>): Promise<string> {
  const document = parse(await readFile(join(repositoryFolder, 'openapi.yaml'), 'utf8')) as OpenApi
  for (const parameter of Object.values(document.components.parameters)) {
    // Their slashes would be escaped, and so be refused.
    if (parameter.name === 'path' || parameter.name === 'directory') parameter.schema['pattern'] = String.raw`^[\w-]+$`
    // In UTF-8 it may have 255 bytes.
    if (parameter.name === 'filename') parameter.schema['maxLength'] = 63
    const values = known[parameter.name] ?? HEADERS[parameter.name]
    if (values === undefined) continue
    parameter.schema = { anyOf: [{ enum: values }, parameter.schema] }
    Object.assign(parameter, exampleValues(values))
  }
  relateFiles(document, files)
  admitGet(document)
  const blobs = (known['id'] ?? []).filter((id) => id.startsWith('blake3:'))
  Object.assign(document.components.schemas['Have'] as object, { examples: [{ have: blobs }, { have: [] }] })
  return JSON.stringify(document)
}

const FILE_PARAMETERS = ['index', 'sha256', 'filename'] as const

/** Examples are tried side by side: of these parameters those that name one file. */
function relateFiles({ paths, components }: OpenApi, files: readonly FileNames[]): void {
  for (const [path, { get }] of Object.entries(paths)) {
    if (get?.parameters === undefined || !path.startsWith('/files/')) continue
    get.parameters = get.parameters.map((parameter) => {
      const named = '$ref' in parameter ? components.parameters[parameter.$ref.split('/').at(-1) ?? ''] : parameter
      const name = FILE_PARAMETERS.find((candidate) => candidate === named?.name)
      if (named === undefined || name === undefined) return parameter
      return Object.assign(structuredClone(named), exampleValues(files.map((file) => file[name])))
    })
  }
}

function exampleValues(values: readonly string[]): { examples: Record<string, { value: string }> } {
  return { examples: Object.fromEntries(values.map((value, number) => [`known-${number}`, { value }])) }
}

/** A file of a tree may be called "missing", as Allow says. */
function admitGet({ paths }: OpenApi): void {
  const file = paths['/trees/{id}/{path}']?.get
  const missing = paths['/trees/{id}/missing']
  if (file === undefined || missing === undefined) return
  const parameters = file.parameters?.filter(
    (parameter) => !('$ref' in parameter && parameter.$ref.endsWith('/TreePath')),
  )
  missing.get = { ...file, ...(parameters !== undefined && { parameters }) }
  Object.assign(missing.get, { operationId: undefined })
}
