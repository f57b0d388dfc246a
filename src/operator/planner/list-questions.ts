import type { OutputOf } from '../../../tools/catalogue.ts'
import { describeInstant } from './civil-time.ts'
import { type Clause, has, is, isUnknown, named, take, takeAll } from './clause.ts'
import type { Entity, Kind } from './entities.ts'
import { activeSet, policiesIn } from './policy-sets.ts'
import { canonical, grantsOf, mention, type Part, type Scene } from './scene.ts'
import { isExactScope } from './scope-words.ts'
import { takeKind } from './slots.ts'
import { capitalized, cited, count, kindNames, listed, quoted, some } from './texts.ts'

const asking = [
  'ask:what',
  'ask:who',
  'ask:is',
  'ask:how-many',
  'ask:where',
  'verb:show',
  'all',
  'word:member',
  'word:active',
  'noun:overview',
  'noun:name',
  'everyone',
  'noun:everything',
  'noun:access',
  'verb:create',
  'word:naming',
] as const

function answer(text: string): readonly Part[] {
  return [{ kind: 'answer', text }]
}

function lines(head: string, rows: readonly string[], most = 60): string {
  const shown = rows.slice(0, most).map((row) => `- ${row}`)
  return [
    head,
    ...shown,
    ...(rows.length > most ? [`- and ${String(rows.length - most)} more`] : []),
  ].join('\n')
}

/** `list the applications`, `show all plans awaiting approval`, `which resources are there?` */
export async function listObjects(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  const counting = has(clause, 'ask:how-many')
  const kind = listedKind(clause)
  const label = labelIn(clause)
  const waiting = has(clause, 'word:awaiting', 'noun:approval')
  takeKind(clause, 'zone')
  takeAll(
    clause,
    ...asking,
    'word:awaiting',
    'noun:approval',
    'noun:label',
    'kind:grant',
    'word:new',
    'noun:template',
  )
  for (const one of ['application', 'resource', 'provider', 'policy', 'policySet'] as const)
    takeKind(clause, one)
  takeAll(clause, 'kind:plan', 'noun:scope')
  switch (kind) {
    case 'plan':
      return listPlans(scene, waiting, counting)
    case 'grant':
      return listGrants(scene, clause, counting)
    case 'zone':
      return listZones(scene, counting)
    case 'template':
      return listTemplates(scene)
    case null:
      return []
    default:
      return listKind(scene, kind, label, counting)
  }
}

type Listed = Exclude<Kind, 'zone'> | 'zone' | 'plan' | 'grant' | 'template'

function listedKind(clause: Clause): Listed | null {
  const order: readonly (readonly [Listed, string])[] = [
    ['template', 'noun:template'],
    ['plan', 'kind:plan'],
    ['grant', 'kind:grant'],
    ['policySet', 'kind:policySet'],
    ['policy', 'kind:policy'],
    ['application', 'kind:application'],
    ['application', 'kind:application-weak'],
    ['resource', 'kind:resource'],
    ['provider', 'kind:provider'],
    ['zone', 'kind:zone'],
  ]
  const waits = has(clause, 'word:awaiting') && has(clause, 'noun:approval')
  return waits ? 'plan' : (order.find(([, name]) => has(clause, name))?.[0] ?? null)
}

function labelIn(clause: Clause): string | null {
  if (!has(clause, 'noun:label', 'verb:label')) return null
  const item = clause.items.find(
    (one) =>
      (isUnknown(one) || one.shape === 'quoted' || isExactScope(one)) && !clause.taken.has(one),
  )
  take(clause, item)
  takeAll(clause, 'verb:label')
  return item?.text ?? null
}

function listKind(
  scene: Scene,
  kind: Exclude<Kind, 'zone'>,
  label: string | null,
  counting: boolean,
): readonly Part[] {
  const { applications, resources, providers, policies, policySets } = scene.objects
  const rows: Readonly<
    Record<
      Exclude<Kind, 'zone'>,
      readonly { id: string; name: string; text: string; labels?: readonly string[] }[]
    >
  > = {
    application: applications.map((row) => ({
      ...row,
      text: row.labels.length > 0 ? `, labels ${listed(row.labels)}` : '',
    })),
    resource: resources.map((row) => ({ ...row, text: `, scopes ${some(row.scopes)}` })),
    provider: providers.map((row) => ({
      ...row,
      text: `, ${row.settings.kind.replaceAll('_', ' ')}`,
    })),
    policy: policies.map((row) => ({
      ...row,
      text: `, version ${String(row.latest_version.number)}`,
    })),
    policySet: policySets.map((row) => ({
      ...row,
      text:
        row.latest_version === null
          ? ', no version'
          : `, version ${String(row.latest_version.number)}`,
    })),
  }
  const fitting = rows[kind].filter((row) => label === null || row.labels?.includes(label) === true)
  const of = label === null ? '' : ` with the label ${quoted(label)}`
  const noun = kindNames[kind]
  const plural = noun.endsWith('y') ? `${noun.slice(0, -1)}ies` : `${noun}s`
  const head = `${capitalized(count(fitting.length, noun, plural))}${of} in zone ${quoted(scene.objects.zone.name)}`
  if (fitting.length > 0 && fitting.length <= 8) {
    const entities = fitting.map(({ id, name }): Entity => ({ kind, id, name, planned: false }))
    mention(scene, ...entities)
  }
  if (counting || fitting.length === 0) return answer(`${head}.`)
  return answer(
    lines(
      `${head}:`,
      fitting.map((row) => cited(row) + row.text),
    ),
  )
}

