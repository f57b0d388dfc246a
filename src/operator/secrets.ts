import { refuse } from '../kernel/faults.ts'

/** What credentials look like, with the words to call them by. */
const shapes: readonly (readonly [RegExp, string])[] = [
  [/\bcat_[A-Za-z0-9_-]{40,}/, 'an admin token'],
  [/\bcs_[A-Za-z0-9_-]{40,}/, 'a client secret'],
  [/\bsk-[A-Za-z0-9_-]{20,}/, 'an API key'],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/, 'an AWS access key'],
  [/\bgh[pousr]_[A-Za-z0-9]{30,}/, 'a GitHub token'],
  [/\bxox[abprs]-[A-Za-z0-9-]{10,}/, 'a Slack token'],
  [/\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}/, 'a signed token'],
  [/-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----/, 'a private key'],
  [/\bpostgres(?:ql)?:\/\/[^\s:@]{1,80}:[^\s@]{1,200}@/, 'a database URL with its password'],
]

/** Refuses text that holds a credential, before anything has seen or kept it. */
export function refuseSecrets(...texts: readonly string[]): void {
  for (const text of texts) {
    const secret = secretIn(text)
    if (secret !== null)
      refuse('secret_in_message', `This looks like ${secret}: it was not kept. Say it without.`)
  }
}

/** What kind of credential a text holds, in words, or null. */
function secretIn(text: string): string | null {
  return shapes.find(([shape]) => shape.test(text))?.[1] ?? null
}
