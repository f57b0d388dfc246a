import { randomBytes } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { AuthorizeAnswer, AuthorizeRequest } from '../sts/people/authorize.ts'
import { refusalPage } from '../sts/people/sign-in-page.ts'
import type { Sts } from '../sts/sts.ts'
import { endpointRequest, faultOf, readForms, recordUnread, type ZoneRequest } from './token.ts'

const cookieName = 'caracal_sign_in'
const cookieSeconds = 600
const formBytes = 16_384

/**
 * Where people sign in, as a Fastify plugin: pages and redirections, since a browser is what asks.
 */
export function authorizeRoutes(
  sts: Sts,
  issuerBase: () => string,
): (app: FastifyInstance) => Promise<void> {
  return async (app) => {
    readForms(app)
    app.setErrorHandler(async (error: unknown, request, reply) => {
      const fault = faultOf(error)
      await recordUnread(sts, request, fault)
      const { status, html, headers } = refusalPage(fault, request.id)
      return reply.code(status).headers(headers).send(html)
    })

    type Serve = (request: AuthorizeRequest) => Promise<AuthorizeAnswer>
    const serveWith =
      (serve: Serve) => async (request: FastifyRequest<ZoneRequest>, reply: FastifyReply) => {
        const browser = browserOf(request) ?? randomBytes(32).toString('base64url')
        void reply.header('set-cookie', cookie(browser, issuerBase()))
        return answer(reply, await serve({ ...authorizeRequest(request), browser }))
      }
    const hidden = { schema: { hide: true } }
    const path = '/zones/:zone/oauth2/authorize'
    app.get<ZoneRequest>(path, hidden, serveWith(sts.askToSignIn))
    const form = {
      ...hidden,
      bodyLimit: formBytes,
      config: { event: 'authorize.sign_in' as const },
    }
    app.post<ZoneRequest>(path, form, serveWith(sts.signIn))
    app.get<ZoneRequest>('/zones/:zone/oauth2/callback', hidden, serveWith(sts.returnFromIssuer))
  }
}

function authorizeRequest(request: FastifyRequest<ZoneRequest>) {
  const own = endpointRequest(request)
  const [, query = ''] = /\?([^#]*)/.exec(request.url) ?? []
  return request.method === 'GET' ? { ...own, form: query } : own
}

function answer(reply: FastifyReply, { page, location }: AuthorizeAnswer): FastifyReply {
  // RFC 9700 section 4.12: 303 makes a browser forget the form, whose token is nobody else's.
  if (page === null) return reply.redirect(location, 303)
  return reply.code(page.status).headers(page.headers).send(page.html)
}

/** Names this browser while somebody signs in with it, and no person. */
function cookie(browser: string, base: string): string {
  const secure = base.startsWith('https:') ? '; Secure' : ''
  return `${cookieName}=${browser}; Path=/zones/; Max-Age=${cookieSeconds}; HttpOnly; SameSite=Lax${secure}`
}

function browserOf({ headers }: FastifyRequest): string | undefined {
  return /(?:^|; *)caracal_sign_in=([A-Za-z0-9_-]{43})(?:;|$)/.exec(headers.cookie ?? '')?.[1]
}
