import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { pino, type Logger } from 'pino'
import type pg from 'pg'
import { executor, operator } from '../system-zone/identities.ts'
import { accessHandlers } from './admin/access.ts'
import { adminTokenHandlers } from './admin/admin-tokens.ts'
import { applicationHandlers } from './admin/applications.ts'
import { approvalHandlers } from './admin/approvals.ts'
import { auditHandlers } from './admin/audit.ts'
import { bootstrap } from './admin/bootstrap.ts'
import { delegationHandlers } from './admin/delegations.ts'
import { grantHandlers } from './admin/grants.ts'
import type { AdminServices } from './admin/handlers.ts'
import { policyHandlers } from './admin/policies.ts'
import { policySetHandlers } from './admin/policy-sets.ts'
import { providerHandlers } from './admin/providers.ts'
import { resourceHandlers } from './admin/resources.ts'
import { sessionHandlers } from './admin/sessions.ts'
import { subjectIssuerHandlers } from './admin/subject-issuers.ts'
import { subjectHandlers } from './admin/subjects.ts'
import { webhookHandlers } from './admin/webhooks.ts'
import { witnessHandlers } from './admin/witnesses.ts'
import { zoneHandlers } from './admin/zones.ts'
import { startSequencer } from './audit/sequencer.ts'
import type { Config, Secrets } from './config.ts'
import type { GateContext } from './gate/context.ts'
import { controlPrincipal } from './gate/control-principal.ts'
import type { Handlers } from './gate/handler.ts'
import { perform } from './gate/perform.ts'
import { platform, type ControlPrincipal } from './gate/principal.ts'
import { systemClock, type Clock } from './kernel/clock.ts'
import { refuse } from './kernel/faults.ts'
import { homeFiles, makeHome, readOrMake } from './kernel/home.ts'
import type { Id } from './kernel/ids.ts'
import { limits } from './kernel/limits.ts'
import { createSafeFetch, type Network, type SafeFetch } from './kernel/safe-fetch.ts'
import { createRateLimiter, type RateLimiter, type RateName } from './kernel/rate-limiter.ts'
import { StartupError } from './kernel/startup-error.ts'
import { openVault, type Vault } from './kernel/vault.ts'
import { openToolSession } from './mcp/in-memory.ts'
import type { Mandates } from './operator/plans/apply.ts'
import { carryOut } from './operator/autopilot/carry-out.ts'
import { operatorHandlers } from './operator/handlers.ts'
import type { Budgets } from './operator/conversation/budget.ts'
import { anthropicModel } from './operator/model/anthropic.ts'
import type { Model } from './operator/model/model.ts'
import { builtInPlanner, plannerName } from './operator/planner/planner.ts'
import { systemPrompt } from './operator/conversation/prompt.ts'
import { reviewPlan } from './operator/review/review-plan.ts'
import { reviewerOf } from './operator/review/reviewer.ts'
import { startRuns, type Runs } from './operator/conversation/runs.ts'
import type { TurnContext } from './operator/conversation/turn-context.ts'
import { startDelivery } from './outbox/worker.ts'
import { loadPolicyEngine, type PolicyEngine } from './policy/load.ts'
import { createRegoCompiler } from './policy/rego-compiler.ts'
import { openDatabase, type Database } from './store/database.ts'
import { startEmbeddedPostgres } from './store/embedded/embedded-postgres.ts'
import { migrate } from './store/migrate.ts'
import { findZone } from './store/zones.ts'
import type { ControlMandate } from './sts/control.ts'
import type { SystemIdentities } from './sts/context.ts'
import { reconcileSystemZone } from './sts/reconcile.ts'
import { createSts, type Sts } from './sts/sts.ts'

/** The object graph of one service, built once and ended once. */
export interface Context extends GateContext, AsyncDisposable {
  readonly config: Config
  readonly log: Logger
  readonly sts: Sts
  readonly rates: RateLimiter
  readonly model: Model
  readonly runs: Runs
  readonly turns: TurnContext
  /** The service's URL as clients see it; known once it listens. */
  issuerBase(): string
  listensAt(url: string): void
  system(): SystemIdentities
  controlPrincipal(mandate: ControlMandate): Promise<ControlPrincipal>
  /** The id of a zone given by id or slug; refuses `zone_not_found`. */
  zoneIdOf(idOrSlug: string): Promise<string>
  /** Resolves when the embedded database ends by itself; never with a database of one's own. */
  readonly databaseDied: Promise<Error>
}

/** What a test may put in the place of the real thing. */
export interface Overrides {
  readonly clock?: Clock
  readonly model?: Model
  /** Settings of a database that is migrated already, in place of all others. */
  readonly database?: pg.PoolConfig
  /** What fetches from addresses of others see of the world. */
  readonly network?: Network
  /** How often in a minute, in place of the table of rates. */
  readonly rates?: Partial<Readonly<Record<RateName, number>>>
}

