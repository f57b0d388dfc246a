import type { z } from 'zod'
import { access } from './access.ts'
import { adminTokens } from './admin-tokens.ts'
import { applications } from './applications.ts'
import { approvals } from './approvals.ts'
import { audit } from './audit.ts'
import { autopilot } from './autopilot.ts'
import { conversations } from './conversations.ts'
import { delegations } from './delegations.ts'
import { grants } from './grants.ts'
import type { Operation } from './operation.ts'
import { operatorOperations } from './operator.ts'
import { plans } from './plans.ts'
import { policies } from './policies.ts'
import { policyAuthor } from './policy-author.ts'
import { policySets } from './policy-sets.ts'
import { providers } from './providers.ts'
import { resources } from './resources.ts'
import { sessions } from './sessions.ts'
import { subjectIssuers } from './subject-issuers.ts'
import { subjects } from './subjects.ts'
import { webhooks } from './webhooks.ts'
import { witnesses } from './witnesses.ts'
import { zones } from './zones.ts'

/** Every operation of the product, in the order in which surfaces list them. */
export const catalogue = [
  ...zones,
  ...applications,
  ...providers,
  ...resources,
  ...grants,
  ...subjectIssuers,
  ...subjects,
  ...policies,
  ...policyAuthor,
  ...policySets,
  ...approvals,
  ...webhooks,
  ...access,
  ...sessions,
  ...delegations,
  ...audit,
  ...witnesses,
  ...plans,
  ...conversations,
  ...operatorOperations,
  ...autopilot,
  ...adminTokens,
] as const

type Declared = (typeof catalogue)[number]
export type OperationId = Declared['id']
export type OperationOf<Id extends OperationId> = Extract<Declared, { id: Id }>
/** The input after parsing: defaults are filled in. */
export type InputOf<Id extends OperationId> = z.output<OperationOf<Id>['input']>
/** The input as a caller gives it. */
export type RequestOf<Id extends OperationId> = z.input<OperationOf<Id>['input']>
export type OutputOf<Id extends OperationId> = z.output<OperationOf<Id>['output']>

const byId = new Map<string, Operation>(catalogue.map((operation) => [operation.id, operation]))

/** The operation with an id, or undefined; never a property of a prototype. */
export function findOperation(id: string): (Operation & { readonly id: OperationId }) | undefined {
  return byId.get(id) as (Operation & { readonly id: OperationId }) | undefined
}

/** Every control scope that some operation needs, sorted. */
export const controlScopes: readonly string[] = [
  ...new Set(catalogue.map((operation) => operation.scope)),
].sort()

/** The control scopes that only ever read. */
export const readScopes: readonly string[] = controlScopes.filter((scope) =>
  scope.endsWith(':read'),
)
