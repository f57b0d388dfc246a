import { createHash } from 'node:crypto'
import type { Fault } from '../../kernel/faults.ts'
import { retryAfterOf } from '../../kernel/rate-limiter.ts'
import { requestParameters } from './authorization-request.ts'
import type { Parameters } from '../parameters.ts'

/** A page for a person, with the headers that keep it to itself. */
export interface Page {
  readonly status: number
  readonly html: string
  readonly headers: Readonly<Record<string, string>>
}

const style = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 26rem; margin: 4rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem } form { margin: 1.5rem 0 } p { margin: .5rem 0 }
label { display: block } input, button { font: inherit; padding: .5rem; box-sizing: border-box }
input { width: 100% } button { width: 100%; margin-top: .5rem; cursor: pointer }
.refused { border-left: 4px solid #b00020; padding-left: .75rem }`

const styleHash = createHash('sha256').update(style).digest('base64')

/**
 * No script, no other origin, no frame around it. `formTargets` are where a form may end up: a
 * browser holds the redirections after it to the same rule (CSP level 3, form-action).
 */
function pageHeaders(formTargets: readonly string[]): Readonly<Record<string, string>> {
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': [
      `default-src 'none'`,
      `style-src 'sha256-${styleHash}'`,
      `base-uri 'none'`,
      `form-action ${formTargets.length === 0 ? `'none'` : formTargets.join(' ')}`,
      `frame-ancestors 'none'`,
    ].join('; '),
    'x-frame-options': 'DENY',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
  }
}

/** What the page asks, and for whom. */
export interface SignInForm {
  readonly applicationName: string
  readonly redirectUri: string
  readonly parameters: Parameters
  readonly issuers: readonly { readonly id: string; readonly name: string }[]
  readonly csrf: string
  /** Why the last try was refused. */
  readonly refused: string | null
}

export function signInPage(form: SignInForm): Page {
  const kept = requestParameters.flatMap((name) => {
    const value = form.parameters.get(name)
    return value === undefined ? [] : [hidden(name, value)]
  })
  const carried = [...kept, hidden('csrf', form.csrf)].join('')
  const { origin } = new URL(form.redirectUri)
  const html = page(
    'Sign in',
    `<h1>Sign in to ${escaped(form.applicationName)}</h1>
<p>You are sent back to <strong>${escaped(origin)}</strong>.</p>
${form.refused === null ? '' : `<p class="refused" role="alert">${escaped(form.refused)}</p>`}
${form.issuers.map((issuer) => issuerForm(issuer, carried)).join('\n')}
<form method="post" action="authorize">${carried}
<label>Admin token <input type="password" name="admin_token" autocomplete="off" required></label>
<button>Sign in with an admin token</button></form>`,
  )
  const targets = [`'self'`, origin, ...(form.issuers.length === 0 ? [] : ['https:'])]
  return { status: form.refused === null ? 200 : 401, html, headers: pageHeaders(targets) }
}

function issuerForm(issuer: { readonly id: string; readonly name: string }, carried: string) {
  return `<form method="post" action="authorize">${carried}${hidden('subject_issuer', issuer.id)}
<button>Continue with ${escaped(issuer.name)}</button></form>`
}

/** A refusal that nobody but the person can be told. */
export function refusalPage(fault: Fault, requestId: string): Page {
  const { status, message } = fault
  const retryAfter = retryAfterOf(fault)
  const html = page(
    'Not signed in',
    `<h1>You cannot sign in like this</h1><p class="refused">${escaped(message)}</p>
<p>Go back to the application and begin again. Request ${escaped(requestId)}.</p>`,
  )
  const wait = retryAfter === null ? {} : { 'retry-after': retryAfter }
  return { status, html, headers: { ...pageHeaders([]), ...wait } }
}

function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title>
<meta name="viewport" content="width=device-width"><style>${style}</style></head>
<body><main>${body}</main></body></html>`
}

function hidden(name: string, value: string): string {
  return `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`
}

const entities: Readonly<Record<string, string>> = {
  ...{ '&': '&amp;', '<': '&lt;', '>': '&gt;' },
  ...{ '"': '&quot;', "'": '&#39;' },
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => entities[char] ?? '')
}
