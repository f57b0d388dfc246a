import type { TokenEventType } from '../audit/event-types.ts'
import type { Principal } from '../gate/principal.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls, once the credential has been read. */
    principal: Principal | null
    /** The call has been handed to the door, or the STS, which records its own refusals. */
    atDoor: boolean
  }
  interface FastifyContextConfig {
    /** The operation that the route serves. */
    operation?: string
    /** The type of the event that an OAuth endpoint leaves. */
    event?: TokenEventType
  }
}
