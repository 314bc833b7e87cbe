import { startUpstream, type UpstreamOptions } from '../upstream.ts'

/**
 * An upstream in a process of its own, for measurements: `node test/support/upstream/main.ts '{"folders":["wheels"]}'`, with
 * folders and quirks of {@link UpstreamOptions}. It says where it listens and ends when its standard input does.
 */
const { folders = [], quirks = {} } = JSON.parse(process.argv[2] ?? '{}') as UpstreamOptions
const upstream = await startUpstream({ folders, quirks })
process.stdout.write(`upstream listens on ${upstream.url}\n`)
process.stdin.resume()
process.stdin.once('end', () => void upstream.stop())