/**
 * Builds the service: database, migrations, keys, policy, system zone, first zone and token. Throws
 * {@link StartupError} where it cannot; what was begun is ended first.
 */
export async function createContext(
  config: Config,
  secrets: Secrets,
  overrides: Overrides = {},
): Promise<Context> {
  await using begun = new AsyncDisposableStack()
  const log = pino({ level: config.logLevel }, pino.destination(2))
  const clock = overrides.clock ?? systemClock
  makeHome(config.home)
  const [policy, database] = await Promise.all([
    loadPolicyEngine(),
    openStore(config, secrets, overrides, log, begun),
  ])
  begun.use(policy)
  const vault = openVault(masterKeyOf(config, secrets))
  const safeFetch = createSafeFetch(overrides.network)
  const base = { config, log, clock, policy, vault, safeFetch, db: database.db }
  const system = await reconcileSystemZone(base)
  const context = assemble({ ...base, system, died: database.died }, secrets, overrides, begun)
  await bootstrap(context, config.home, (request) =>
    perform(context, platform, { ...request, requestId: 'bootstrap' }),
  )
  const stack = begun.move()
  return Object.assign(context, { [Symbol.asyncDispose]: () => stack.disposeAsync() })
}

interface Base {
  readonly config: Config
  readonly log: Logger
  readonly clock: Clock
  readonly policy: PolicyEngine
  readonly vault: Vault
  readonly safeFetch: SafeFetch
  readonly db: Database
  readonly system: SystemIdentities
  readonly died: Promise<Error>
}

function assemble(
  base: Base,
  secrets: Secrets,
  overrides: Overrides,
  begun: AsyncDisposableStack,
): Context {
  const { config, log, clock, policy, vault, safeFetch, db } = base
  let listening: string | null = null
  const issuerBase = (): string =>
    config.publicUrl ?? listening ?? `http://${config.host}:${config.port}`
  const system = (): SystemIdentities => base.system
  const rates = createRateLimiter(clock, overrides.rates)
  const sts = begun.use(
    createSts({ clock, db, vault, policy, safeFetch, issuerBase, system, log }, rates),
  )
  begun.use(startDelivery({ clock, db, vault, fetch: safeFetch, log }))
  const originBase = (): string | null => config.publicUrl ?? listening
  begun.use(startSequencer({ clock, db, vault, log, originBase }))
  const services: Services = {
    ...{ vault, policy, issuerBase, system },
    rego: createRegoCompiler(config.opaBin),
    budgets: config.budgets,
    model: overrides.model ?? modelOf(config, secrets, clock),
    mandates: mandatesOf(base, sts),
    gate: () => gate,
  }
  const gate: GateContext = {
    clock,
    db,
    vault,
    policy,
    log,
    system,
    changed: (zone) => {
      sts.forgetTrust(zone)
    },
    handlers: handlersOf(services),
  }
  const { model, mandates } = services
  const turns: TurnContext = {
    ...{ db, clock, model, log, systemPrompt, timeZone: config.timeZone },
    budgets: config.budgets,
    openTools: openToolSession(gate),
    carryOut: (asked) => carryOut(gate, asked),
    review: reviewOf(gate, config, model),
    readMandate: mandates.forConversation,
  }
  const runs = begun.use(startRuns({ db, clock, turns, log }))
  return {
    ...gate,
    ...{ config, log, sts, rates, model, runs, turns, issuerBase, system },
    controlPrincipal: mandates.principal,
    databaseDied: base.died,
    listensAt: (url) => {
      listening = url
    },
    async zoneIdOf(idOrSlug) {
      const zone = await findZone(db.unzoned, idOrSlug)
      return zone?.id ?? refuse('zone_not_found', 'There is no such zone.')
    },
    [Symbol.asyncDispose]: () => begun.disposeAsync(),
  }
}

interface OperatorMandates extends Mandates {
  readonly forConversation: TurnContext['readMandate']
  readonly principal: (mandate: ControlMandate) => Promise<ControlPrincipal>
}

/** The Operator's mandates: asked of the STS, and believed only as the gate believes any. */
function mandatesOf({ db, clock, system }: Base, sts: Sts): OperatorMandates {
  const principal = (mandate: ControlMandate): Promise<ControlPrincipal> =>
    controlPrincipal(db.unzoned, mandate, clock.now(), (id) => nameOfClient(system, id))
  return {
    principal,
    async forPlan(id, requestId, traceId) {
      const token = await sts.planMandate({ planId: id as Id<'plan'>, requestId, traceId })
      return principal(await sts.verifyControl(token))
    },
    async forConversation(id, requestId, traceId) {
      const conversationId = id as Id<'conversation'>
      const token = await sts.readMandate({ conversationId, requestId, traceId })
      return principal(await sts.verifyControl(token))
    },
  }
}

