import { readFile, writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'

/** A process and those that it started, as Linux knows them. */
export async function listFamily(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  const children = text.split(' ').filter(Boolean).map(Number)
  return [pid, ...(await Promise.all(children.map(listFamily))).flat()]
}

/** Peak resident memory of a process and its children since they started or {@link forgetPeak}, megabytes. */
export async function measurePeakMemory(pid: number): Promise<number> {
  const texts = await Promise.all(
    (await listFamily(pid)).map((member) => readFile(`/proc/${member}/status`, 'utf8').catch(() => '')),
  )
  const kib = texts.map((text) => Number(/^VmHWM:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0))
  return (kib.reduce((sum, size) => sum + size, 0) * 1024) / 1e6
}

/** From now on the peak is that of now. proc(5), clear_refs. */
export async function forgetPeak(pid: number): Promise<void> {
  for (const member of await listFamily(pid)) await writeFile(`/proc/${member}/clear_refs`, '5').catch(() => {})
}

/** Resident memory of a process and its children now, megabytes. */
export async function measureMemory(pid: number): Promise<number> {
  const texts = await Promise.all(
    (await listFamily(pid)).map((member) => readFile(`/proc/${member}/status`, 'utf8').catch(() => '')),
  )
  const kib = texts.map((text) => Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0))
  return (kib.reduce((sum, size) => sum + size, 0) * 1024) / 1e6
}

/** Resolves when a server and its children no longer use the processor, so that the next one has it alone; after ten seconds anyway. */
export async function waitForIdle(pid: number, signal: AbortSignal): Promise<void> {
  let before = await countTicks(pid)
  for (let turn = 0, quiet = 0; turn < 100 && quiet < 3; turn += 1) {
    await delay(100, undefined, { signal })
    const now = await countTicks(pid)
    quiet = now - before <= 1 ? quiet + 1 : 0
    before = now
  }
}

/** What a process and its children have used of the processors, seconds; those that ended are not counted. */
export async function measureProcessorSeconds(pid: number): Promise<number> {
  // Linux counts in hundredths, whatever its own clock is (proc(5), USER_HZ).
  return (await countTicks(pid)) / 100
}

async function countTicks(pid: number): Promise<number> {
  const texts = await Promise.all(
    (await listFamily(pid)).map((member) => readFile(`/proc/${member}/stat`, 'utf8').catch(() => '')),
  )
  const ticks = texts.map((text) => {
    // The second field is a name in brackets, which may hold blanks.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return Number(fields[11] ?? 0) + Number(fields[12] ?? 0)
  })
  return ticks.reduce((sum, count) => sum + count, 0)
}
