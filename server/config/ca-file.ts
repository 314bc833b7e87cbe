import { createSecureContext } from 'node:tls'
import type { Mistake } from './mistakes.ts'

const CERTIFICATE = /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs

/** Certificates as PEM, without what else a file had; or what is wrong with it. */
export type CertificateReading =
  { readonly kind: 'certificates'; readonly pem: string } | { readonly kind: 'mistake'; readonly mistake: Mistake }

/** Reads a bundle of certificates. `where` names the setting that named it. */
export async function readCaFile(
  path: string,
  where: string,
  readFile: (path: string) => Promise<string | undefined>,
): Promise<CertificateReading> {
  try {
    const text = await readFile(path)
    if (text === undefined) return mistake(where, `there is no file ${path}`)
    const certificates = text.match(CERTIFICATE) ?? []
    if (certificates.length === 0) return mistake(where, `${path} holds no certificate in PEM`)
    const broken = certificates.findIndex((certificate) => !isReadable(certificate))
    if (broken !== -1) return mistake(where, `certificate ${broken + 1} in ${path} cannot be read`)
    return { kind: 'certificates', pem: `${certificates.join('\n')}\n` }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    return mistake(where, `cannot read ${path} (${String(error.code)})`)
  }
}

/** Node takes anything for the certificate of an authority, without a word. So it is tried as a certificate of our own, which has to be a real one. */
function isReadable(certificate: string): boolean {
  try {
    createSecureContext({ cert: certificate })
    return true
  } catch {
    return false
  }
}

function mistake(where: string, problem: string): CertificateReading {
  return { kind: 'mistake', mistake: { where, problem } }
}
