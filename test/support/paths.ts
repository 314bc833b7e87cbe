import { resolve } from 'node:path'

/** The checkout. */
export const repositoryFolder = resolve(import.meta.dirname, '../..')

/** Real wheels and clients, beside the checkout; only where Arbor is developed. */
export const sharedFolder = resolve(repositoryFolder, '../shared')

/** `node` as `npm start` finds it: the pinned runtime where it is installed, else this one. */
export const pinnedNode = resolve(repositoryFolder, 'node_modules/.bin/node')
