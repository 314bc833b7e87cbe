/** The command that has pip install through the index at `url`. pip refuses an index without TLS, unless it is on this machine or named as trusted. */
export function pipCommand(url: URL, project: string): string {
  return `pip install --index-url ${url.href}${isTrusted(url) ? '' : ` --trusted-host ${url.hostname}`} ${project}`
}

/** The commands that set the same once and for all. */
export function pipSettings(url: URL): string {
  const setIndex = `pip config set global.index-url ${url.href}`
  return isTrusted(url) ? setIndex : `${setIndex} && pip config set global.trusted-host ${url.hostname}`
}

/** As pip has it: TLS, `localhost`, 127.0.0.0/8 and ::1. */
function isTrusted({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
}
