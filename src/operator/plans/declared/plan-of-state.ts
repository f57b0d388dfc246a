import { isDeepStrictEqual } from 'node:util'
import type { z } from 'zod'
import type { zoneState } from '../../../../tools/declared-state.ts'
import type { Step } from '../../../gate/steps.ts'
import { refuse } from '../../../kernel/faults.ts'
import { foldName } from '../../../kernel/names.ts'
import type { ZoneState } from '../../../store/zone-state.ts'

export type DeclaredState = z.output<typeof zoneState>

/** What brings a declared state about. */
export interface Brought {
  readonly steps: readonly Step[]
  readonly warnings: readonly string[]
}

/** Objects of one kind by name, as steps refer to them: by id, or by the output of another step. */
export type Names = Map<string, string>

/** A plan while its steps are found. */
export interface PlanOfState {
  readonly state: ZoneState
  readonly prune: boolean
  readonly names: Readonly<Record<'provider' | 'resource' | 'application', Names>>
  /** The latest version of each policy. */
  readonly policyVersions: Names
  /** The policy sets, and the latest version of each that has one. */
  readonly sets: Names
  readonly setVersions: Names
  /** Adds a step and answers its id. */
  add(word: string, operation: string, input: Step['input']): string
  /** Adds a step that archives; these come last, and those added last come first. */
  remove(word: string, operation: string, input: Step['input']): void
  warn(warning: string): void
  /** Notes what cannot be brought about. */
  object(path: string, message: string): void
  /** The steps; refuses `invalid_body` where something was objected to. */
  close(): Brought
}

export function openPlan(state: ZoneState, prune: boolean): PlanOfState {
  const steps: Step[] = []
  const removals: Step[] = []
  const warnings: string[] = []
  const issues: { path: string; message: string }[] = []
  const named = <T extends { readonly name: string }>(
    objects: readonly T[],
    refer: (object: T) => string | null,
  ): Names =>
    new Map(
      objects.flatMap((object) => {
        const reference = refer(object)
        return reference === null ? [] : [[foldName(object.name), reference]]
      }),
    )
  const stepOf = (word: string, operation: string, input: Step['input']): Step => ({
    id: `${word}_${steps.length + removals.length + 1}`,
    operation,
    input,
    depends_on: [],
  })
  return {
    state,
    prune,
    names: {
      provider: named(state.providers, ({ id }) => id),
      resource: named(state.resources, ({ id }) => id),
      application: named(state.applications, ({ id }) => id),
    },
    policyVersions: named(state.policies, ({ version_id }) => version_id),
    sets: named(state.policy_sets, ({ id }) => id),
    setVersions: named(state.policy_sets, ({ version_id }) => version_id),
    add(word, operation, input) {
      const step = stepOf(word, operation, input)
      steps.push(step)
      return step.id
    },
    remove: (word, operation, input) => removals.unshift(stepOf(word, operation, input)),
    warn: (warning) => warnings.push(warning),
    object: (path, message) => issues.push({ path, message }),
    close() {
      const [first] = issues
      if (first !== undefined)
        refuse('invalid_body', `${first.path}: ${first.message}`, {
          details: { issues: issues.slice(0, 20) },
        })
      return { steps: [...steps, ...removals], warnings }
    },
  }
}

/** A field of the output of a step, for later ones. */
export function outputOf(step: string, field = 'id'): string {
  return `{{steps.${step}.output.${field}}}`
}

/** The fields of the wanted that differ from what there is; what is undefined is not asked for. */
export function differing(
  wanted: Readonly<Record<string, unknown>>,
  present: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(wanted).filter(
      ([field, value]) => value !== undefined && !isDeepStrictEqual(value, present[field]),
    ),
  )
}

/** Objects to the names that a list of a file gives twice; names are compared as the zone does. */
export function objectToTwins(
  plan: Pick<PlanOfState, 'object'>,
  list: string,
  items: readonly { readonly name: string }[],
): void {
  const seen = new Set<string>()
  items.forEach(({ name }, i) => {
    const key = foldName(name)
    if (seen.has(key)) plan.object(`${list}.${i}.name`, `is there twice: ${name}`)
    seen.add(key)
  })
}
