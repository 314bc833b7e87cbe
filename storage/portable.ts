import type { AtHand } from './at-hand.ts'
import type { Tree } from './model.ts'
import { Pace } from './pace.ts'

/** What Windows takes for a device, whatever comes after a dot (Microsoft, "Naming Files, Paths, and Namespaces"). */
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|clock\$|(?:com|lpt)[0-9¹²³]) *(?:\.|$)/i

/** What no name on Windows may hold; paths of trees have neither backslashes nor control characters. */
const FORBIDDEN = /[<>:"|?*]|[. ]$/

const verdicts = new WeakMap<Tree, AtHand<boolean>>()

/**
 * Whether every file system takes the tree as it is: no name that Windows cannot have, and no two paths that are one where case, Unicode
 * normalization or width make no difference (test/hostile, rows 37 and 38). A tree that is not is good all the same, on Linux. A large
 * tree is judged once, in turns with others.
 */
export function isPortable(tree: Tree): AtHand<boolean> {
  const known = verdicts.get(tree)
  if (known !== undefined) return known
  const verdict = judge(tree).then((isPortableTree) => {
    verdicts.set(tree, isPortableTree)
    return isPortableTree
  })
  verdicts.set(tree, verdict)
  return verdict
}

async function judge({ files, emptyDirectories }: Tree): Promise<boolean> {
  /** Every path, those of directories too, by its folded form: two that share one collide on such file systems. */
  const taken = new Map<string, string>()
  const isTaken = (path: string): boolean => {
    const folded = fold(path)
    const other = taken.get(folded)
    if (other === undefined) taken.set(folded, path)
    return other !== undefined && other !== path
  }
  const known = new Set<string>()
  const pace = new Pace()
  for (const [place, path] of [...files.map((file) => file.path), ...emptyDirectories].entries()) {
    if (place % 1000 === 0 && pace.isDue) await pace.rest()
    // From the end: what is above a directory that was seen was seen as well.
    for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
      const part = path.slice(0, end)
      if (known.has(part)) break
      known.add(part)
      if (isTaken(part) || !isNamePortable(part.slice(part.lastIndexOf('/') + 1))) return false
    }
  }
  return true
}

function isNamePortable(name: string): boolean {
  return !FORBIDDEN.test(name) && !DEVICE.test(name)
}

/** Upper case first, since some letters differ in lower case only. */
function fold(path: string): string {
  return path.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC')
}
