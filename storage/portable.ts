import type { AtHand } from './at-hand.ts'
import { hashBlake3 } from './digest.ts'
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
  const names = new FoldedNames()
  const pace = new Pace()
  for (const paths of [files.map((file) => file.path), emptyDirectories]) {
    for (const path of paths) {
      if (pace.isDue) await pace.rest()
      if (!names.add(path)) return false
    }
  }
  return true
}

/**
 * The names in each folder, as file systems see them to which some names are one. Name by name, not path by path: a path of thousands of bytes
 * may have a hundred folders, and is eighteen times as long when it is folded.
 */
class FoldedNames {
  readonly #taken = new Set<string>()
  /** A number for each folder by its path. */
  readonly #folders = new Map<string, number>()

  /** Adds a file or an empty directory that was not added before, with the folders above it. False: some name is taken, or not portable. */
  add(path: string): boolean {
    let end = path.lastIndexOf('/')
    while (end !== -1 && !this.#folders.has(path.slice(0, end))) end = path.lastIndexOf('/', end - 1)
    let folder = end === -1 ? -1 : this.#folders.get(path.slice(0, end))
    while (end < path.length) {
      const start = end + 1
      end = path.indexOf('/', start)
      if (end === -1) end = path.length
      const name = path.slice(start, end)
      const key = `${folder}/${shorten(fold(name))}`
      if (!isNamePortable(name) || this.#taken.has(key)) return false
      this.#taken.add(key)
      if (end === path.length) break
      folder = this.#folders.size
      this.#folders.set(path.slice(0, end), folder)
    }
    return true
  }
}

function isNamePortable(name: string): boolean {
  return !FORBIDDEN.test(name) && !DEVICE.test(name)
}

/** Upper case first, since some letters differ in lower case only. */
function fold(name: string): string {
  return name.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC')
}

/** What stands for a folded name: there may be hundreds of thousands, of a thousand letters each. */
function shorten(folded: string): string {
  return folded.length <= 100 ? folded : hashBlake3(Buffer.from(folded))
}
