import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { describeConfigAsToml } from '../../server/config/describe.ts'
import { parseConfigFile } from '../../server/config/file.ts'
import { loadGiven, mistakesOf } from '../support/load-config.ts'
import { repositoryFolder } from '../support/paths.ts'

const readme = await readFile(join(repositoryFolder, 'README.md'), 'utf8')
const [, example = ''] = /^```toml\n(.*?)^```/ms.exec(readme) ?? []

/** What a mistake says is known, where a word is like none of it. */
function knownIn(problem: string | undefined): readonly string[] {
  return /known are (.*)/.exec(problem ?? '')?.[1]?.split(', ') ?? assert.fail(`nothing known: ${problem}`)
}

async function describe(toml: string): Promise<string> {
  const text = describeConfigAsToml(await loadGiven({ toml }))
  // As many as there are processors.
  return text.replace(/^#.*\n/, '').replace(/^threads = \d+$/m, '')
}

test("the README's configuration file says the defaults", async () => {
  assert.equal(await describe(example), await describe(''))
})

test('what stands in it as a comment may be taken in', () => {
  const whole = example.replaceAll(/^# (?=[\w-]+ = |\[\[)/gm, '').replace('default = true', '')
  const reading = parseConfigFile(whole.replaceAll(/"(?:internal|pytorch)"/g, '"pypi"'), 'arbor.toml')
  assert.deepEqual(reading.kind === 'mistakes' ? reading.mistakes : [], [])
})

test('it has every setting and every variable', async () => {
  const tables = ['', '[storage]', '[memory]', '[upstream]', '[downloads]', '[trees]', '[[index]]', '[[virtual]]']
  const mistakes = await mistakesOf({ toml: tables.map((table) => `${table}\n"?????????????" = 1\n`).join('') })
  const settings = [...mistakes].filter(([where]) => where.endsWith('?')).map(([, problem]) => knownIn(problem))
  assert.equal(settings.length, tables.length)
  const variables = await mistakesOf({ env: { ['ARBOR_????????????????????']: 'x' } })
  const missing = [...settings.flat(), ...knownIn([...variables.values()][0])].filter((name) => {
    return !readme.includes(name) && !name.startsWith('ARBOR_TREES_')
  })
  assert.deepEqual(missing, [])
})
