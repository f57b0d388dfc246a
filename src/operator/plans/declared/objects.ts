import { stateOperations } from '../../../../tools/declared-state.ts'
import { foldName } from '../../../kernel/names.ts'
import {
  differing,
  objectToTwins,
  outputOf,
  type Names,
  type DeclaredState,
  type PlanOfState,
} from './plan-of-state.ts'

type Item<Section extends 'providers' | 'resources' | 'applications'> = NonNullable<
  DeclaredState[Section]
>[number]

/** What one kind of named objects has of its own. */
interface Kind<Wanted, Present> {
  readonly word: string
  readonly section: 'providers' | 'resources' | 'applications'
  readonly present: readonly Present[]
  readonly names: Names
  find(wanted: Wanted): Present | undefined
  /** The input of the operations: what the file says, with references in the place of names. */
  input(wanted: Wanted, path: string): Readonly<Record<string, unknown>>
  /** The same of what there is, to be compared with it. */
  fields(present: Present): Readonly<Record<string, unknown>>
  /** Fields that are given once, when it is made. */
  readonly fixed: readonly string[]
}

export function stepsToProviders(plan: PlanOfState, wanted: DeclaredState['providers']): void {
  const { providers } = plan.state
  stepsToKind(plan, wanted, {
    word: 'provider',
    section: 'providers',
    present: providers,
    names: plan.names.provider,
    find: ({ name }) => byName(providers, name),
    input: ({ name, settings }) => ({ name, settings }),
    fields: ({ name, settings }) => ({ name, settings }),
    fixed: [],
  })
  for (const { name, settings } of wanted ?? []) {
    const keepsSecret = settings.kind !== 'none' && settings.kind !== 'caracal_mandate'
    if (keepsSecret && byName(providers, name)?.settings.kind !== settings.kind)
      plan.warn(`The provider ${name} has no secret of this kind: store it by hand after apply.`)
  }
}

export function stepsToResources(plan: PlanOfState, wanted: DeclaredState['resources']): void {
  const { resources } = plan.state
  const providers = plan.names.provider
  stepsToKind<Item<'resources'>, (typeof resources)[number]>(plan, wanted, {
    word: 'resource',
    section: 'resources',
    present: resources,
    names: plan.names.resource,
    find: ({ name, identifier }) =>
      resources.find((one) => one.identifier === identifier) ?? byName(resources, name),
    input({ credential_provider: provider, ...rest }, path) {
      if (provider === undefined || provider === null)
        return { ...rest, credential_provider_id: provider }
      const known = providers.get(foldName(provider))
      if (known === undefined)
        plan.object(`${path}.credential_provider`, `there is no provider ${provider}`)
      return { ...rest, credential_provider_id: known }
    },
    fields: ({ id: _, credential_provider: provider, ...rest }) => ({
      ...rest,
      credential_provider_id: provider === null ? null : providers.get(foldName(provider)),
    }),
    fixed: ['identifier'],
  })
}

export function stepsToApplications(
  plan: PlanOfState,
  wanted: DeclaredState['applications'],
): void {
  const { applications } = plan.state
  stepsToKind<Item<'applications'>, (typeof applications)[number]>(plan, wanted, {
    word: 'application',
    section: 'applications',
    present: applications,
    names: plan.names.application,
    find: ({ name }) => byName(applications, name),
    // Keys can be replaced and not taken away.
    input: ({ jwks, ...rest }) => ({ ...rest, jwks: jwks ?? undefined }),
    fields: ({ id: _, ...rest }) => rest,
    fixed: ['auth_method'],
  })
}

function stepsToKind<Wanted extends { readonly name: string }, Present extends Identified>(
  plan: PlanOfState,
  wanted: readonly Wanted[] | undefined,
  kind: Kind<Wanted, Present>,
): void {
  if (wanted === undefined) return
  const { word, section, names } = kind
  const operations = stateOperations[section]
  objectToTwins(plan, section, wanted)
  const kept = new Set<Present>()
  wanted.forEach((item, i) => {
    const path = `${section}.${i}`
    const input = kind.input(item, path)
    const there = kind.find(item)
    if (there === undefined) {
      const given = Object.entries(input).filter(
        ([, value]) => value !== undefined && value !== null,
      )
      names.set(
        foldName(item.name),
        outputOf(plan.add(word, operations.create, Object.fromEntries(given))),
      )
      return
    }
    kept.add(there)
    names.set(foldName(item.name), there.id)
    const changes = differing(input, kind.fields(there))
    for (const field of kind.fixed.filter((one) => one in changes))
      plan.object(`${path}.${field}`, `${there.name} has another one, which cannot be changed`)
    if (Object.keys(changes).length > 0)
      plan.add(word, operations.patch, { [operations.id]: there.id, ...changes })
  })
  if (!plan.prune) return
  for (const gone of kind.present.filter((one) => !kept.has(one))) {
    plan.remove(word, operations.remove, { [operations.id]: gone.id })
    if (names.get(foldName(gone.name)) === gone.id) names.delete(foldName(gone.name))
  }
}

interface Identified {
  readonly id: string
  readonly name: string
}

export function byName<T extends Identified>(objects: readonly T[], name: string): T | undefined {
  const key = foldName(name)
  return objects.find((one) => foldName(one.name) === key)
}