interface Services extends AdminServices {
  system(): SystemIdentities
  readonly model: Model
  readonly budgets: Budgets
  readonly mandates: OperatorMandates
  gate(): GateContext
}

/** One handler for every operation of the catalogue; a missing one does not compile. */
function handlersOf(services: Services): Handlers {
  return {
    ...zoneHandlers(services),
    ...applicationHandlers(services),
    ...providerHandlers(services),
    ...resourceHandlers(services),
    ...grantHandlers(),
    ...subjectIssuerHandlers(services),
    ...subjectHandlers(),
    ...approvalHandlers(),
    ...webhookHandlers(services),
    ...policyHandlers(services),
    ...policySetHandlers(services),
    ...accessHandlers(services),
    ...sessionHandlers(),
    ...delegationHandlers(),
    ...auditHandlers(services),
    ...witnessHandlers(services),
    ...adminTokenHandlers(),
    ...operatorHandlers({ ...services, identities: () => identitiesOf(services.system()) }),
  }
}

interface Store {
  readonly db: Database
  readonly died: Promise<Error>
}

async function openStore(
  config: Config,
  secrets: Secrets,
  overrides: Overrides,
  log: Logger,
  begun: AsyncDisposableStack,
): Promise<Store> {
  const never = new Promise<Error>(() => undefined)
  if (overrides.database !== undefined)
    return { db: begun.use(openDatabase(overrides.database)), died: never }
  if (secrets.databaseUrl !== null)
    return { db: await openReady({ connectionString: secrets.databaseUrl }, begun), died: never }
  const postgres = begun.use(
    await startEmbeddedPostgres({
      home: config.home,
      log: (line) => {
        log.debug({ postgres: line }, 'embedded postgres')
      },
    }),
  )
  return { db: await openReady(postgres.connection, begun), died: postgres.died }
}

/** Migrates as the owner, then opens under the service's role, with patience for a starting server. */
async function openReady(
  connection: pg.PoolConfig,
  begun: AsyncDisposableStack,
): Promise<Database> {
  for (let attempt = 1; ; attempt += 1)
    try {
      await migrate(connection)
      const db = begun.use(openDatabase(connection))
      await db.pool.query('select 1')
      return db
    } catch (error) {
      const { code } = error as { code?: string }
      if (code !== '57P03' || attempt === connectAttempts) throw unusable(error)
      await delay(connectPauseMs)
    }
}

const connectAttempts = 20
const connectPauseMs = 250

function unusable(error: unknown): StartupError {
  const { code = '', message } = error as Error & { code?: string }
  const hint = databaseHints[code] ?? 'Check DATABASE_URL, and that its role owns the database.'
  return new StartupError(`the database cannot be used: ${message}`, hint, { cause: error })
}

/** What a person can do, by SQLSTATE or by the code of the socket. */
const databaseHints: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Start the server that DATABASE_URL names, or correct its host and port.',
  ENOTFOUND: 'Correct the host in DATABASE_URL.',
  '28P01': 'Correct the user and the password in DATABASE_URL.',
  '3D000': 'Create the database that DATABASE_URL names, owned by its role.',
  '42501':
    'Give the role in DATABASE_URL createrole, or have an administrator grant it caracal_service.',
}

function masterKeyOf(config: Config, secrets: Secrets): Buffer {
  if (secrets.masterKey !== null) return secrets.masterKey
  const make = (): string => randomBytes(32).toString('base64')
  const key = Buffer.from(readOrMake(config.home, homeFiles.masterKey, make), 'base64')
  if (key.length === 32) return key
  throw new StartupError(
    `${homeFiles.masterKey} in ${config.home} does not hold a key`,
    'Restore it from your backup: without it nothing that is sealed can be opened.',
  )
}

function modelOf({ models }: Config, { modelKeys }: Secrets, clock: Clock): Model {
  if (models.length === 0) return builtInPlanner()
  return anthropicModel({
    endpoints: models.map((one, index) => ({ ...one, apiKey: modelKeys[index] ?? '' })),
    maxCalls: limits.modelCallsPerTurn,
    maxTokens: limits.modelTokensPerTurn,
    clock,
  })
}

/** Only a model can review: the built-in planner has no second opinion. */
function reviewOf(gate: GateContext, config: Config, model: Model): TurnContext['review'] {
  if (!config.reviewPlans || model.name === plannerName) return null
  const reviewer = reviewerOf(model, gate.clock)
  const metered = { ...gate, budgets: config.budgets }
  return (asked, signal) => reviewPlan(metered, reviewer, asked, signal)
}

function identitiesOf(system: SystemIdentities) {
  return [
    { name: operator.name, id: system.operator, scopes: [...operator.scopes] },
    { name: executor.name, id: system.executor, scopes: [...executor.scopes] },
  ]
}

function nameOfClient(system: SystemIdentities, id: string): string {
  return identitiesOf(system).find((identity) => identity.id === id)?.name ?? id
}
