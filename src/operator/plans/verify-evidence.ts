import { evidence as schema } from '../../../tools/plans.ts'
import { parseCheckpoint } from '../../audit/checkpoint.ts'
import { leafHash } from '../../audit/merkle.ts'
import { parseNote, parseVerifierKey, verifyNote, type Note } from '../../audit/note.ts'
import { provesInclusion } from '../../audit/verify-proof.ts'
import { digestOf } from '../../kernel/canonical.ts'
import { flawOf } from '../autopilot/proof.ts'
import { partsOf, signedText, type Evidence } from './evidence-shape.ts'
import { planDigest } from './plan-view.ts'

/** What is wrong with evidence, and where in it. */
export interface EvidenceFinding {
  readonly path: string
  readonly message: string
}

export interface VerifiedEvidence {
  /** Null where it cannot even be read. */
  readonly evidence: Evidence | null
  /** The key that has signed it, as it was given or as the evidence names it. */
  readonly key: string
  readonly findings: readonly EvidenceFinding[]
}

/** An event of the log, as far as it is compared with the plan. */
interface Entry {
  readonly id: string
  readonly zone_id: string
  readonly type: string
  readonly outcome: string
  readonly plan_id: string | null
  readonly request_id: string
  readonly mandate_jti: string | null
  readonly actor: { readonly id: string }
  readonly on_behalf_of?: { readonly id: string } | null
  readonly diagnostics?: { readonly proof?: { readonly digest?: string } }
}

/**
 * Verifies evidence with nothing but the public key of the log of its zone (name+id+key); without one
 * the key that the evidence names is taken, which proves that it is of one piece and not whose it is.
 */
export function verifyEvidence(value: unknown, givenKey: string | null): VerifiedEvidence {
  const parsed = schema.safeParse(value)
  if (!parsed.success) {
    const findings = parsed.error.issues.map(({ path, message }) => ({
      path: path.join('.'),
      message,
    }))
    return { evidence: null, key: givenKey ?? '', findings }
  }
  // As it stands in the file: reading leaves out what it does not know, which would hide an addition.
  const evidence = value as Evidence
  const key = givenKey ?? evidence.logs[0]?.verifier_key ?? ''
  return {
    evidence,
    key,
    findings: [
      ...signatureFindings(evidence, key),
      ...planFindings(evidence),
      ...evidence.logs.flatMap((log, i) => logFindings(evidence, log, `logs.${i}`)),
      ...eventFindings(evidence),
    ],
  }
}

function signatureFindings(evidence: Evidence, keyText: string): readonly EvidenceFinding[] {
  const key = parseVerifierKey(keyText)
  if (key === null) return [finding('key', 'is no public key of a log')]
  const own = evidence.logs[0]
  const other =
    own?.verifier_key === keyText && own.zone_id === evidence.plan.zone_id
      ? []
      : [finding('logs.0.verifier_key', 'is not the key that the evidence is to be signed with')]
  const note = parseNote(evidence.signature)
  if (note === null || !verifyNote(note, key).signed)
    return [...other, finding('signature', 'is not made by this key under this text')]
  return [...other, ...partFindings(evidence, note)]
}

/** Names the parts whose digests are not those that were signed. */
function partFindings({ signature: _, ...body }: Evidence, note: Note): readonly EvidenceFinding[] {
  if (signedText(body) === note.text) return []
  const signed = new Map(
    note.text.split('\n').map((line) => {
      const [path = '', digest = ''] = line.split(' ')
      return [path, digest] as const
    }),
  )
  const parts = partsOf(body)
  const altered = [...parts].filter(([path, value]) => signed.get(path) !== digestOf(value))
  const missing = [...signed].filter(([path, digest]) => digest !== '' && !parts.has(path))
  const paths = [...altered, ...missing].map(([path]) => path)
  return paths.length === 0
    ? [finding('signature', 'is made over something else')]
    : paths.map((path) => finding(path, 'is not what was signed'))
}

