import type { OperationId } from './catalogue.ts'

/** What must stay possible by a plan, whatever a plan does. */
export const keptPossible: readonly { readonly operation: OperationId; readonly words: string }[] =
  [
    { operation: 'policy_sets.activate', words: 'change which policy decides' },
    { operation: 'policies.create', words: 'write another policy' },
    { operation: 'grants.delete', words: 'revoke a grant' },
  ]
