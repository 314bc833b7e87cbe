import * as v from 'valibot'
import type { Config } from '../config.ts'
import { askServer, parseAnswer } from './admin-client.ts'
import { formatJson, printable } from './outline.ts'

interface PinOptions {
  readonly server: URL | undefined
  readonly json: boolean
}

const pinsSchema = v.object({ pins: v.array(v.looseObject({ pin: v.string(), pinnedAt: v.string() })) })

/** `arbor pin list`: what is pinned, as text. Throws {@link AdminError}. */
export async function renderPins(config: Config, { server, json }: PinOptions): Promise<string> {
  const answer = await askServer(config, { method: 'GET', path: 'admin/pins', server })
  if (json) return formatJson(answer)
  const { pins } = parseAnswer(pinsSchema, answer, 'pins')
  if (pins.length === 0) return 'nothing is pinned\n'
  return pins.map(({ pin, pinnedAt }) => `${printable(pinnedAt)}  ${printable(pin)}\n`).join('')
}

/** `arbor pin add` and `remove`: one after the other, and then what is pinned. Throws {@link AdminError}. */
export async function changePins(
  config: Config,
  { verb, pins, ...options }: PinOptions & { readonly verb: 'add' | 'remove'; readonly pins: readonly string[] },
): Promise<string> {
  const method = verb === 'add' ? 'PUT' : 'DELETE'
  for (const pin of pins) {
    await askServer(config, { method, path: `admin/pins/${encodeURIComponent(pin)}`, server: options.server })
  }
  return renderPins(config, options)
}
