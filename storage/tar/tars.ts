import { compressZstd } from '../archive/zstd.ts'
import type { BlobsInTurn } from '../blobs-in-turn.ts'
import type { Blake3 } from '../digest.ts'
import type { Tree, TreeFile } from '../model.ts'
import { OwnedIteration } from '../owned-iteration.ts'
import { FewAtOnce } from './few-at-once.ts'
import { readTar } from './read-tar.ts'
import type { Rendition, RenditionRange } from './rendition.ts'
import { TarLayout, type TarMember } from './tar-layout.ts'

/** Changes whenever the bytes made of the same tree would. */
const FORMAT = 'tar-1'

/** Each takes five megabytes for as long as its client reads, or does not: some six times as much as other bodies. */
const compressions = new FewAtOnce(64)

/** A reader of stored blobs for one rendition. */
export type OpenBlobs = () => BlobsInTurn

/** Trees are immutable, so a layout holds as long as its tree is in memory. */
const layouts = new WeakMap<Tree, TarLayout>()

/** A tree as a `.tar`: its files and then its empty directories, as in the manifest. */
export function renderTar(tree: Tree, openBlobs: OpenBlobs): Rendition {
  return serve(layOut(tree), `${FORMAT}:${tree.id}`, openBlobs)
}

/** A tree as a `.tar.zst`: exact only as long as the library's version stays. Opening it waits where many are being read. */
export function renderTarZst(tree: Tree, openBlobs: OpenBlobs): Rendition {
  const layout = layOut(tree)
  return {
    size: undefined,
    validator: `${FORMAT}:${tree.id}.zst`,
    isExact: false,
    async open() {
      const leave = await compressions.enter()
      try {
        const tar = await open(layout, undefined, openBlobs)
        const close = async (): Promise<void> => void (await tar.return())
        return new OwnedIteration(compressZstd(tar, layout.size), () => close().finally(leave))
      } catch (error) {
        leave()
        throw error
      }
    },
  }
}

function layOut(tree: Tree): TarLayout {
  const layout = layouts.get(tree) ?? new TarLayout(membersOf(tree))
  layouts.set(tree, layout)
  return layout
}

/** Those blobs of a tree that are not in `have`, each once, as members `blobs/<hex>` of a `.tar`. */
export function renderMissing(tree: Tree, have: ReadonlySet<Blake3>, openBlobs: OpenBlobs): Rendition {
  const missing = new Map(tree.files.filter(({ blake3 }) => !have.has(blake3)).map((file) => [file.blake3, file.size]))
  const members = [...missing].map(([blake3, size]) => ({
    path: `blobs/${blake3}`,
    size,
    blake3,
    isDirectory: false,
    isExecutable: false,
  }))
  return serve(new TarLayout(members), `${FORMAT}-missing:${tree.id}`, openBlobs)
}

function membersOf({ files, emptyDirectories }: Tree): TarMember[] {
  const directories = emptyDirectories.map((path) => ({
    path,
    size: 0,
    blake3: undefined,
    isDirectory: true,
    isExecutable: false,
  }))
  return [...files.map(memberOf), ...directories]
}

function memberOf({ path, size, blake3, executable }: TreeFile): TarMember {
  return { path, size, blake3, isDirectory: false, isExecutable: executable }
}

function serve(layout: TarLayout, validator: string, openBlobs: OpenBlobs): Rendition {
  return {
    size: layout.size,
    validator,
    isExact: true,
    open: (range) => open(layout, range, openBlobs),
  }
}

/** Resolves once all that the rendition is made of is open. */
async function open(
  layout: TarLayout,
  range: RenditionRange | undefined,
  openBlobs: OpenBlobs,
): Promise<OwnedIteration> {
  const blobs = openBlobs()
  const wanted = range ?? { first: 0, last: layout.size - 1 }
  await blobs.hold(layout.blobsIn(wanted))
  return new OwnedIteration(readTar(layout, wanted, blobs), async () => blobs.close())
}
