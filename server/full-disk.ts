import type { Catalog } from '../storage/catalog/catalog.ts'
import { StoreFullError } from '../storage/errors.ts'
import type { Log } from './log.ts'

/**
 * The same catalog, but no request fails because the disk is full: what can be had again (pages, metadata, sightings, uses, refusals, counters) is then
 * just not written. That is logged once, and again only after a write succeeded in between.
 */
export function tolerateFullDisk(catalog: Catalog, log: Log): Catalog {
  let isFull = false
  const tolerate = async (write: Promise<void>): Promise<void> => {
    try {
      await write
      isFull = false
    } catch (error) {
      if (!(error instanceof StoreFullError)) throw error
      if (!isFull) log.warn({ err: error }, 'pages and the like are passed on, but not kept')
      isFull = true
    }
  }
  return {
    ...catalog,
    savePage: (...given) => tolerate(catalog.savePage(...given)),
    confirmPage: (...given) => tolerate(catalog.confirmPage(...given)),
    saveAbsence: (...given) => tolerate(catalog.saveAbsence(...given)),
    forgetPage: (...given) => tolerate(catalog.forgetPage(...given)),
    saveMetadata: (...given) => tolerate(catalog.saveMetadata(...given)),
    addSighting: (...given) => tolerate(catalog.addSighting(...given)),
    noteSynced: (...given) => tolerate(catalog.noteSynced(...given)),
    addRefusal: (...given) => tolerate(catalog.addRefusal(...given)),
    recordUse: (...given) => tolerate(catalog.recordUse(...given)),
    recordTraffic: (...given) => tolerate(catalog.recordTraffic(...given)),
    recordRun: (...given) => tolerate(catalog.recordRun(...given)),
    saveScrubPosition: (...given) => tolerate(catalog.saveScrubPosition(...given)),
  }
}
