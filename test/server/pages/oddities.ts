import type { ListedFile } from '../../../storage/model.ts'
import { A, B } from './sample.ts'

/** An odd upstream: a page in its manner, and what we make of it. */
export interface Oddity {
  readonly upstream: string
  readonly url: string
  readonly contentType: string
  readonly body: string
  /** What is read. */
  readonly files: readonly (Omit<ListedFile, 'filename'> & { readonly filename: string })[]
  /** The files' URLs on our page, as in JSON, and as in HTML. */
  readonly urls: readonly string[]
  readonly links: readonly string[]
}

const MD5 = '0123456789abcdef'.repeat(2)

export const ODDITIES: readonly Oddity[] = [
  {
    upstream: 'download.pytorch.org: root-relative, plus signs escaped, sizes unknown, copies on other hosts',
    url: 'https://download.example.org/whl/cu126/torch/',
    contentType: 'text/html',
    body: `<!DOCTYPE html>
<html>
  <body>
    <h1>Links for torch</h1>
    <a href="/whl/cu126/torch-2.8.0%2Bcu126-cp311-cp311-linux_x86_64.whl#sha256=${A}" data-dist-info-metadata="sha256=${B}" data-core-metadata="sha256=${B}" data-upload-time="2025-08-06T14:55:01">torch-2.8.0+cu126-cp311-cp311-linux_x86_64.whl</a><br/>
    <a href="https://cdn.example.org/whl/nvidia_cublas-1.0-py3-none-any.whl#sha256=${B}">nvidia_cublas-1.0-py3-none-any.whl</a><br/>
  </body>
</html>
<!--TIMESTAMP 1754492101-->`,
    files: [
      {
        filename: 'torch-2.8.0+cu126-cp311-cp311-linux_x86_64.whl',
        url: 'https://download.example.org/whl/cu126/torch-2.8.0%2Bcu126-cp311-cp311-linux_x86_64.whl',
        hashes: { sha256: A },
        coreMetadata: { sha256: B },
        uploadTime: '2025-08-06T14:55:01Z',
      },
      {
        filename: 'nvidia_cublas-1.0-py3-none-any.whl',
        url: 'https://cdn.example.org/whl/nvidia_cublas-1.0-py3-none-any.whl',
        hashes: { sha256: B },
      },
    ],
    urls: [
      `../../files/up/${A}/torch-2.8.0%2Bcu126-cp311-cp311-linux_x86_64.whl`,
      `../../files/up/${B}/nvidia_cublas-1.0-py3-none-any.whl`,
    ],
    links: [
      `torch-2.8.0%2Bcu126-cp311-cp311-linux_x86_64.whl#sha256=${A}`,
      `nvidia_cublas-1.0-py3-none-any.whl#sha256=${B}`,
    ],
  },
  {
    upstream: 'download.pytorch.org, nightly: no hashes',
    url: 'https://download.example.org/whl/nightly/demo/',
    contentType: 'text/html',
    body: '<!DOCTYPE html><html><body><a href="/whl/nightly/demo-2.9.0.dev1-cp311-none-any.whl">demo-2.9.0.dev1-cp311-none-any.whl</a><br/></body></html>',
    files: [
      {
        filename: 'demo-2.9.0.dev1-cp311-none-any.whl',
        url: 'https://download.example.org/whl/nightly/demo-2.9.0.dev1-cp311-none-any.whl',
        hashes: {},
      },
    ],
    urls: ['../../files/up/unhashed/demo-2.9.0.dev1-cp311-none-any.whl'],
    links: ['demo-2.9.0.dev1-cp311-none-any.whl'],
  },
  {
    upstream: 'a find-links page: no heading, folders in the names',
    url: 'https://download.example.org/whl/torch_stable.html',
    contentType: 'text/html',
    body: '<a href="cpu/demo-1.0-cp36-cp36m-linux_x86_64.whl">cpu/demo-1.0-cp36-cp36m-linux_x86_64.whl</a><br>',
    files: [
      {
        filename: 'demo-1.0-cp36-cp36m-linux_x86_64.whl',
        url: 'https://download.example.org/whl/cpu/demo-1.0-cp36-cp36m-linux_x86_64.whl',
        hashes: {},
      },
    ],
    urls: ['../../files/up/unhashed/demo-1.0-cp36-cp36m-linux_x86_64.whl'],
    links: ['demo-1.0-cp36-cp36m-linux_x86_64.whl'],
  },
  {
    upstream: 'pypi.nvidia.com: the last anchor lacks its br',
    url: 'https://nvidia.example.org/demo/',
    contentType: 'text/html',
    body: `<!DOCTYPE html><html><body><a href="demo-1.0-py3-none-any.whl#sha256=${A}">demo-1.0-py3-none-any.whl</a><br><a href="demo-2.0-py3-none-any.whl#sha256=${B}">demo-2.0-py3-none-any.whl</a></body></html>`,
    files: [
      {
        filename: 'demo-1.0-py3-none-any.whl',
        url: 'https://nvidia.example.org/demo/demo-1.0-py3-none-any.whl',
        hashes: { sha256: A },
      },
      {
        filename: 'demo-2.0-py3-none-any.whl',
        url: 'https://nvidia.example.org/demo/demo-2.0-py3-none-any.whl',
        hashes: { sha256: B },
      },
    ],
    urls: [`../../files/up/${A}/demo-1.0-py3-none-any.whl`, `../../files/up/${B}/demo-2.0-py3-none-any.whl`],
    links: [`demo-1.0-py3-none-any.whl#sha256=${A}`, `demo-2.0-py3-none-any.whl#sha256=${B}`],
  },
  {
    upstream: 'Artifactory: links upward, requires-python not escaped',
    url: 'https://art.example.org/artifactory/api/pypi/main/simple/demo/',
    contentType: 'text/html;charset=UTF-8',
    body: `<!DOCTYPE html>
<html><head><title>Simple Index</title><meta name="api-version" value="2" /></head><body>
<a data-requires-python=">=3.8,<4" href="../../packages/packages/ab/cd/demo-1.0.tar.gz#sha256=${A}" rel="internal" >demo-1.0.tar.gz</a><br/>
</body></html>`,
    files: [
      {
        filename: 'demo-1.0.tar.gz',
        url: 'https://art.example.org/artifactory/api/pypi/main/packages/packages/ab/cd/demo-1.0.tar.gz',
        hashes: { sha256: A },
        requiresPython: '>=3.8,<4',
      },
    ],
    urls: [`../../files/up/${A}/demo-1.0.tar.gz`],
    links: [`demo-1.0.tar.gz#sha256=${A}" data-requires-python="&gt;=3.8,&lt;4`],
  },
  {
    upstream: 'Nexus: MD5 only',
    url: 'https://nexus.example.org/repository/pypi/simple/demo/',
    contentType: 'text/html',
    body: `<html lang="en"><head><title>Links for demo</title></head><body><h1>Links for demo</h1><a href="../../packages/demo/1.0/demo-1.0.tar.gz#md5=${MD5}" rel="internal">demo-1.0.tar.gz</a><br/></body></html>`,
    files: [
      {
        filename: 'demo-1.0.tar.gz',
        url: 'https://nexus.example.org/repository/pypi/packages/demo/1.0/demo-1.0.tar.gz',
        hashes: { md5: MD5 },
      },
    ],
    urls: ['../../files/up/unhashed/demo-1.0.tar.gz'],
    links: [`demo-1.0.tar.gz#md5=${MD5}`],
  },
  {
    upstream: 'Nexus: a page without links for a project that it lacks',
    url: 'https://nexus.example.org/repository/group/simple/demo/',
    contentType: 'text/html',
    body: '<html lang="en"><head><title>Links for demo</title></head><body><h1>Links for demo</h1></body></html>',
    files: [],
    urls: [],
    links: [],
  },
  {
    upstream: 'devpi: +f folders, JSON with relative links',
    url: 'https://devpi.example.org/root/pypi/+simple/demo/',
    contentType: 'application/vnd.pypi.simple.v1+json',
    body: JSON.stringify({
      meta: { 'api-version': '1.0' },
      name: 'demo',
      files: [
        {
          filename: 'demo-1.0.tar.gz',
          url: `../../+f/aaa/aaaaaaaaaaaaa/demo-1.0.tar.gz#sha256=${A}`,
          hashes: { sha256: A },
        },
      ],
    }),
    files: [
      {
        filename: 'demo-1.0.tar.gz',
        url: 'https://devpi.example.org/root/pypi/+f/aaa/aaaaaaaaaaaaa/demo-1.0.tar.gz',
        hashes: { sha256: A },
      },
    ],
    urls: [`../../files/up/${A}/demo-1.0.tar.gz`],
    links: [`demo-1.0.tar.gz#sha256=${A}`],
  },
  {
    upstream: 'JSON labelled as HTML',
    url: 'https://odd.example.org/simple/demo/',
    contentType: 'text/html',
    body: JSON.stringify({
      files: [
        { filename: 'demo-1.0.zip', url: '//cdn.example.org/demo-1.0.zip', hashes: { blake3: A, sha512: A + B } },
      ],
    }),
    files: [{ filename: 'demo-1.0.zip', url: 'https://cdn.example.org/demo-1.0.zip', hashes: { sha512: A + B } }],
    urls: ['../../files/up/unhashed/demo-1.0.zip'],
    links: [`demo-1.0.zip#sha512=${A}${B}`],
  },
  {
    upstream: 'HTML labelled as octets, with a base',
    url: 'https://odd.example.org/simple/demo/',
    contentType: 'application/octet-stream',
    body: `<HTML><HEAD><BASE HREF='https://cdn.example.org/p/'></HEAD><A HREF='demo-1.0.zip#sha1=${MD5}01234567'>demo</A>`,
    files: [
      { filename: 'demo-1.0.zip', url: 'https://cdn.example.org/p/demo-1.0.zip', hashes: { sha1: `${MD5}01234567` } },
    ],
    urls: ['../../files/up/unhashed/demo-1.0.zip'],
    // uv gives the whole page up for `#sha1=`.
    links: ['demo-1.0.zip'],
  },
]
