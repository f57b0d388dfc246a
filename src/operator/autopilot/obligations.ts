import type { PlanFacts, ProofFacts } from './facts.ts'

/** What must be so before autopilot approves, and again on the outcome before anything is kept. */
interface Obligation {
  readonly name: string
  /** `outcome`: it can be decided only after the steps have run. */
  readonly on: 'plan' | 'outcome'
  /** Why it does not hold, in a sentence; null where it holds. */
  readonly failure: (facts: ProofFacts) => string | null
}

/** Kinds of object that a proven plan may change; everything else is for a person. */
const harmlessKinds: readonly string[] = ['grant', 'resource', 'application']

/** Fields that are somebody's credentials or say where they are. */
const credentialFields: readonly string[] = [
  'auth_method',
  'jwks',
  'jwks_uri',
  'client_secret',
  'provider_id',
  'upstream_url',
  'settings',
]

function unless(holds: boolean, reason: string): string | null {
  return holds ? null : reason
}

function within(spent: number, limit: number, writes: number, of: string): string | null {
  return unless(
    spent + writes <= limit,
    `It changes ${writes} objects, ${spent} of ${limit} are spent ${of}.`,
  )
}

function sensitiveIn({ changes }: PlanFacts): string | null {
  for (const { kind, fields, secret } of changes) {
    if (!harmlessKinds.includes(kind)) return `It changes a ${kind}.`
    if (secret) return `It changes a secret of a ${kind}.`
    const credential = fields.find((field) => credentialFields.includes(field))
    if (credential !== undefined) return `It changes the ${credential} of a ${kind}.`
  }
  return null
}

const notSeen = 'What it does to the whole zone was not seen.'

/** In the order in which a person is told of them. */
export const obligations: readonly Obligation[] = [
  {
    name: 'switched_on',
    on: 'plan',
    failure: (facts) => unless(facts.switched_on, 'Autopilot is switched off.'),
  },
  {
    name: 'opted_in',
    on: 'plan',
    failure: ({ conversation: { own, mode, opted_in } }) =>
      unless(own && mode === 'agent' && opted_in, 'Its conversation has not opted in.'),
  },
  {
    name: 'requester_may_approve',
    on: 'plan',
    failure: ({ person, plan }) =>
      unless(
        person.is_person && person.can_approve && person.id === plan.requester,
        'Whoever asked could not approve it.',
      ),
  },
  {
    name: 'own_zone',
    on: 'plan',
    failure: ({ plan, conversation: { zone } }) =>
      unless(
        plan.reach === 'zone' &&
          plan.zone === zone &&
          plan.steps.every((step) => step.zone === zone) &&
          plan.changes.every((change) => change.zone === zone),
        'It reaches beyond the zone of its conversation.',
      ),
  },
  {
    name: 'every_step_runs',
    on: 'plan',
    failure: ({ plan: { steps } }) =>
      unless(steps.length > 0 && steps.every(({ blocked }) => !blocked), 'A step cannot run.'),
  },
  {
    name: 'low_risk',
    on: 'plan',
    failure: ({ plan: { risk, steps } }) =>
      unless(
        risk === 'low' && steps.every((step) => step.risk === 'low'),
        'It is not of low risk.',
      ),
  },
  {
    name: 'reversible',
    on: 'plan',
    failure: ({ plan: { reversible, steps } }) =>
      unless(
        reversible && steps.every((step) => step.reversible),
        'It cannot be undone as a whole.',
      ),
  },
  { name: 'nothing_sensitive', on: 'plan', failure: ({ plan }) => sensitiveIn(plan) },
  {
    name: 'nothing_gained',
    on: 'plan',
    failure: ({ plan: { gained }, outcome }) =>
      unless(gained === 0 && (outcome?.gained ?? 0) === 0, 'Somebody gains access.'),
  },
  {
    name: 'one_approval',
    on: 'plan',
    failure: ({ plan: { policy } }) =>
      unless(
        policy.decision === 'require_approval' && policy.approvals === 1 && !policy.second_person,
        'The policy on plans asks for more than one approval, or denies it.',
      ),
  },
  {
    name: 'no_rule',
    on: 'plan',
    failure: ({ plan: { policy } }) =>
      unless(policy.rules.length === 0, 'A rule of the administrators speaks of it.'),
  },
  {
    name: 'within_plan_budget',
    on: 'plan',
    failure: ({ plan: { changes }, budget: { plan } }) =>
      within(plan.spent, plan.limit, changes.length, 'of what a plan may change'),
  },
  {
    name: 'within_conversation_budget',
    on: 'plan',
    failure: ({ plan: { changes }, budget: { conversation } }) =>
      within(conversation.spent, conversation.limit, changes.length, 'in this conversation'),
  },
  {
    name: 'within_day_budget',
    on: 'plan',
    failure: ({ plan: { changes }, budget: { day } }) =>
      within(day.spent, day.limit, changes.length, 'today'),
  },
  {
    name: 'whole_diff',
    on: 'outcome',
    failure: ({ outcome }) => unless(outcome !== null, notSeen),
  },
  {
    name: 'as_shown',
    on: 'outcome',
    failure: ({ outcome }) =>
      unless(outcome?.as_shown === true, 'It does something else than it shows.'),
  },
  {
    name: 'nothing_ungated',
    on: 'outcome',
    failure: ({ outcome }) =>
      unless(outcome?.ungated === 0, 'Something needs less than it did: an approval, or a time.'),
  },
  {
    name: 'no_flip',
    on: 'outcome',
    failure: ({ outcome }) =>
      unless(outcome?.deny_to_allow === 0, 'A request that was refused would be allowed.'),
  },
  {
    name: 'no_lock_out',
    on: 'outcome',
    failure: ({ outcome }) =>
      unless(
        outcome?.locked_out === null,
        outcome === null ? notSeen : `After it ${outcome.locked_out ?? ''}.`,
      ),
  },
]

/** An obligation that does not hold. */
export interface Failed {
  readonly obligation: string
  readonly reason: string
}

/** What does not hold; without an outcome, those alone that can be decided without one. */
export function failuresOf(facts: ProofFacts, on: 'plan' | 'whole'): readonly Failed[] {
  return obligations
    .filter((obligation) => on === 'whole' || obligation.on === 'plan')
    .flatMap(({ name, failure }) => {
      const reason = failure(facts)
      return reason === null ? [] : [{ obligation: name, reason }]
    })
}
