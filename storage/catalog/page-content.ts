import type { ListedFile, ProjectPage } from '../model.ts'
import { Pace } from '../pace.ts'

/** Files to a line: a quarter of a millisecond's work. */
const PER_LINE = 250
/** Characters. */
const LARGE = 256 * 1024

/** A page as JSON that can be read line by line: the first has all but the files, and no JSON has a line break inside. */
export function formatPageContent({ files, ...rest }: ProjectPage): string {
  const lines: string[] = []
  for (let start = 0; start < files.length; start += PER_LINE) {
    lines.push(JSON.stringify(files.slice(start, start + PER_LINE)).slice(1, -1))
  }
  return `${JSON.stringify({ ...rest, files: [] }).slice(0, -2)}\n${lines.join(',\n')}\n]}`
}

/** Reads what {@link formatPageContent} wrote, or the same JSON without line breaks, and lets others have their turns meanwhile. */
export async function parsePageContent(content: string): Promise<ProjectPage> {
  const first = content.indexOf('\n')
  if (first === -1) return JSON.parse(content) as ProjectPage
  const pace = new Pace()
  // To get so much from a database or a thread took a while already.
  if (content.length > LARGE) await pace.rest()
  const page = JSON.parse(`${content.slice(0, first)}]}`) as ProjectPage
  const files: ListedFile[] = []
  for (let start = first + 1; !content.startsWith(']', start);) {
    const end = content.indexOf('\n', start)
    const line = content.slice(start, content[end - 1] === ',' ? end - 1 : end)
    files.push(...(JSON.parse(`[${line}]`) as ListedFile[]))
    start = end + 1
    if (pace.isDue) await pace.rest()
  }
  // And whoever goes on with it will take another.
  if (content.length > LARGE) await pace.rest()
  return { ...page, files }
}
