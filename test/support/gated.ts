import type { Answer } from '../world.ts'
import { freshName, type ZoneMaker } from './zone-maker.ts'

/** The documents that gate the writing of invoices. */
export const gateOnWrites = {
  risk: [{ scope: 'invoices:write', tier: 'high' }],
  approval_tiers: [{ tier: 'high', approver: 'approve', ttl_seconds: 600 }],
}

/** An application that holds both scopes of a resource in a zone whose policy gates some. */
export interface GatedClient {
  readonly application: { readonly id: string; readonly name: string }
  readonly resource: { readonly id: string; readonly identifier: string }
  /** Asks the token endpoint for a mandate, on this world or on another replica. */
  ask(more?: Readonly<Record<string, string>>, world?: ZoneMaker['world']): Promise<Answer>
  /** A session mandate. */
  session(): Promise<string>
  /** Exchanges a session mandate, as `ask` does without one. */
  exchange(
    subjectToken: string,
    more?: Readonly<Record<string, string>>,
    world?: ZoneMaker['world'],
  ): Promise<Answer>
}

/** Makes documents decide in the zone. */
export async function activateDocuments(make: ZoneMaker, documents: object): Promise<string> {
  const policy = await make.call('policies.create', {
    name: freshName('gate'),
    language: 'json',
    source: JSON.stringify(documents),
  })
  const { id: policy_set_id } = await make.policySet()
  const { id: version_id } = await make.call('policy_sets.add_version', {
    policy_set_id,
    manifest: [{ policy_version_id: policy.latest_version.id }],
  })
  await make.call('policy_sets.activate', { policy_set_id, version_id })
  return version_id
}

export async function gatedClient(
  make: ZoneMaker,
  documents: object = gateOnWrites,
): Promise<GatedClient> {
  await activateDocuments(make, documents)
  return clientIn(make)
}

/** Another client with a resource of its own, under whatever policy the zone has. */
export async function clientIn(make: ZoneMaker): Promise<GatedClient> {
  const application = await make.application()
  const resource = await make.resource()
  await make.call('grants.create', {
    application_id: application.id,
    resource_id: resource.id,
    scopes: resource.scopes,
  })
  const client = { client_id: application.id, client_secret: application.client_secret ?? '' }
  const wanted = { resource: resource.identifier, scope: 'invoices:write' }
  const own = { ...client, grant_type: 'client_credentials' }
  return {
    application,
    resource,
    ask: (more = {}, world = make.world) =>
      world.oauth('token', { ...own, ...wanted, ...more }, make.zone),
    async session() {
      const answer = await make.world.oauth('token', own, make.zone)
      return String(answer.body.access_token)
    },
    exchange: (subject_token, more = {}, world = make.world) =>
      world.oauth(
        'token',
        {
          ...client,
          ...wanted,
          grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
          subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
          subject_token,
          ...more,
        },
        make.zone,
      ),
  }
}

/** A request that waits for a person: the id of its approval. */
export async function waitingApproval(make: ZoneMaker): Promise<string> {
  const { body } = await (await gatedClient(make)).ask()
  return String(body.approval_id)
}