async function listPlans(
  scene: Scene,
  waiting: boolean,
  counting: boolean,
): Promise<readonly Part[]> {
  const plans = await scene.state.all('plans.list', waiting ? { state: 'pending_approval' } : {})
  const head = `${count(plans.length, 'plan')}${waiting ? ' waiting for approval' : ''}`
  if (counting || plans.length === 0)
    return answer(
      `${plans.length === 0 ? 'No plan' : head}${plans.length === 0 && waiting ? ' waits for approval' : ''}.`,
    )
  const rows = plans.map(
    (plan) =>
      `${plan.id}: ${plan.summary === '' ? plan.intent : plan.summary} (${plan.state.replaceAll('_', ' ')}, asked for by ${quoted(plan.requester.name)})`,
  )
  return answer(lines(`${head}:`, rows))
}

async function listGrants(
  scene: Scene,
  clause: Clause,
  counting: boolean,
): Promise<readonly Part[]> {
  const application = pick(scene, clause, 'application')
  const resource = pick(scene, clause, 'resource')
  const grants = await grantsOf(scene, {
    ...(application !== null && { application }),
    ...(resource !== null && { resource }),
  })
  const of = `${application === null ? '' : ` of ${cited(application)}`}${resource === null ? '' : ` on ${cited(resource)}`}`
  const head = `${count(grants.length, 'grant')}${of}`
  if (counting || grants.length === 0) return answer(`${head}.`)
  const nameOf = (
    list: readonly { readonly id: string; readonly name: string }[],
    id: string,
  ): string => quoted(list.find((one) => one.id === id)?.name ?? id)
  const rows = grants.map((grant) => {
    const ends =
      grant.expires_at === null
        ? ''
        : `, until ${describeInstant(Date.parse(grant.expires_at), scene.now.timeZone)}`
    const user = grant.user_id === null ? '' : ` for user ${quoted(grant.user_id)}`
    return `${nameOf(scene.objects.applications, grant.application_id)}: ${listed(grant.scopes)} on ${nameOf(scene.objects.resources, grant.resource_id)}${user}${ends} (${grant.id})`
  })
  return answer(lines(`${head}:`, rows))
}

function pick(scene: Scene, clause: Clause, kind: Kind): Entity | null {
  const [found] = named(clause, kind)
  if (found === undefined) return null
  take(clause, found.item)
  const entity = canonical(scene, found.entity)
  mention(scene, entity)
  return entity
}

async function listZones(scene: Scene, counting: boolean): Promise<readonly Part[]> {
  const zones = await scene.state.all('zones.list')
  const head = count(zones.length, 'zone')
  if (counting) return answer(`${head}.`)
  return answer(
    lines(
      `${head}:`,
      zones.map((zone) => `${cited(zone)}${zone.system ? ', system zone' : ''}`),
    ),
  )
}

async function listTemplates(scene: Scene): Promise<readonly Part[]> {
  const found = await scene.state.read<OutputOf<'policies.templates'>>('policies_templates')
  return answer(
    lines(
      `${count(found.items.length, 'policy template')}:`,
      found.items.map((one) => `${quoted(one.id)}: ${one.title}. ${one.description}`),
    ),
  )
}

/** `show billing-agent`, `what scopes does invoices have?` */
export async function describeObject(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  const scopesOnly = has(clause, 'noun:scope')
  takeAll(
    clause,
    ...asking,
    'noun:label',
    'noun:scope',
    'noun:upstream',
    'noun:url',
    'noun:secret',
    'pronoun',
    'pronoun-of',
    'kind:grant',
    'noun:version',
    'verb:attach',
    'noun:keys',
  )
  const kinds = ['application', 'resource', 'provider', 'policy', 'policySet', 'zone'] as const
  const targets = kinds.flatMap((kind) => {
    const entity = pick(scene, clause, kind)
    takeKind(clause, kind)
    return entity === null ? [] : [entity]
  })
  const [last] = scene.lately
  const meant = targets.length > 0 || last === undefined ? targets : [last]
  const parts = await Promise.all(meant.map((entity) => describeOne(scene, entity, scopesOnly)))
  return parts.flat()
}

