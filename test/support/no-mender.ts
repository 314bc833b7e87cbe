import type { Mender } from '../../storage/mending.ts'

/** Where nothing is healed. */
export const noMender: Mender = {
  isRunning: false,
  settleTrees: () => Promise.resolve(),
  mend: () => Promise.resolve(false),
  mendTrees: () => Promise.resolve(false),
}
