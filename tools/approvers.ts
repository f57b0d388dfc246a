import { foldName } from '../src/kernel/names.ts'
import { satisfiedBy } from './held-scopes.ts'

/** A person, with the capabilities of the token that they decide under. */
export interface Approver {
  readonly id: string
  readonly name: string
  readonly capabilities: ReadonlySet<string>
}

/** Whom a tier names: whoever holds a capability, or else one person by id or by name. */
export function isApprover(person: Approver, approver: string): boolean {
  if (Object.hasOwn(satisfiedBy, approver))
    return satisfiedBy[approver as keyof typeof satisfiedBy].some((held) =>
      person.capabilities.has(held),
    )
  return approver === person.id || foldName(approver) === foldName(person.name)
}
