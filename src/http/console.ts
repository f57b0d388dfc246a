import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { packageFile } from '../kernel/package-root.ts'

/**
 * The console runs its own files and nothing else: no inline script or style, no other origin, no
 * frame around it, and no string that becomes markup or code (CSP level 3; Trusted Types).
 */
const pageHeaders = {
  'content-security-policy': [
    `default-src 'self'`,
    `base-uri 'none'`,
    `form-action 'self'`,
    `frame-ancestors 'none'`,
    `object-src 'none'`,
    `require-trusted-types-for 'script'`,
  ].join('; '),
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'cache-control': 'no-cache',
}

/** The name of such a file changes with what it holds, so it may be kept for a year. */
const assetHeaders = {
  'cache-control': 'public, max-age=31536000, immutable',
  'cross-origin-resource-policy': 'same-origin',
}

/** Where `npm run build:console` leaves the pages. */
function builtConsole(): string {
  return packageFile('dist', 'console')
}

/**
 * The web console at `/console`, as a Fastify plugin: one page for every address below it, and the
 * files that the page loads, whose names change with what they hold. Without them, 503 says how to
 * build them. `/` leads to it.
 */
export function consoleRoutes(folder = builtConsole()): (app: FastifyInstance) => Promise<void> {
  return async (app) => {
    const hidden = { schema: { hide: true } }
    app.get('/', hidden, (_request, reply) => reply.redirect('/console'))
    app.get('/console', hidden, (_request, reply) => page(reply, folder))
    app.get('/console/*', hidden, (_request, reply) => page(reply, folder))
    await app.register(fastifyStatic, {
      root: join(folder, 'assets'),
      prefix: '/console/assets/',
      decorateReply: false,
      suppressWarning: true,
      index: false,
      redirect: false,
      cacheControl: false,
      setHeaders(reply) {
        void reply.headers(assetHeaders)
      },
    })
  }
}

async function page(reply: FastifyReply, folder: string): Promise<FastifyReply> {
  const html = await readIfBuilt(join(folder, 'index.html'))
  void reply.headers(pageHeaders)
  if (html === null) return reply.code(503).type('text/plain; charset=utf-8').send(notBuilt)
  return reply.type('text/html; charset=utf-8').send(html)
}

async function readIfBuilt(file: string): Promise<Buffer | null> {
  try {
    return await readFile(file)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}

const notBuilt = `The web console has not been built here.

Run:  npm run build:console

The Admin API, its pages at /docs and the command line work without it.
`
