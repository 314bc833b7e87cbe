import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { parse } from 'yaml'
import { repositoryFolder } from './paths.ts'
import type { Exchange } from './raw-http.ts'

interface HeaderObject {
  readonly required?: boolean
  readonly schema: object
}

interface ResponseObject {
  readonly headers?: Readonly<Record<string, HeaderObject>>
  readonly content?: Readonly<Record<string, { readonly schema: object }>>
}

interface OpenApi {
  readonly paths: Record<string, Record<string, { readonly operationId: string; readonly responses: object }>>
  readonly components: { readonly schemas: Record<string, Record<string, unknown>> }
}

export interface Operation {
  readonly id: string
  readonly method: string
  /** As in the document: `/trees/{id}`. */
  readonly path: string
  readonly responses: ReadonlyMap<number, ResponseObject>
}

/** Headers of the transfer rather than of what is transferred. */
const TRANSFER = new Set(['connection', 'content-length', 'content-type', 'date', 'keep-alive', 'transfer-encoding'])

/** `openapi.yaml`, and whether a response keeps to it. */
export class Contract {
  readonly operations: readonly Operation[]
  readonly #document: OpenApi
  readonly #ajv: Ajv2020
  readonly #validators = new Map<object, ValidateFunction>()

  constructor() {
    const text = readFileSync(resolve(repositoryFolder, 'openapi.yaml'), 'utf8')
    this.#document = parse(text) as OpenApi
    this.#ajv = new Ajv2020({ strict: false, allErrors: true })
    addFormats.default(this.#ajv)
    this.#ajv.addSchema({ $id: 'openapi', ...this.#document })
    this.operations = Object.entries(this.#document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { operationId, responses }]) => ({
        id: operationId,
        method: method.toUpperCase(),
        path,
        responses: new Map(
          Object.entries(responses).map(([status, response]) => [
            Number(status),
            this.#deref(response) as ResponseObject,
          ]),
        ),
      })),
    )
  }

  operation(id: string): Operation {
    const operation = this.operations.find((candidate) => candidate.id === id)
    if (operation === undefined) throw new RangeError(`openapi.yaml has no operation ${id}`)
    return operation
  }

  schema(name: string): Readonly<Record<string, unknown>> {
    return this.#document.components.schemas[name] ?? {}
  }

  /** Everything in a response that the document does not say, or says otherwise; empty where it keeps to it. */
  check(operation: Operation, { status, headers, body }: Exchange): string[] {
    const response = operation.responses.get(status)
    if (response === undefined) return [`status ${status} is not documented`]
    const documented = new Map(
      Object.entries(response.headers ?? {}).map(([name, header]) => [name.toLowerCase(), header]),
    )
    const faults: string[] = []
    for (const name of Object.keys(headers)) {
      if (!TRANSFER.has(name) && !documented.has(name)) faults.push(`header ${name} is not documented`)
    }
    for (const [name, reference] of documented) {
      const header = this.#deref(reference) as HeaderObject
      const value = headers[name]
      if (value === undefined && header.required === true) faults.push(`header ${name} is missing`)
      if (value !== undefined) faults.push(...this.#validate(header.schema, value, `header ${name}`))
    }
    return [...faults, ...this.#checkBody(response, String(headers['content-type']), body)]
  }

  #checkBody({ content }: ResponseObject, type: string, body: Buffer): string[] {
    if (content === undefined) return body.length === 0 ? [] : ['a body is not documented']
    const media = content[type] ?? content['*/*']
    if (media === undefined) return [`type ${type} is not documented`]
    const isWhole = body.length > 0 && body.at(-1) === 0x0a
    return type.endsWith('json') && isWhole ? this.#validate(media.schema, JSON.parse(body.toString()), 'body') : []
  }

  #validate(schema: object, value: unknown, what: string): string[] {
    let validate = this.#validators.get(schema)
    if (validate === undefined) {
      const text = JSON.stringify(schema).replaceAll('"#/', '"openapi#/')
      validate = this.#ajv.compile(JSON.parse(text) as object)
      this.#validators.set(schema, validate)
    }
    return validate(value) ? [] : [`${what}: ${this.#ajv.errorsText(validate.errors)}`]
  }

  #deref(value: object): unknown {
    if (!('$ref' in value)) return value
    const steps = String(value.$ref).split('/').slice(1)
    return steps.reduce<unknown>((node, step) => (node as Record<string, unknown>)[step], this.#document)
  }
}
