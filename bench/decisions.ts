import { newId } from '../src/kernel/ids.ts'
import { limits } from '../src/kernel/limits.ts'
import { decisionInput, type Authority, type AuthorityRequest } from '../src/policy/authority.ts'
import { emptyDocuments } from '../src/policy/bundle.ts'
import { noCustomPolicies, type CustomPolicies } from '../src/policy/custom-policies.ts'
import type { Documents } from '../src/policy/document-schemas.ts'
import { loadPolicyEngine, type PolicyEngine } from '../src/policy/load.ts'
import { recordFacts } from '../src/policy/recorded-facts.ts'
import { createRegoCompiler } from '../src/policy/rego-compiler.ts'
import { replayDecisions } from '../src/policy/replay.ts'
import { findOpa } from '../scripts/policies.ts'
import { figure, percentiles, type Figure, type Measured } from './figure.ts'

const warmUps = 20_000
const samples = 200_000

/** Decisions as the token endpoint takes them: the input is made, and the contract evaluates it. */
export async function measureDecisions(): Promise<readonly Figure[]> {
  await using engine = await loadPolicyEngine()
  return [
    figure('decision.grants', decide(engine, authorityWith(emptyDocuments))),
    figure('decision.documents', decide(engine, authorityWith(documents))),
    ...(await measureCustom(engine)),
    figure('replay.10000', await replay(engine)),
  ]
}

const customSamples = 5_000

/** Decisions with one custom policy, one after the other; none where there is no `opa`. */
async function measureCustom(engine: PolicyEngine): Promise<readonly Figure[]> {
  const opa = await findOpa()
  if (opa === null) return []
  const source = 'package caracal.authz\n\ndeny contains "no" if "records:delete" in input.scopes\n'
  const { digest, wasm } = await createRegoCompiler(opa).compile(source)
  const custom: CustomPolicies = {
    modules: [{ policyVersionId: newId('policyVersion', 0), digest, readsContext: false }],
    load: () => Promise.resolve(wasm),
  }
  const authority = authorityWith(emptyDocuments)
  const durationsMs = new Float64Array(customSamples)
  const begunAtMs = performance.now()
  for (let i = 0; i < customSamples; i += 1) {
    const fromMs = performance.now()
    const { allow, reason } = await engine.decideWith(custom, decisionInput(authority, request()))
    if (!allow) throw new Error(`the decision was ${reason}`)
    durationsMs[i] = performance.now() - fromMs
  }
  const perSecond = (customSamples * 1_000) / (performance.now() - begunAtMs)
  const note = `${customSamples} decisions on two scopes, in the thread`
  return [
    figure('decision.custom', { perSecond, ...percentiles(durationsMs), megabytes: null, note }),
  ]
}

const replays = 5

/** Replays of as many decisions as one may have, without the reading of their events. */
async function replay(engine: PolicyEngine): Promise<Measured> {
  const authority = authorityWith(emptyDocuments)
  const input = decisionInput(authority, request())
  const facts = recordFacts(input, engine.decide(input), 'scopes', Date.now())
  const event = { id: '', time: new Date(), request_id: '', application_id: application, facts }
  const events = Array.from({ length: limits.replayDecisions }, () => event)
  const policy = { documents, custom: noCustomPolicies }
  const candidate = { zone: authority.zone.id, versionId: newId('policySetVersion', 0), policy }
  const durationsMs = new Float64Array(replays)
  const begunAtMs = performance.now()
  for (let i = 0; i < replays; i += 1) {
    const fromMs = performance.now()
    const { replayed } = await replayDecisions(engine, candidate, events)
    if (replayed !== events.length) throw new Error(`${replayed} decisions were replayed`)
    durationsMs[i] = performance.now() - fromMs
  }
  return {
    perSecond: (replays * 1_000) / (performance.now() - begunAtMs),
    ...percentiles(durationsMs),
    megabytes: null,
    note: `${replays} replays on a candidate with documents`,
  }
}

function request(): AuthorityRequest {
  return {
    userId: null,
    scopes: ['records:read', 'records:write'],
    nowMs: Date.now(),
    sourceIp: '10.1.2.3',
    hops: 0,
    approved: [],
  }
}

function decide(engine: PolicyEngine, authority: Authority): Measured {
  const asked = request()
  const once = (): void => {
    const { allow, reason } = engine.decide(decisionInput(authority, asked))
    if (!allow) throw new Error(`the decision was ${reason}`)
  }
  for (let i = 0; i < warmUps; i += 1) once()
  const durationsMs = new Float64Array(samples)
  const begunAtMs = performance.now()
  for (let i = 0; i < samples; i += 1) {
    const fromMs = performance.now()
    once()
    durationsMs[i] = performance.now() - fromMs
  }
  return {
    perSecond: (samples * 1_000) / (performance.now() - begunAtMs),
    ...percentiles(durationsMs),
    megabytes: null,
    note: `${samples} decisions`,
  }
}

const application = newId('application', 0)

function authorityWith(documentsOfZone: Documents): Authority {
  return {
    zone: { id: newId('zone', 0), archived: false, versionId: newId('policySetVersion', 0) },
    documents: documentsOfZone,
    custom: noCustomPolicies,
    application: {
      id: application,
      name: 'agent',
      kind: 'managed',
      labels: ['kind:managed', 'team:billing'],
      archived: false,
      expiresAtMs: null,
    },
    resource: {
      id: newId('resource', 0),
      identifier: 'resource://records',
      scopes: ['records:read', 'records:write', 'records:export', 'records:delete'],
      archived: false,
    },
    grants: [['records:read'], ['records:write'], ['records:export']].map((scopes) => ({
      id: newId('grant', 0),
      scopes,
      user: null,
      expiresAtMs: null,
    })),
  }
}

/** What a zone with rules has: roles, confinement, risk tiers, and conditions that must be judged. */
const documents: Documents = {
  ...emptyDocuments,
  grants: { 'resource://records': { roles: { reader: ['records:read'] } } },
  confinement: [{ label_prefix: 'kind:dcr', scopes: ['catalog:read'] }],
  risk: [
    { scope: 'records:delete', tier: 'critical' },
    { scope: 'records:*', tier: 'medium' },
  ],
  approval_tiers: [{ tier: 'critical', approver: 'approve', ttl_seconds: 600, quorum: 2 }],
  conditions: Array.from({ length: 20 }, (_, i) => ({
    id: `rule-${i}`,
    effect: 'deny' as const,
    when: {
      scopes: ['records:*'],
      labels: [`team:other-${i}`],
      days: ['sat' as const, 'sun' as const],
      timezone: 'Europe/Berlin',
      source_cidrs: ['!10.0.0.0/8'],
    },
    reason: 'the office network on working days only',
  })),
}
