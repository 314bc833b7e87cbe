import type { Answering } from '../../server/listen.ts'

/** An app whose one response sends "a" at once and "b" when it is told to. */
export function inTwoParts(): { readonly app: Answering; readonly finish: () => void } {
  const more = Promise.withResolvers<void>()
  const body = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('a')
    await more.promise
    yield Buffer.from('b')
  }
  return { app: { fetch: () => new Response(ReadableStream.from(body())) }, finish: more.resolve }
}
