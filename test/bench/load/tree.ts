import { fetchRaw } from './fetch-raw.ts'
import { findFileUrl } from './page.ts'

export interface TreeFile {
  readonly path: string
  readonly size: number
}

/** A tree that a server has. */
export interface FetchedTree {
  /** Path of its manifest. */
  readonly root: string
  readonly files: readonly TreeFile[]
}

/** Has a server fetch a wheel and unpack it. */
export async function fetchTree(index: string, project: string, filename: string): Promise<FetchedTree> {
  const url = await findFileUrl(index, project, filename)
  await fetchRaw(url)
  const sha256 = /\/([0-9a-f]{64})\//.exec(url)?.[1]
  const { body, headers } = await fetchRaw(new URL(`/wheels/sha256:${sha256}/tree`, index).href)
  const { files } = JSON.parse(body.toString()) as { files: TreeFile[] }
  return { root: String(headers['content-location']), files }
}

/** The path of a file of it. */
export function pathOf({ root }: FetchedTree, { path }: TreeFile): string {
  return `${root}/${path.split('/').map(encodeURIComponent).join('/')}`
}

export function largestOf({ files }: FetchedTree): TreeFile {
  const [largest] = files.toSorted((a, b) => b.size - a.size)
  if (largest === undefined) throw new Error('the wheel has no files')
  return largest
}
