import { hashSha256 } from '../storage/digest.ts'
import { escapeHtml } from './escape-html.ts'

/** The scheme is the root's: on the body alone, the links would be those of a dark page, on a white one. */
const STYLE = `:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.3rem}h2{font-size:1.1rem}h1,dt,dd,pre{overflow-wrap:anywhere}dt,pre,code{font-family:ui-monospace,monospace}
pre{padding:.5rem 1rem;border:1px solid #8888;border-radius:.4rem;white-space:pre-wrap}dd{margin:0 0 .5rem 1rem}
@media(min-width:46rem){dl{display:grid;grid-template-columns:auto 1fr;gap:.3rem 1rem}dd{margin:0}}
table{border-collapse:collapse;width:100%}td,th{padding:.15rem 1rem .15rem 0;text-align:left;font-weight:normal}
tr:first-child>*{border-bottom:1px solid #8888}td:first-child{overflow-wrap:anywhere}.size{text-align:right;white-space:nowrap}`

/** Allows nothing but the page's own style sheet, since strangers chose the names that it shows. */
export const DOCUMENT_POLICY = `default-src 'none'; style-src 'sha256-${Buffer.from(hashSha256(Buffer.from(STYLE)), 'hex').toString('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

/** A page for people: `body` is HTML, with everything in it escaped. */
export function renderDocument(title: string, body: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">
<title>${escapeHtml(title)}</title><style>${STYLE}</style></head>
<body><main>
${body}
</main></body>
</html>
`
}
