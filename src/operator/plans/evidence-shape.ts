import { digestOf } from '../../kernel/canonical.ts'
import type { OutputOf } from '../../../tools/catalogue.ts'

export type Evidence = OutputOf<'plans.evidence'>
export type EvidenceBody = Omit<Evidence, 'signature'>

/** The first line of the text that is signed: no checkpoint of a log begins like this. */
const header = 'caracal-evidence/1'

/**
 * The text under the signature: what it is of, the digest of the whole in RFC 8785 form, and the
 * digest of each part, so that whoever verifies can say which part was altered.
 */
export function signedText(body: EvidenceBody): string {
  const lines = [...partsOf(body)].map(([path, value]) => `${path} ${digestOf(value)}`)
  return `${[header, body.plan.id, digestOf(body), ...lines].join('\n')}\n`
}

/** The parts of the evidence by their paths: every field of the plan, every approval and every log. */
export function partsOf(body: EvidenceBody): ReadonlyMap<string, unknown> {
  const { plan, approvals, logs, ...rest } = body
  return new Map<string, unknown>([
    ...Object.entries(rest),
    ...Object.entries(plan).map(([field, value]) => [`plan.${field}`, value] as const),
    ...approvals.map((approval, i) => [`approvals.${i}`, approval] as const),
    ...logs.flatMap((log, i) =>
      Object.entries(log).map(([field, value]) => [`logs.${i}.${field}`, value] as const),
    ),
  ])
}
