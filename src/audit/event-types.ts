/** Types of the events of the OAuth endpoints, each with what it tells of. */
export const tokenEventTypes = {
  'token.request': 'A token request that was refused before its grant was known',
  'token.client_credentials': 'An application asked for a mandate for itself',
  'token.authorization_code': 'A code was exchanged for a user session and its tokens',
  'token.refresh_token': 'A refresh token was used',
  'token.exchange': 'A subject token was exchanged for a mandate',
  'token.id_token': 'A user session was begun from the ID token of a subject issuer',
  'token.agent_session': 'An agent session was exchanged for a session mandate',
  'token.delegation': 'A delegation was exchanged for a mandate',
  'token.read_mandate': 'The Operator asked for the mandate of a conversation',
  'token.plan_mandate': 'The Operator asked for the mandate of an approved plan',
  'token.introspect': 'A token was introspected (RFC 7662)',
  'token.revoke': 'A token was revoked (RFC 7009)',
  'authorize.request': 'A person was sent to the authorization endpoint',
  'authorize.sign_in': 'A person signed in with an admin token',
  'authorize.callback': 'A person came back from an OpenID provider',
} as const

/** Types of the events of what no request asked for, and of models. */
export const platformEventTypes = {
  'platform.bootstrap': 'The first start made the first administrator',
  'system_zone.reconcile': 'The system zone was brought to what it is declared to be',
  'key.activate': 'A published key of a zone began to sign',
  'application.expire': 'A registered application expired and was archived',
  'model.answer': 'A model answered a message: which, how much, never what was said',
  'model.review': 'A model reviewed a plan: it may raise the risk, and nothing else it says counts',
  'autopilot.approve':
    'Autopilot approved a plan for the person who has opted in, or left it to people',
  'log.cosign': 'A witness sent its cosignature of a checkpoint',
  'log.prune': 'Retention removed the bodies of old events; their hashes stay in the tree',
} as const

/** Types of the events of requests that named no operation. */
export const doorEventTypes = {
  mcp: 'A request to the MCP endpoint that was refused before its tool was known',
  'operation.unknown': 'A call that named no operation',
} as const

export type DoorEventType = keyof typeof doorEventTypes
export type TokenEventType = keyof typeof tokenEventTypes
export type PlatformEventType = keyof typeof platformEventTypes
