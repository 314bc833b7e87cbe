import { PageError } from './errors.ts'
import type { PageText } from './response.ts'

/** How many values a page may have in JSON, and how many tags in HTML. */
export type CrowdLimits = Readonly<Record<PageText['kind'], number>>

/** A file as PyPI lists it has some sixteen values, or two tags: so that is a page of more than a hundred thousand. */
export const PAGE_LIMITS: CrowdLimits = { json: 2_000_000, html: 500_000 }
/** A project has three values, or two tags: so that is twice as many projects as PyPI has. */
export const LIST_LIMITS: CrowdLimits = { json: 6_000_000, html: 3_000_000 }

/**
 * To be called before a page is parsed: 100 MB of `[],`, which are 100 KB on the way, take gigabytes as objects, and meanwhile all other large pages
 * wait. Throws {@link PageError}.
 */
export function refuseCrowded({ kind, text }: PageText, url: string, limits: CrowdLimits): void {
  const limit = limits[kind]
  if (text.length <= limit || countMarks(text, MARKS[kind]) <= limit) return
  throw new PageError(url, `has more than ${limit} ${kind === 'json' ? 'values' : 'tags'}`)
}

/** Each value stands behind `[`, `{` or `,`; each tag begins with `<`. */
const MARKS = { json: [0x5b, 0x7b, 0x2c], html: [0x3c, 0x3c, 0x3c] } as const

function countMarks(text: string, [first, second, third]: readonly [number, number, number]): number {
  let count = 0
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === first || code === second || code === third) count += 1
  }
  return count
}
