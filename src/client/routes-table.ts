/**
 * Where the client finds each operation, by object and verb in camelCase. Made from the catalogue in
 * tools/, by `npm run generate`, so that the client carries no schemas.
 *
 * `page`: the answer is a page of a list. `stream`: it goes on as server-sent events. `reads`: the
 * call changes nothing, whatever its method, so it may be sent again.
 */
export const routes = {
  zones: {
    list: { method: 'GET', path: '/v1/zones', answer: 'page', reads: true },
    create: { method: 'POST', path: '/v1/zones', answer: 'object', reads: false },
    get: { method: 'GET', path: '/v1/zones/:zone_id', answer: 'object', reads: true },
    patch: { method: 'PATCH', path: '/v1/zones/:zone_id', answer: 'object', reads: false },
    delete: { method: 'DELETE', path: '/v1/zones/:zone_id', answer: 'object', reads: false },
    overview: { method: 'GET', path: '/v1/zones/:zone_id/overview', answer: 'object', reads: true },
    dcrStatus: {
      method: 'GET',
      path: '/v1/zones/:zone_id/dcr-status',
      answer: 'object',
      reads: true,
    },
    rotateKeys: {
      method: 'POST',
      path: '/v1/zones/:zone_id/rotate-keys',
      answer: 'object',
      reads: false,
    },
  },
  applications: {
    list: { method: 'GET', path: '/v1/zones/:zone_id/applications', answer: 'page', reads: true },
    create: {
      method: 'POST',
      path: '/v1/zones/:zone_id/applications',
      answer: 'object',
      reads: false,
    },
    get: {
      method: 'GET',
      path: '/v1/zones/:zone_id/applications/:application_id',
      answer: 'object',
      reads: true,
    },
    patch: {
      method: 'PATCH',
      path: '/v1/zones/:zone_id/applications/:application_id',
      answer: 'object',
      reads: false,
    },
    delete: {
      method: 'DELETE',
      path: '/v1/zones/:zone_id/applications/:application_id',
      answer: 'object',
      reads: false,
    },
    rotateSecret: {
      method: 'POST',
      path: '/v1/zones/:zone_id/applications/:application_id/rotate-secret',
      answer: 'object',
      reads: false,
    },
  },
  providers: {
    list: { method: 'GET', path: '/v1/zones/:zone_id/providers', answer: 'page', reads: true },
    create: {
      method: 'POST',
      path: '/v1/zones/:zone_id/providers',
      answer: 'object',
      reads: false,
    },
    get: {
      method: 'GET',
      path: '/v1/zones/:zone_id/providers/:provider_id',
      answer: 'object',
      reads: true,
    },
    patch: {
      method: 'PATCH',
      path: '/v1/zones/:zone_id/providers/:provider_id',
      answer: 'object',
      reads: false,
    },
    setSecret: {
      method: 'POST',
      path: '/v1/zones/:zone_id/providers/:provider_id/secret',
      answer: 'object',
      reads: false,
    },
    delete: {
      method: 'DELETE',
      path: '/v1/zones/:zone_id/providers/:provider_id',
      answer: 'object',
      reads: false,
    },
  },
  resources: {
    list: { method: 'GET', path: '/v1/zones/:zone_id/resources', answer: 'page', reads: true },
    create: {
      method: 'POST',
      path: '/v1/zones/:zone_id/resources',
      answer: 'object',
      reads: false,
    },
    get: {
      method: 'GET',
      path: '/v1/zones/:zone_id/resources/:resource_id',
      answer: 'object',
      reads: true,
    },
    patch: {
      method: 'PATCH',
      path: '/v1/zones/:zone_id/resources/:resource_id',
      answer: 'object',
      reads: false,
    },
    delete: {
      method: 'DELETE',
      path: '/v1/zones/:zone_id/resources/:resource_id',
      answer: 'object',
      reads: false,
    },
  },
  grants: {
    list: { method: 'GET', path: '/v1/zones/:zone_id/grants', answer: 'page', reads: true },
    create: { method: 'POST', path: '/v1/zones/:zone_id/grants', answer: 'object', reads: false },
    get: {
      method: 'GET',
      path: '/v1/zones/:zone_id/grants/:grant_id',
      answer: 'object',
      reads: true,
    },
    patch: {
      method: 'PATCH',
      path: '/v1/zones/:zone_id/grants/:grant_id',
      answer: 'object',
      reads: false,
    },
    delete: {
      method: 'DELETE',
      path: '/v1/zones/:zone_id/grants/:grant_id',
      answer: 'object',
      reads: false,
    },
  },
  policies: {
    validate: { method: 'POST', path: '/v1/policies/validate', answer: 'object', reads: true },
    templates: { method: 'GET', path: '/v1/policy-templates', answer: 'object', reads: true },
    list: { method: 'GET', path: '/v1/zones/:zone_id/policies', answer: 'page', reads: true },
    create: { method: 'POST', path: '/v1/zones/:zone_id/policies', answer: 'object', reads: false },
    get: {
      method: 'GET',
      path: '/v1/zones/:zone_id/policies/:policy_id',
      answer: 'object',
      reads: true,
    },
    addVersion: {
      method: 'POST',
      path: '/v1/zones/:zone_id/policies/:policy_id/versions',
      answer: 'object',
      reads: false,
    },
    delete: {
      method: 'DELETE',
      path: '/v1/zones/:zone_id/policies/:policy_id',
      answer: 'object',
      reads: false,
    },
  },
  policySets: {
    list: { method: 'GET', path: '/v1/zones/:zone_id/policy-sets', answer: 'page', reads: true },
    create: {
      method: 'POST',
      path: '/v1/zones/:zone_id/policy-sets',
      answer: 'object',
      reads: false,
    },
    get: {
      method: 'GET',
      path: '/v1/zones/:zone_id/policy-sets/:policy_set_id',
      answer: 'object',
      reads: true,
    },
    addVersion: {
      method: 'POST',
      path: '/v1/zones/:zone_id/policy-sets/:policy_set_id/versions',
      answer: 'object',
      reads: false,
    },
    getVersion: {
      method: 'GET',
      path: '/v1/zones/:zone_id/policy-sets/:policy_set_id/versions/:version_id',
      answer: 'object',
      reads: true,
    },
    activate: {
      method: 'POST',
      path: '/v1/zones/:zone_id/policy-sets/:policy_set_id/activate',
      answer: 'object',
      reads: false,
    },
    rollback: {
      method: 'POST',
      path: '/v1/zones/:zone_id/policy-sets/:policy_set_id/rollback',
      answer: 'object',
      reads: false,
    },
    activationStatus: {
      method: 'GET',
      path: '/v1/zones/:zone_id/policy-sets/:policy_set_id/activation-status',
      answer: 'object',
      reads: true,
    },
    simulate: {
      method: 'POST',
      path: '/v1/zones/:zone_id/policy-sets/:policy_set_id/simulate',
      answer: 'object',
      reads: true,
    },
    replay: {
      method: 'POST',
      path: '/v1/zones/:zone_id/policy-sets/:policy_set_id/replay',
      answer: 'object',
      reads: true,
    },
    delete: {
      method: 'DELETE',
      path: '/v1/zones/:zone_id/policy-sets/:policy_set_id',
      answer: 'object',
      reads: false,
    },
  },
  access: {
    list: { method: 'GET', path: '/v1/zones/:zone_id/access', answer: 'page', reads: true },
    check: {
      method: 'POST',
      path: '/v1/zones/:zone_id/access/check',
      answer: 'object',
      reads: true,
    },
  },
  audit: {
    list: { method: 'GET', path: '/v1/zones/:zone_id/audit', answer: 'page', reads: true },
    byRequest: {
      method: 'GET',
      path: '/v1/zones/:zone_id/audit/by-request/:request_id',
      answer: 'object',
      reads: true,
    },
    explain: {
      method: 'GET',
      path: '/v1/zones/:zone_id/audit/by-request/:request_id/explain',
      answer: 'object',
      reads: true,
    },
    platform: { method: 'GET', path: '/v1/audit', answer: 'page', reads: true },
  },
  plans: {
    list: { method: 'GET', path: '/v1/zones/:zone_id/plans', answer: 'page', reads: true },
    create: { method: 'POST', path: '/v1/zones/:zone_id/plans', answer: 'object', reads: false },
    get: {
      method: 'GET',
      path: '/v1/zones/:zone_id/plans/:plan_id',
      answer: 'object',
      reads: true,
    },
    preview: {
      method: 'POST',
      path: '/v1/zones/:zone_id/plans/:plan_id/preview',
      answer: 'object',
      reads: false,
    },
    approve: {
      method: 'POST',
      path: '/v1/zones/:zone_id/plans/:plan_id/approve',
      answer: 'object',
      reads: false,
    },
    reject: {
      method: 'POST',
      path: '/v1/zones/:zone_id/plans/:plan_id/reject',
      answer: 'object',
      reads: false,
    },
    apply: {
      method: 'POST',
      path: '/v1/zones/:zone_id/plans/:plan_id/apply',
      answer: 'object',
      reads: false,
    },
  },
  conversations: {
    list: {
      method: 'GET',
      path: '/v1/zones/:zone_id/operator/conversations',
      answer: 'page',
      reads: true,
    },
    create: {
      method: 'POST',
      path: '/v1/zones/:zone_id/operator/conversations',
      answer: 'object',
      reads: false,
    },
    get: {
      method: 'GET',
      path: '/v1/zones/:zone_id/operator/conversations/:conversation_id',
      answer: 'object',
      reads: true,
    },
    delete: {
      method: 'DELETE',
      path: '/v1/zones/:zone_id/operator/conversations/:conversation_id',
      answer: 'object',
      reads: false,
    },
    send: {
      method: 'POST',
      path: '/v1/zones/:zone_id/operator/conversations/:conversation_id/messages',
      answer: 'stream',
      reads: false,
    },
    cancel: {
      method: 'POST',
      path: '/v1/zones/:zone_id/operator/conversations/:conversation_id/cancel',
      answer: 'object',
      reads: false,
    },
  },
  operator: {
    status: { method: 'GET', path: '/v1/operator/status', answer: 'object', reads: true },
    capabilities: {
      method: 'GET',
      path: '/v1/operator/capabilities',
      answer: 'object',
      reads: true,
    },
  },
  adminTokens: {
    list: { method: 'GET', path: '/v1/admin-tokens', answer: 'page', reads: true },
    create: { method: 'POST', path: '/v1/admin-tokens', answer: 'object', reads: false },
    rotate: {
      method: 'POST',
      path: '/v1/admin-tokens/:admin_token_id/rotate',
      answer: 'object',
      reads: false,
    },
    delete: {
      method: 'DELETE',
      path: '/v1/admin-tokens/:admin_token_id',
      answer: 'object',
      reads: false,
    },
  },
} as const
