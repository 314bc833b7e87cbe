import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BareOffer } from './bare.ts'
import { offer } from './forked.ts'

interface Answer {
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: Buffer | undefined
  readonly file: string
}

const answers = new Map<string, Answer>()

const server = createServer((request, response) => {
  const answer = answers.get(request.url ?? '')
  if (answer === undefined) {
    response.writeHead(404).end()
    return
  }
  response.writeHead(200, answer.headers)
  if (answer.bytes === undefined) createReadStream(answer.file).pipe(response)
  else response.end(answer.bytes)
})

offer({
  async start() {
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  },
  async serve(routes) {
    for (const { path, file, headers, from } of routes) {
      answers.set(path, { headers, file, bytes: from === 'memory' ? await readFile(file) : undefined })
    }
  },
} satisfies BareOffer)
