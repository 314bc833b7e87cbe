import type { Oddity } from './oddities.ts'
import { A } from './sample.ts'

/** Those that are services. */
export const HOSTED_ODDITIES: readonly Oddity[] = [
  {
    upstream: 'AWS CodeArtifact: relative to the page, in folders',
    url: 'https://aws.example.org/pypi/main/simple/demo/',
    contentType: 'application/vnd.pypi.simple.v1+html',
    body: `<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.1"></head><body><a href="24.0/demo-24.0-py3-none-any.whl#sha256=${A}" data-gpg-sig="false">demo-24.0-py3-none-any.whl</a><br/></body></html>`,
    files: [
      {
        filename: 'demo-24.0-py3-none-any.whl',
        url: 'https://aws.example.org/pypi/main/simple/demo/24.0/demo-24.0-py3-none-any.whl',
        hashes: { sha256: A },
        gpgSig: false,
      },
    ],
    urls: [`../../files/up/${A}/demo-24.0-py3-none-any.whl`],
    links: [`demo-24.0-py3-none-any.whl#sha256=${A}`],
  },
  {
    upstream: 'Gemfury: presigned links with a query',
    url: 'https://fury.example.org/demo/',
    contentType: 'text/html',
    body: `<html><body><a href="https://s3.example.org/x/demo-1.0.tar.gz?X-Sig=a%2Fb&amp;Expires=9#sha256=${A}">demo-1.0.tar.gz</a></body></html>`,
    files: [
      {
        filename: 'demo-1.0.tar.gz',
        url: 'https://s3.example.org/x/demo-1.0.tar.gz?X-Sig=a%2Fb&Expires=9',
        hashes: { sha256: A },
      },
    ],
    urls: [`../../files/up/${A}/demo-1.0.tar.gz`],
    links: [`demo-1.0.tar.gz#sha256=${A}`],
  },
  {
    upstream: 'GitLab: the digest in the path, requires-python escaped',
    url: 'https://gitlab.example.org/api/v4/projects/1/packages/pypi/simple/demo',
    contentType: 'text/html;charset=utf-8',
    body: `<!DOCTYPE html>
<html>
  <head>
    <title>Links for demo</title>
  </head>
  <body>
    <h1>Links for demo</h1>
    <a href="https://gitlab.example.org/api/v4/projects/1/packages/pypi/files/${A}/demo-1.0-py3-none-any.whl#sha256=${A}" data-requires-python="&gt;=3.8">demo-1.0-py3-none-any.whl</a><br>
  </body>
</html>`,
    files: [
      {
        filename: 'demo-1.0-py3-none-any.whl',
        url: `https://gitlab.example.org/api/v4/projects/1/packages/pypi/files/${A}/demo-1.0-py3-none-any.whl`,
        hashes: { sha256: A },
        requiresPython: '>=3.8',
      },
    ],
    urls: [`../../files/up/${A}/demo-1.0-py3-none-any.whl`],
    links: [`demo-1.0-py3-none-any.whl#sha256=${A}" data-requires-python="&gt;=3.8`],
  },
  {
    upstream: 'Azure Artifacts: root-relative, with a feed and a version in the path',
    url: 'https://pkgs.example.org/org/_packaging/feed/pypi/simple/demo/',
    contentType: 'text/html; charset=utf-8',
    body: `<!DOCTYPE html><html><head><title>Links for demo</title></head><body><h1>Links for demo</h1><a href="/org/_packaging/0b1c/pypi/download/demo/1/demo-1.0-py3-none-any.whl#sha256=${A}" data-requires-python=""> demo-1.0-py3-none-any.whl </a><br/></body></html>`,
    files: [
      {
        filename: 'demo-1.0-py3-none-any.whl',
        url: 'https://pkgs.example.org/org/_packaging/0b1c/pypi/download/demo/1/demo-1.0-py3-none-any.whl',
        hashes: { sha256: A },
      },
    ],
    urls: [`../../files/up/${A}/demo-1.0-py3-none-any.whl`],
    links: [`demo-1.0-py3-none-any.whl#sha256=${A}`],
  },
  {
    upstream: 'Google Artifact Registry: relative to the page, nothing but links',
    url: 'https://gar.example.org/project/repo/simple/demo/',
    contentType: 'text/html',
    body: `<!DOCTYPE html>\n<html><body><a href="../../demo/demo-1.0.tar.gz#sha256=${A}">demo-1.0.tar.gz</a>\n</body></html>`,
    files: [
      {
        filename: 'demo-1.0.tar.gz',
        url: 'https://gar.example.org/project/repo/demo/demo-1.0.tar.gz',
        hashes: { sha256: A },
      },
    ],
    urls: [`../../files/up/${A}/demo-1.0.tar.gz`],
    links: [`demo-1.0.tar.gz#sha256=${A}`],
  },
]