async function describeOne(
  scene: Scene,
  entity: Entity,
  scopesOnly: boolean,
): Promise<readonly Part[]> {
  const { applications, resources, providers, policies, policySets } = scene.objects
  const app = applications.find(({ id }) => id === entity.id)
  if (app !== undefined) {
    const grants = (await grantsOf(scene, { application: entity })).length
    const ends =
      app.expires_at === null
        ? ''
        : `, until ${describeInstant(Date.parse(app.expires_at), scene.now.timeZone)}`
    return answer(
      `${cited(app)} is a ${app.kind} application (${app.auth_method.replaceAll('_', ' ')})${ends}; labels: ${app.labels.length === 0 ? 'none' : listed(app.labels)}; ${count(grants, 'grant')}.`,
    )
  }
  const resource = resources.find(({ id }) => id === entity.id)
  if (resource !== undefined) {
    if (scopesOnly) return answer(`${cited(resource)} has the scopes ${listed(resource.scopes)}.`)
    const provider = providers.find(({ id }) => id === resource.credential_provider_id)
    return answer(
      `${cited(resource)} is the resource ${resource.identifier}; scopes ${listed(resource.scopes)}; upstream ${resource.upstream_url ?? 'none'}; provider ${provider === undefined ? (resource.credential_provider_id ?? 'none') : cited(provider)}.`,
    )
  }
  const provider = providers.find(({ id }) => id === entity.id)
  if (provider !== undefined) {
    const users = resources.filter((row) => row.credential_provider_id === provider.id)
    return answer(
      `${cited(provider)} is a provider (${provider.settings.kind.replaceAll('_', ' ')}), ${provider.has_secret ? 'with' : 'without'} a secret; used by ${users.length === 0 ? 'no resource' : some(users.map(cited))}.`,
    )
  }
  const policy = policies.find(({ id }) => id === entity.id)
  if (policy !== undefined)
    return answer(
      `${cited(policy)} is a policy, version ${String(policy.latest_version.number)} (${policy.latest_version.id}), with the documents ${listed(Object.keys(policy.latest_version.documents))}. ${policy.description}`.trim(),
    )
  const set = policySets.find(({ id }) => id === entity.id)
  if (set !== undefined)
    return answer(
      `${cited(set)} is a policy set; ${set.latest_version === null ? 'it has no version' : `version ${String(set.latest_version.number)} (${set.latest_version.id}) bundles ${count(set.latest_version.manifest.length, 'policy', 'policies')}`}.`,
    )
  return overview(scene)
}

/** `which policy is active?` */
export async function whichActive(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  takeAll(
    clause,
    ...asking,
    'kind:policy',
    'kind:policySet',
    'noun:version',
    'kind:zone',
    'verb:activate',
    'verb:approve',
    'noun:freeze',
    'verb:freeze',
  )
  take(
    clause,
    ...clause.items.filter((item) => ['decides', 'decide', 'rules', 'running'].includes(item.fold)),
  )
  const active = await activeSet(scene)
  if (active === null)
    return answer(
      `No policy set is active in zone ${quoted(scene.objects.zone.name)}, so it authorizes nothing.`,
    )
  const policies = policiesIn(scene, active.manifest)
  const bundled =
    active.manifest.length === 0
      ? 'it bundles no policy, so grants alone decide'
      : `it bundles ${count(active.manifest.length, 'policy', 'policies')}${policies.length > 0 ? `: ${some(policies.map(cited))}` : ''}`
  const number =
    active.set.latest_version?.id === active.versionId
      ? ` version ${String(active.set.latest_version.number)}`
      : ''
  return answer(
    `The policy set ${cited(active.set)}${number} (${active.versionId}) is active in zone ${quoted(scene.objects.zone.name)}; ${bundled}.`,
  )
}

/** `show the zone`, `what is the token endpoint?` */
export async function overview(scene: Scene, clause?: Clause): Promise<readonly Part[]> {
  if (clause !== undefined) {
    takeAll(
      clause,
      ...asking,
      'kind:zone',
      'noun:issuer',
      'noun:url',
      'noun:keys',
      'noun:overview',
      'noun:dcr',
      'verb:on',
      'verb:off',
      'word:active',
      'noun:event',
    )
    take(
      clause,
      ...named(clause, 'zone').map(({ item }) => item),
      ...clause.items.filter(
        (item) =>
          (has(clause, 'noun:dcr') && is(item, 'kind:application')) ||
          is(item, 'pronoun') ||
          item.fold === 'off' ||
          item.fold === 'on',
      ),
    )
  }
  const found = await scene.state.read<OutputOf<'zones.overview'>>('zones_overview')
  const { counts, zone } = found
  const numbers = [
    count(counts.applications, 'application'),
    count(counts.resources, 'resource'),
    count(counts.providers, 'provider'),
    count(counts.grants, 'grant'),
    count(counts.policies, 'policy', 'policies'),
    count(counts.policy_sets, 'policy set'),
    `${count(counts.plans_awaiting_approval, 'plan')} waiting for approval`,
  ]
  return answer(
    [
      `Zone ${cited(zone)}: ${listed(numbers)}.`,
      `Dynamic client registration is ${zone.dcr_enabled ? 'on' : 'off'}.`,
      `Issuer ${found.issuer}, token endpoint ${found.token_endpoint}, keys ${found.jwks_uri}.`,
    ].join(' '),
  )
}
