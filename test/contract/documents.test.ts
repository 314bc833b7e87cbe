import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { createProgram } from '../../server/commands/program.ts'
import { repositoryFolder } from '../support/paths.ts'

const DOCUMENTS = ['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md', 'deploy/README.md']

const texts = new Map(
  await Promise.all(
    DOCUMENTS.map(async (name) => [name, await readFile(join(repositoryFolder, name), 'utf8')] as const),
  ),
)

function matches(text: string | undefined, pattern: RegExp): string[] {
  return [...(text ?? '').matchAll(pattern)].map(([, found = '']) => found)
}

function unused(): never {
  assert.fail('nothing is run')
}

/** As GitHub makes them. */
function anchorsIn(text: string | undefined): string[] {
  return matches(text, /^#+ (.*)$/gm).map((heading) => {
    return heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-')
  })
}

test('every file and folder that ARCHITECTURE.md names is there', () => {
  const named = matches(texts.get('ARCHITECTURE.md'), /`((?:server|routes|storage|test|deploy)\/[\w./-]*)`/g)
  assert.ok(named.length > 50)
  const missing = named.filter((path) => !['', '.ts'].some((end) => existsSync(join(repositoryFolder, path + end))))
  assert.deepEqual(missing, [])
})

for (const [name, text] of texts) {
  test(`every link of ${name} within the repository leads somewhere`, () => {
    for (const link of matches(text, /\]\((?!https?:)([^)]+)\)/g)) {
      const [path = '', anchor] = link.split('#')
      const target = join(name, '..', path)
      if (path !== '') assert.ok(existsSync(join(repositoryFolder, target)), link)
      const linked = path === '' ? name : target
      if (anchor !== undefined) assert.ok(anchorsIn(texts.get(linked)).includes(anchor), link)
    }
  })
}

test('the README shows every command but the default one, and none that there is not', () => {
  const program = createProgram({
    loadConfig: unused,
    print: unused,
    showProgress: unused,
    watchInterrupt: unused,
    readFile: unused,
    serve: unused,
  })
  const commands = program.commands.map((command) => command.name()).filter((name) => name !== 'serve')
  const shown = new Set(matches(texts.get('README.md'), /`(?:arbor|npm start --) ([a-z]+)/g))
  assert.deepEqual([...shown].toSorted(), commands.toSorted())
})
