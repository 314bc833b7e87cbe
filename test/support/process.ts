import { spawn } from 'node:child_process'

export interface RunOptions {
  readonly cwd: string
  /** The whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>
  /** Default: two minutes, after which it is killed. */
  readonly timeoutMs?: number
}

/** Runs a command to its end and returns what it wrote to standard output. Throws an error with all its output if it fails. */
export async function run(command: string, args: readonly string[], options: RunOptions): Promise<string> {
  const { cwd, env, timeoutMs = 120_000 } = options
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  // The `timeout` of spawn would hold up this process where there is no such command.
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
  let stdout = ''
  let all = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    all += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (all += text))
  const ending = await new Promise<string>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(signal ?? `code ${code}`))
  }).finally(() => clearTimeout(timer))
  if (ending !== 'code 0') throw new Error(`${command} ${args.join(' ')}\nended with ${ending}:\n${all.slice(-16_000)}`)
  return stdout
}
