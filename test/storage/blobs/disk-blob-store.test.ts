import { testBlobStore } from '../../contract/blob-store.ts'
import { createDiskFixture } from './disk-fixture.ts'

testBlobStore('disk blob store', createDiskFixture)
testBlobStore('disk blob store that keeps one descriptor', () => createDiskFixture({ maxKeptFiles: 1 }))
