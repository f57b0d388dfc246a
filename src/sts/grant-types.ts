/** The values of `grant_type` that a zone's token endpoint knows. */
export const grantTypes = {
  clientCredentials: 'client_credentials',
  authorizationCode: 'authorization_code',
  refreshToken: 'refresh_token',
  tokenExchange: 'urn:ietf:params:oauth:grant-type:token-exchange',
} as const

/**
 * What a token exchange starts from (RFC 8693 section 3). An agent session and a delegation are named
 * by their ids: the client, or the actor's mandate, is what proves who asks. The last two are the
 * Operator's.
 */
export const tokenTypes = {
  accessToken: 'urn:ietf:params:oauth:token-type:access_token',
  jwt: 'urn:ietf:params:oauth:token-type:jwt',
  idToken: 'urn:ietf:params:oauth:token-type:id_token',
  agentSession: 'urn:caracal:params:oauth:token-type:agent-session',
  delegation: 'urn:caracal:params:oauth:token-type:delegation',
  conversation: 'urn:caracal:params:oauth:token-type:conversation',
  plan: 'urn:caracal:params:oauth:token-type:plan',
} as const
