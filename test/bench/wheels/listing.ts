import { createHash } from 'node:crypto'
import type { Distribution } from '../../support/upstream/distribution.ts'
import type { Listing } from '../servers/upstream.ts'

/** What a wheel of a native project is tagged with, so that names are as long as they are in life. */
const TAGS = [
  'cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64',
  'cp312-cp312-musllinux_1_2_aarch64',
  'cp313-cp313-macosx_11_0_arm64',
  'cp311-abi3-win_amd64',
]

/** Files that stand on a page and are nowhere else. */
export function listFiles({ project, files }: Listing): Distribution[] {
  return Array.from({ length: files }, (_, index) => {
    const version = `1.${Math.floor(index / 20)}.${Math.floor(index / TAGS.length) % 5}`
    const filename = `${project.replaceAll('-', '_')}-${version}-${TAGS[index % TAGS.length]}.whl`
    const sha256 = createHash('sha256').update(filename).digest('hex')
    return {
      filename,
      project,
      version,
      size: 100_000 + index,
      sha256,
      metadata: Buffer.from(`Metadata-Version: 2.1\nName: ${project}\nVersion: ${version}\n`),
      requiresPython: '>=3.9',
      uploadTime: '2026-01-02T03:04:05.678901Z',
      yanked: false,
      open: () => Promise.reject(new Error('there is no such file: it is only listed')),
    }
  })
}
