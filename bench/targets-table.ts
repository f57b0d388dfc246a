/** The speed to reach: a figure is met where it keeps every bound of its line. */
export interface Target {
  readonly name: string
  readonly perSecondAtLeast?: number
  readonly p50MsBelow?: number
  readonly p95MsBelow?: number
  readonly megabytesBelow?: number
}

const exchange = { perSecondAtLeast: 2_500, p95MsBelow: 25 }

/** Everything that is measured, in the order of the table. Without a bound it has no target. */
export const targets = {
  'exchange.client_credentials': { name: 'client_credentials, 50 connections', ...exchange },
  'exchange.token_exchange': { name: 'token exchange, 50 connections', ...exchange },
  'scale.grants.10': { name: 'client_credentials, 10 more grants in the zone', ...exchange },
  'scale.grants.1000': { name: 'client_credentials, 1,000 grants', ...exchange },
  'scale.grants.20000': { name: 'client_credentials, 20,000 grants', ...exchange },
  'scale.zones.1': { name: 'client_credentials, 1 zone', ...exchange },
  'scale.zones.50': { name: 'client_credentials, 50 zones in turn', ...exchange },
  'scale.zones.200': { name: 'client_credentials, 200 zones in turn', ...exchange },
  'delegation.1': { name: 'delegated mandate, 1 hop' },
  'delegation.5': { name: 'delegated mandate, 5 hops' },
  'delegation.10': { name: 'delegated mandate, 10 hops' },
  'verification.introspection': {
    name: 'introspection, 50 connections',
    perSecondAtLeast: 10_000,
  },
  'verification.cache': { name: 'verification from cache', perSecondAtLeast: 10_000 },
  'verification.revoked': { name: 'revocation to refusal, across replicas', p95MsBelow: 1_000 },
  'endurance.memory': { name: 'memory over a long load, service' },
  'audit.recorded': { name: 'durable events while exchanges run', perSecondAtLeast: 2_000 },
  'audit.checkpoint': { name: 'event to checkpoint, meanwhile', p95MsBelow: 1_000 },
  'audit.integrated.10000': { name: 'events into the log, up to 10,000' },
  'audit.integrated.100000': { name: 'events into the log, up to 100,000' },
  'audit.integrated.1000000': { name: 'events into the log, up to 1,000,000' },
  'audit.proof.10000': { name: 'inclusion proof, 10,000 events' },
  'audit.proof.100000': { name: 'inclusion proof, 100,000 events' },
  'audit.proof.1000000': { name: 'inclusion proof, 1,000,000 events', p50MsBelow: 2 },
  'audit.proof.http': { name: 'inclusion proof over HTTP, 1,000,000 events' },
  'audit.search.10000': { name: 'slowest search, 10,000 events' },
  'audit.search.100000': { name: 'slowest search, 100,000 events' },
  'audit.search.1000000': { name: 'slowest search, 1,000,000 events', p95MsBelow: 50 },
  'audit.verify.10000': { name: 'offline verification, 10,000 events' },
  'audit.verify.100000': { name: 'offline verification, 100,000 events' },
  'audit.verify.1000000': {
    name: 'offline verification, 1,000,000 events',
    perSecondAtLeast: 50_000,
  },
  'audit.export': { name: 'export of 1,000,000 events, service' },
  'preview.1': { name: 'preview of 1 step' },
  'preview.5': { name: 'preview of 5 steps' },
  'preview.20': { name: 'preview of 20 steps', p95MsBelow: 200 },
  'preview.50': { name: 'preview of 50 steps' },
  'apply.1': { name: 'apply of 1 step' },
  'apply.5': { name: 'apply of 5 steps' },
  'apply.20': { name: 'apply of 20 steps', p95MsBelow: 200 },
  'apply.50': { name: 'apply of 50 steps' },
  'operator.message': { name: 'message to the built-in planner, 1 step', p95MsBelow: 50 },
  'operator.apply.50': { name: 'apply of 50 steps, small zone', p95MsBelow: 500 },
  'operator.preview.20000': {
    name: 'preview of 20 steps and replay of 1,000 decisions, 20,000 grants',
    p95MsBelow: 200,
  },
  'operator.apply.50.20000': { name: 'apply of 50 steps, 20,000 grants', p95MsBelow: 500 },
  'decision.grants': { name: 'decision on grants alone', p95MsBelow: 0.2 },
  'decision.documents': { name: 'decision on grants and documents', p95MsBelow: 0.2 },
  'decision.custom': { name: 'decision with custom Rego' },
  'replay.10000': { name: 'replay of 10,000 decisions', p50MsBelow: 2_000 },
  'start.existing': { name: 'start on existing data', p50MsBelow: 2_000 },
  'memory.service': { name: 'idle memory, service', megabytesBelow: 250 },
  'memory.postgres': { name: 'idle memory, PostgreSQL' },
  'memory.after': { name: 'memory after load, service' },
} as const satisfies Readonly<Record<string, Target>>

export type MeasureId = keyof typeof targets
