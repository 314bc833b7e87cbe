/** What installers ask pages with, JSON first. */
export const ACCEPT_JSON = 'application/vnd.pypi.simple.v1+json'

interface ListedFile {
  readonly filename: string
  readonly url: string
}

/** The files of a project's page, with absolute URLs. Throws where there is no such page. */
export async function readPage(index: string, project: string): Promise<readonly ListedFile[]> {
  const url = `${index}${project}/`
  const response = await fetch(url, { headers: { Accept: ACCEPT_JSON } })
  const text = await response.text()
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text.slice(0, 500)}`)
  const { files } = JSON.parse(text) as { files: ListedFile[] }
  return files.map((file) => ({ filename: file.filename, url: new URL(file.url, response.url).href }))
}

/** The URL of one file, as an index lists it. */
export async function findFileUrl(index: string, project: string, filename: string): Promise<string> {
  const file = (await readPage(index, project)).find((listed) => listed.filename === filename)
  if (file === undefined) throw new Error(`${filename} is not on ${index}${project}/`)
  return file.url.replace(/#.*$/, '')
}
