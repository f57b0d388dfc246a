/**
 * What the API document says of the OAuth endpoints of a zone. They read and answer by themselves
 * (RFC 6749 knows no other shape), so that this describes them and decides nothing.
 */
interface Documented {
  readonly summary: string
  readonly tags: readonly string[]
  readonly consumes?: readonly string[]
  readonly params?: object
  readonly querystring?: object
  readonly body?: object
  readonly response: Readonly<Record<string, object>>
}

const tags = ['oauth']
const form = ['application/x-www-form-urlencoded']
const text = { type: 'string' } as const
const zone = {
  type: 'object',
  required: ['zone'],
  properties: { zone: { ...text, description: 'The zone, by id or slug' } },
}
const refusal = {
  description: 'A refusal (RFC 6749 section 5.2); `reason` is the precise one',
  type: 'object',
  required: ['error', 'error_description', 'request_id'],
  properties: {
    error: text,
    error_description: text,
    reason: text,
    request_id: text,
  },
}
const noSuchZone = { ...refusal, description: 'There is no such zone' }
function anything(description: string): object {
  return { description, type: 'object', additionalProperties: true }
}

const clientFields = {
  client_id: text,
  client_secret: text,
  client_assertion_type: text,
  client_assertion: { ...text, description: 'private_key_jwt (RFC 7523)' },
}

function posted(
  summary: string,
  required: readonly string[],
  properties: object,
  answer: object,
): Documented {
  return {
    ...{ summary, tags, consumes: form, params: zone },
    body: { type: 'object', required, properties: { ...properties, ...clientFields } },
    response: { 200: answer, default: refusal },
  }
}

/** By method and path, as the routes are registered. */
export const oauthDocuments: Readonly<Record<string, Documented>> = {
  'POST /zones/:zone/oauth2/token': posted(
    'Get a mandate: client credentials, token exchange, authorization code or refresh token',
    ['grant_type'],
    {
      ...{ grant_type: text, resource: text, scope: text },
      ...{ subject_token: text, subject_token_type: text },
      ...{ actor_token: text, actor_token_type: text, requested_token_type: text },
      ...{ code: text, redirect_uri: text, code_verifier: text, refresh_token: text },
      approval_id: { ...text, description: 'The approval that a gated request waits for' },
    },
    {
      description: 'A mandate (RFC 6749 section 5.1)',
      type: 'object',
      required: ['access_token', 'token_type', 'expires_in', 'scope'],
      properties: {
        access_token: text,
        token_type: { type: 'string', enum: ['Bearer', 'DPoP'] },
        expires_in: { type: 'integer' },
        scope: text,
        issued_token_type: text,
        refresh_token: text,
      },
    },
  ),
  'POST /zones/:zone/oauth2/introspect': posted(
    'Say whether a mandate holds, and what it is (RFC 7662)',
    ['token'],
    { token: text },
    {
      description: 'The claims of a live mandate, or nothing but that it is none',
      type: 'object',
      required: ['active'],
      properties: { active: { type: 'boolean' } },
      additionalProperties: true,
    },
  ),
  'POST /zones/:zone/oauth2/revoke': posted(
    'End a mandate or a refresh token of the client (RFC 7009)',
    ['token'],
    { token: text, token_type_hint: text },
    anything('Done, or there was nothing to do'),
  ),
  'GET /zones/:zone/.well-known/jwks.json': {
    ...{ summary: 'The public keys of the zone, newest first', tags, params: zone },
    response: { 200: anything('RFC 7517'), default: noSuchZone },
  },
  'GET /.well-known/jwks.json': {
    ...{ summary: 'The public keys of a zone that a parameter names', tags },
    querystring: { type: 'object', properties: { zone_id: text } },
    response: { 200: anything('RFC 7517'), default: noSuchZone },
  },
  'GET /.well-known/oauth-authorization-server/zones/:zone': {
    ...{ summary: 'What the zone’s issuer offers, and where', tags, params: zone },
    response: { 200: anything('RFC 8414'), default: noSuchZone },
  },
  'GET /zones/:zone/revocations': {
    summary: 'What is revoked: all of it as JSON, what is new as server-sent events',
    ...{ tags, params: zone },
    querystring: { type: 'object', properties: { after: text } },
    response: { 200: anything('Live revocations, up to a sequence'), default: refusal },
  },
}
