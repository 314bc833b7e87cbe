import { createRequire } from 'node:module'
import type * as htmlparser2 from 'htmlparser2'

/** Attributes that somebody asks for: a tag may have millions of others. */
const ATTRIBUTES = [
  'content',
  'data-core-metadata',
  'data-dist-info-metadata',
  'data-gpg-sig',
  'data-provenance',
  'data-requires-python',
  'data-size',
  'data-upload-time',
  'data-yanked',
  'href',
  'name',
  'rel',
  'type',
] as const

type AttributeName = (typeof ATTRIBUTES)[number]

/** By names in lower case; of two attributes of one name, the first. */
export type Attributes = ReadonlyMap<AttributeName, string>

export interface Anchor {
  readonly attributes: Attributes
  /** Up to its end tag, or to the next anchor. */
  text: string
}

/** What a project page can say in HTML (PEP 503, PEP 629, PEP 792). */
export interface HtmlDocument {
  readonly anchors: readonly Anchor[]
  /** `content` of meta tags, by `name` in lower case. */
  readonly meta: ReadonlyMap<string, string>
  readonly baseHref: string | undefined
  /** PyPI's `<!--SERIAL n-->`. */
  readonly serial: number | undefined
  /** Has any tag of HTML, unlike, say, an object store's XML error or a proxy's line of text. */
  readonly isHtml: boolean
  /** Has a field for one: what a gateway answers, with status 200, to whoever is not logged in. */
  readonly asksForPassword: boolean
}

const HTML_TAGS = new Set(['html', 'head', 'body', 'title', 'meta', 'base', 'h1', 'a'])
const NO_ATTRIBUTES: Attributes = new Map()
const KNOWN: ReadonlySet<string> = new Set(ATTRIBUTES)
const ignore = (): void => {}

// The parser is loaded with the first page in HTML: that takes a third of the time in which a thread can begin, and most indexes speak JSON.
const load = createRequire(import.meta.url)

/**
 * Reads a page tag by tag, in time that grows with its length only: which tag is inside which does not matter here, and a parser
 * that keeps account of it takes seconds for a few hundred kilobytes of tags that are never closed. Never throws.
 */
export function readHtml(text: string): HtmlDocument {
  const { Tokenizer } = load('htmlparser2') as typeof htmlparser2
  const reader = new Reader(text)
  const tokenizer = new Tokenizer(
    {},
    {
      onopentagname: (start, end) => reader.openTag(start, end),
      onattribname: (start, end) => reader.nameAttribute(start, end),
      onattribdata: (start, end) => reader.addValue(text.slice(start, end)),
      onattribentity: (codePoint) => reader.addValue(String.fromCodePoint(codePoint)),
      onattribend: () => reader.endAttribute(),
      onopentagend: () => reader.endTag(),
      onselfclosingtag: () => reader.endTag(),
      onclosetag: (start, end) => reader.closeTag(start, end),
      ontext: (start, end) => reader.addText(start, end),
      ontextentity: (codePoint) => reader.addTextEntity(codePoint),
      oncomment: (start, end, offset) => reader.takeComment(text.slice(start, end - offset)),
      oncdata: ignore,
      ondeclaration: ignore,
      onprocessinginstruction: ignore,
      onend: ignore,
    },
  )
  tokenizer.write(text)
  tokenizer.end()
  return reader
}

class Reader implements HtmlDocument {
  readonly anchors: Anchor[] = []
  readonly meta = new Map<string, string>()
  baseHref: string | undefined
  serial: number | undefined
  isHtml = false
  asksForPassword = false
  readonly #text: string
  #tag = ''
  #attributes: Map<AttributeName, string> | undefined
  #name = ''
  #value = ''
  #open: Anchor | undefined

  constructor(text: string) {
    this.#text = text
  }

  openTag(start: number, end: number): void {
    this.#tag = this.#text.slice(start, end).toLowerCase()
    this.#attributes = undefined
    this.isHtml ||= HTML_TAGS.has(this.#tag)
  }

  nameAttribute(start: number, end: number): void {
    this.#name = this.#text.slice(start, end).toLowerCase()
    this.#value = ''
  }

  addValue(piece: string): void {
    this.#value += piece
  }

  endAttribute(): void {
    if (!isAttributeName(this.#name)) return
    this.#attributes ??= new Map()
    if (!this.#attributes.has(this.#name)) this.#attributes.set(this.#name, this.#value)
  }

  endTag(): void {
    const attributes = this.#attributes ?? NO_ATTRIBUTES
    if (this.#tag === 'a') this.anchors.push((this.#open = { attributes, text: '' }))
    else if (this.#tag === 'base') this.baseHref ??= attributes.get('href')
    else if (this.#tag === 'meta') this.#takeMeta(attributes)
    else if (this.#tag === 'input') this.asksForPassword ||= attributes.get('type')?.toLowerCase() === 'password'
  }

  closeTag(start: number, end: number): void {
    if (this.#open !== undefined && this.#text.slice(start, end).toLowerCase() === 'a') this.#open = undefined
  }

  addText(start: number, end: number): void {
    if (this.#open !== undefined) this.#open.text += this.#text.slice(start, end)
  }

  addTextEntity(codePoint: number): void {
    if (this.#open !== undefined) this.#open.text += String.fromCodePoint(codePoint)
  }

  takeComment(comment: string): void {
    const match = /^\s*SERIAL (\d{1,15})\s*$/.exec(comment)
    if (match !== null) this.serial = Number(match[1])
  }

  #takeMeta(attributes: Attributes): void {
    const name = attributes.get('name')?.toLowerCase()
    const content = attributes.get('content')
    if (name !== undefined && content !== undefined && !this.meta.has(name)) this.meta.set(name, content)
  }
}

function isAttributeName(name: string): name is AttributeName {
  return KNOWN.has(name)
}