function planFindings({ plan, approvals }: Evidence): readonly EvidenceFinding[] {
  const findings: EvidenceFinding[] = []
  if (plan.digest === null || planDigest(recordOf(plan)) !== plan.digest)
    findings.push(finding('plan.digest', 'is not the digest of this plan'))
  approvals.forEach(({ digest }, i) => {
    if (digest !== plan.digest)
      findings.push(finding(`approvals.${i}.digest`, 'names another plan than this'))
  })
  approvals.forEach(({ kind, proof }, i) => {
    if (kind !== 'autopilot') return
    const { preview } = plan
    const flaw = preview === null ? 'has no preview' : flawOf(proof, { ...recordOf(plan), preview })
    if (flaw !== null) findings.push(finding(`approvals.${i}.proof`, flaw))
  })
  const people = new Set(
    approvals.filter(({ decision }) => decision === 'approve').map(({ approver }) => approver.id),
  )
  if (plan.state === 'applied' && people.size < plan.approvals_required)
    findings.push(
      finding('approvals', `are ${people.size} of the ${plan.approvals_required} that it needed`),
    )
  return findings
}

function recordOf(plan: Evidence['plan']): Parameters<typeof planDigest>[0] {
  return { ...plan, requester_id: plan.requester.id }
}

function logFindings(
  { plan }: Evidence,
  log: Evidence['logs'][number],
  path: string,
): readonly EvidenceFinding[] {
  const key = parseVerifierKey(log.verifier_key)
  const note = parseNote(log.checkpoint)
  if (key === null) return [finding(`${path}.verifier_key`, 'is no public key of a log')]
  const checkpoint =
    note !== null && verifyNote(note, key).signed ? parseCheckpoint(note.text) : null
  if (checkpoint?.origin !== key.name)
    return [finding(`${path}.checkpoint`, 'is not signed by the key of this log')]
  return log.events.flatMap(({ sequence, entry, hashes }, i) => {
    const at = `${path}.events.${i}`
    const proof = hashes.map((hash) => Buffer.from(hash, 'base64'))
    const { size, root } = checkpoint
    if (!provesInclusion(leafHash(entry), sequence, size, root, proof))
      return [finding(at, 'is not in the log')]
    const { plan_id, zone_id } = entryOf(entry)
    return plan_id === plan.id && zone_id === log.zone_id
      ? []
      : [finding(at, 'is an event of something else')]
  })
}

/** What the events say of the plan: who approved, that it was applied whole, and under which mandates. */
function eventFindings({
  plan,
  approvals,
  logs,
  mandate_ids,
}: Evidence): readonly EvidenceFinding[] {
  const events = logs.flatMap((log) => log.events).map(({ entry }) => entryOf(entry))
  const done = events.filter(({ outcome }) => outcome === 'applied')
  const findings = approvals.flatMap(({ approver, decision, kind, ...approval }, i) => {
    const byAutopilot = kind === 'autopilot'
    const proof = approval.proof as { readonly digest?: string } | undefined
    const person = decision === 'approve' ? 'plans.approve' : 'plans.reject'
    const type = byAutopilot ? 'autopilot.approve' : person
    const isThere = done.some((event) => {
      if (event.type !== type) return false
      if (!byAutopilot) return event.actor.id === approver.id
      const { on_behalf_of: whom, diagnostics } = event
      return whom?.id === approver.id && diagnostics?.proof?.digest === proof?.digest
    })
    return isThere ? [] : [finding(`approvals.${i}`, `has no ${type} in the log`)]
  })
  if (plan.state === 'applied') {
    const left = done.filter(({ request_id }) => request_id === plan.request_id)
    const missing = ['plans.apply', ...(plan.preview?.events ?? [])].filter((type) => {
      const at = left.findIndex((event) => event.type === type)
      if (at >= 0) left.splice(at, 1)
      return at < 0
    })
    findings.push(...missing.map((type) => finding('logs', `have no ${type} of this plan`)))
  }
  const mandates = new Set(events.map(({ mandate_jti }) => mandate_jti).filter((id) => id !== null))
  const named = new Set(mandate_ids)
  if (mandates.size !== named.size || [...mandates].some((id) => !named.has(id)))
    findings.push(finding('mandate_ids', 'are not those that the events name'))
  return findings
}

function entryOf(text: string): Entry {
  try {
    return JSON.parse(text) as Entry
  } catch {
    return {
      id: '',
      zone_id: '',
      type: '',
      outcome: '',
      plan_id: null,
      request_id: '',
      mandate_jti: null,
      actor: { id: '' },
    }
  }
}

function finding(path: string, message: string): EvidenceFinding {
  return { path, message }
}
