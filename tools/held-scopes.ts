import { catalogue } from './catalogue.ts'
import type { Capability } from './operation.ts'

/** Which capabilities of an admin token satisfy the one that an operation needs. */
export const satisfiedBy: Readonly<Record<Capability, readonly Capability[]>> = {
  read: ['read', 'write', 'owner'],
  write: ['write', 'owner'],
  approve: ['approve'],
  audit: ['audit'],
  owner: ['owner'],
}

/**
 * The control scopes that an admin token with these capabilities holds, sorted: those of which it
 * may call at least one operation. `global` tokens reach the platform too. That a scope is held
 * opens no zone: the mandate's target does.
 */
export function scopesHeldBy(capabilities: readonly string[], global: boolean): readonly string[] {
  const held = new Set(capabilities)
  const scopes = catalogue
    .filter(({ place }) => global || place !== 'platform')
    .filter(({ capability }) => satisfiedBy[capability].some((one) => held.has(one)))
    .map(({ scope }) => scope)
  return [...new Set(scopes)].sort()
}
