import * as v from 'valibot'
import type { Config } from '../config.ts'
import { askServer, parseAnswer } from './admin-client.ts'
import { formatJson, printable } from './outline.ts'

export interface RefreshOptions {
  readonly project: string
  readonly index: string | undefined
  readonly server: URL | undefined
  readonly json: boolean
}

const answerSchema = v.object({
  pages: v.array(
    v.looseObject({
      index: v.string(),
      project: v.string(),
      state: v.string(),
      files: v.number(),
      added: v.array(v.string()),
      removed: v.array(v.string()),
    }),
  ),
})

/** `arbor refresh`: what changed, as text. Throws {@link AdminError}. */
export async function renderRefresh(config: Config, options: RefreshOptions): Promise<string> {
  const { project, index, server, json } = options
  const answer = await askServer(config, { method: 'POST', path: 'admin/refresh', body: { project, index }, server })
  if (json) return formatJson(answer)
  return parseAnswer(answerSchema, answer, 'what changed').pages.map(renderPage).join('')
}

type Page = v.InferOutput<typeof answerSchema>['pages'][number]

function renderPage({ index, project, state, files, added, removed }: Page): string {
  const changes = [added.map((filename) => `  + ${filename}`), removed.map((filename) => `  - ${filename}`)]
  const lines = [`${index}/${project}: ${state}, ${files} ${files === 1 ? 'file' : 'files'}`, ...changes.flat()]
  return lines.map((line) => `${printable(line)}\n`).join('')
}
