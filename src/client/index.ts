export { createAdminClient, type AdminClient, type Preview } from './admin-client.ts'
export { CaracalError } from './caracal-error.ts'
export {
  converse,
  type ConversationEvent,
  type ConverseOptions,
  type Message,
  type Plan,
} from './converse.ts'
export {
  ensureApplication,
  ensureGrant,
  ensurePolicy,
  ensurePolicySet,
  ensureProvider,
  ensureResource,
  ensureZone,
  type Ensured,
} from './ensure.ts'
export type { CallOptions, ClientOptions } from './transport.ts'
