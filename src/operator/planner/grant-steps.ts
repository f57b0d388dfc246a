import { describeInstant } from './civil-time.ts'
import { addStep, type GrantFacts, outputOf } from './draft.ts'
import type { Entity } from './entities.ts'
import type { Scene } from './scene.ts'
import { listed, quoted } from './texts.ts'

/** `until Friday 27 November 2026, 23:59:59 (Europe/Berlin)`, or nothing for good. */
export function untilText(scene: Scene, expiresAt: string | null): string {
  if (expiresAt === null) return ''
  return ` until ${describeInstant(Date.parse(expiresAt), scene.now.timeZone)}`
}

export interface NewGrant {
  readonly application: Entity
  readonly resource: Entity
  readonly user: string | null
  readonly scopes: readonly string[]
  readonly expiresAt: string | null
}

export function createGrant(scene: Scene, grant: NewGrant): void {
  const { application, resource, user, scopes, expiresAt } = grant
  const step = addStep(scene.draft, {
    operation: 'grants.create',
    name: 'grant',
    input: {
      application_id: application.id,
      ...(user !== null && { user_id: user }),
      resource_id: resource.id,
      scopes,
      ...(expiresAt !== null && { expires_at: expiresAt }),
    },
    phrase: `grant ${quoted(application.name)} ${listed(scopes)} on ${quoted(resource.name)}${
      user === null ? '' : ` for user ${quoted(user)}`
    }${untilText(scene, expiresAt)}`,
  })
  const id = outputOf(step)
  scene.draft.grants.set(id, {
    id,
    application_id: application.id,
    resource_id: resource.id,
    user_id: user,
    scopes: [...scopes],
    expires_at: expiresAt,
  })
}

/** Changes a grant; one that the same plan creates is changed too, by its reference. */
export function patchGrant(
  scene: Scene,
  grant: GrantFacts,
  change: { readonly scopes?: readonly string[]; readonly expires_at?: string | null },
  phrase: string,
): void {
  addStep(scene.draft, {
    operation: 'grants.patch',
    name: 'grant',
    input: { grant_id: grant.id, ...change },
    phrase,
  })
  scene.draft.grants.set(grant.id, {
    ...grant,
    ...(change.scopes !== undefined && { scopes: [...change.scopes] }),
    ...(change.expires_at !== undefined && { expires_at: change.expires_at }),
  })
}

/** Adds scopes to a grant that this plan creates: the step itself, since nothing is written yet. */
export function widenPlanned(scene: Scene, grant: GrantFacts, scopes: readonly string[]): boolean {
  const at = scene.draft.steps.findIndex((step) => outputOf(step.id) === grant.id)
  const step = scene.draft.steps[at]
  if (step === undefined) return false
  const all = [...grant.scopes, ...scopes]
  scene.draft.steps[at] = { ...step, input: { ...step.input, scopes: all } }
  const spoken = scene.draft.phrases.findIndex((phrase) => phrase.step === step.id)
  const text = scene.draft.phrases[spoken]?.text ?? ''
  scene.draft.phrases[spoken] = {
    step: step.id,
    text: text.replace(listed(grant.scopes), listed(all)),
  }
  scene.draft.grants.set(grant.id, { ...grant, scopes: all })
  return true
}

export function revokeGrant(scene: Scene, grant: GrantFacts, phrase: string): void {
  addStep(scene.draft, {
    operation: 'grants.delete',
    name: 'revoke',
    input: { grant_id: grant.id },
    phrase,
  })
  scene.draft.grants.set(grant.id, null)
}

/** Takes scopes away from a grant: the whole grant where none is left. */
export function takeScopes(
  scene: Scene,
  grant: GrantFacts,
  away: readonly string[],
  who: Entity,
  resource: Entity,
): void {
  const kept = grant.scopes.filter((scope) => !away.includes(scope))
  const gone = grant.scopes.filter((scope) => away.includes(scope))
  const user = grant.user_id === null ? '' : ` for user ${quoted(grant.user_id)}`
  const phrase = `take ${listed(gone)} on ${quoted(resource.name)} away from ${quoted(who.name)}${user}`
  if (kept.length === 0) revokeGrant(scene, grant, phrase)
  else patchGrant(scene, grant, { scopes: kept }, phrase)
}

/** Whether a grant that ends then covers what is wanted until the other time. */
export function lastsAsLong(expiresAt: string | null, wanted: string | null): boolean {
  if (expiresAt === null) return true
  return wanted !== null && Date.parse(expiresAt) >= Date.parse(wanted)
}
