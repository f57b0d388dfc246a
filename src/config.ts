import { accessSync, constants } from 'node:fs'
import { isIP } from 'node:net'
import { homedir } from 'node:os'
import { delimiter, isAbsolute, join, resolve } from 'node:path'
import { z } from 'zod'
import { StartupError } from './kernel/startup-error.ts'

/** One line of the configuration: what the README's table and the parser are both made from. */
export interface ConfigEntry {
  readonly env: string
  readonly purpose: string
  readonly fallback: string
  readonly secret: boolean
}

/** Every environment variable that Caracal reads. Nothing else in src reads the environment. */
export const configTable = [
  entry('CARACAL_HOME', 'Folder of the data, keys and the bootstrap token', '`./.caracal`'),
  entry('CARACAL_HOST', 'Address to listen on', '`127.0.0.1`'),
  entry('CARACAL_PORT', 'Port to listen on; 0 takes a free one', '`8200`'),
  entry('CARACAL_PUBLIC_URL', 'Base URL as clients see it; part of every issuer', 'the address'),
  entry(
    'CARACAL_TRUSTED_PROXIES',
    'Addresses and networks whose `X-Forwarded-For` is believed, separated by commas',
    'none',
  ),
  entry('CARACAL_LOG_LEVEL', '`trace`, `debug`, `info`, `warn`, `error`, `silent`', '`warn`'),
  entry('CARACAL_TIMEZONE', 'IANA time zone of dates said to the Operator', 'the machine’s'),
  entry(
    'CARACAL_MASTER_KEY',
    '32 bytes in base64: seals keys and secrets',
    'made in the home',
    true,
  ),
  entry('DATABASE_URL', 'A PostgreSQL 15+ to use', 'embedded PostgreSQL', true),
  entry('ANTHROPIC_API_KEY', 'Lets the Operator use Claude', 'the built-in planner', true),
  entry('ANTHROPIC_BASE_URL', 'Any endpoint that speaks the Messages API', 'Anthropic’s'),
  entry('CARACAL_MODEL', 'Model of the Operator', '`claude-sonnet-5-5`'),
  entry('CARACAL_REVIEW', '`on` has the model review plans: it may raise the risk', '`off`'),
  entry('CARACAL_MODEL_2', 'Model that answers when the first endpoint fails', 'none'),
  entry('CARACAL_MODEL_2_URL', 'Where it answers over the Messages API', 'where the first does'),
  entry('CARACAL_MODEL_2_KEY', 'Its API key', 'that of the first, at the same URL', true),
  entry('CARACAL_MODEL_3', 'Model that answers when both fail', 'none'),
  entry('CARACAL_MODEL_3_URL', 'Where it answers over the Messages API', 'where the first does'),
  entry('CARACAL_MODEL_3_KEY', 'Its API key', 'that of the first, at the same URL', true),
  entry('CARACAL_MODEL_TOKENS_PER_CONVERSATION', 'Tokens that a conversation may use', '1000000'),
  entry('CARACAL_MODEL_CALLS_PER_CONVERSATION', 'Calls that a conversation may use', '400'),
  entry('CARACAL_MODEL_TOKENS_PER_ZONE_DAY', 'Tokens that a zone may use on one day', '2000000'),
  entry('CARACAL_MODEL_CALLS_PER_ZONE_DAY', 'Calls that a zone may use on one day', '2000'),
  entry('CARACAL_MODEL_TOKENS_PER_DAY', 'Tokens that all may use on one day (UTC)', '5000000'),
  entry('CARACAL_MODEL_CALLS_PER_DAY', 'Calls that all may use on one day (UTC)', '5000'),
  entry('OPA_BIN', 'The `opa` CLI, for compiling policies', '`opa` on the PATH'),
  entry('CARACAL_URL', 'Command line: base URL of the service', 'found through the home'),
  entry('CARACAL_ZONE', 'Command line: the zone, by id or slug', '`default`'),
  entry('CARACAL_ADMIN_TOKEN', 'Command line: admin token', 'bootstrap token of the home', true),
  entry('CARACAL_CLIENT_SECRET', 'Command line: secret for `caracal mandate`', 'none', true),
  entry('NO_COLOR', 'Command line: any value turns colours off', 'none'),
] as const satisfies readonly ConfigEntry[]

type Key = (typeof configTable)[number]['env']
type Env = Readonly<Record<string, string | undefined>>

function entry<const E extends string>(env: E, purpose: string, fallback: string, secret = false) {
  return { env, purpose, fallback, secret }
}

export interface Config {
  readonly home: string
  readonly host: string
  readonly port: number
  readonly publicUrl: string | null
  /** Addresses and networks (RFC 4632) of proxies that say for whom they forward. */
  readonly trustedProxies: readonly string[]
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'
  readonly timeZone: string
  /** The Operator's models in the order in which they are asked; none: the built-in planner. */
  readonly models: readonly ModelConfig[]
  /** The most that models may be used, in tokens and calls. */
  readonly budgets: {
    readonly conversation: ModelBudget
    readonly zoneDay: ModelBudget
    readonly day: ModelBudget
  }
  /** Whether the model gives plans a second look, which may raise their risk. */
  readonly reviewPlans: boolean
  /** Path of the `opa` CLI; null where there is none. */
  readonly opaBin: string | null
}

interface ModelBudget {
  readonly tokens: number
  readonly calls: number
}

export interface ModelConfig {
  readonly model: string
  /** Null for the provider's own. */
  readonly baseUrl: string | null
}

/** What must never reach a log, an error or an answer. */
export interface Secrets {
  readonly databaseUrl: string | null
  readonly masterKey: Buffer | null
  /** One for each of the configuration's models, in their order. */
  readonly modelKeys: readonly string[]
}

export interface CliConfig {
  readonly home: string
  readonly url: string | null
  readonly port: number
  readonly zone: string | null
  readonly adminToken: string | null
  readonly clientSecret: string | null
  readonly color: boolean
}

const httpUrl = z.url({ protocol: /^https?$/ })

/** Zero: none. */
const amount = z.coerce.number().int().min(0).max(1e12)

const schema = {
  CARACAL_PORT: z.coerce.number().int().min(0).max(65_535),
  CARACAL_PUBLIC_URL: httpUrl,
  CARACAL_TRUSTED_PROXIES: z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .refine((parts) => parts.every(isNetwork), 'takes addresses and networks such as 10.0.0.0/8'),
  CARACAL_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']),
  CARACAL_TIMEZONE: z.string().refine(isTimeZone, 'is not an IANA time zone'),
  CARACAL_MASTER_KEY: z
    .string()
    .refine((text) => Buffer.from(text, 'base64').length === 32, 'must be 32 bytes in base64'),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  ANTHROPIC_BASE_URL: httpUrl,
  CARACAL_REVIEW: z.enum(['on', 'off']),
  CARACAL_MODEL_2_URL: httpUrl,
  CARACAL_MODEL_3_URL: httpUrl,
  CARACAL_MODEL_TOKENS_PER_CONVERSATION: amount,
  CARACAL_MODEL_CALLS_PER_CONVERSATION: amount,
  CARACAL_MODEL_TOKENS_PER_ZONE_DAY: amount,
  CARACAL_MODEL_CALLS_PER_ZONE_DAY: amount,
  CARACAL_MODEL_TOKENS_PER_DAY: amount,
  CARACAL_MODEL_CALLS_PER_DAY: amount,
  CARACAL_URL: httpUrl,
} as const satisfies Partial<Record<Key, z.ZodType>>

/** Reads the service's configuration. Throws {@link StartupError}, naming the key, on a bad one. */
export function readConfig(env: Env): { config: Config; secrets: Secrets } {
  refuseUnknown(env)
  const masterKey = read(env, 'CARACAL_MASTER_KEY')
  const endpoints = endpointsOf(env)
  return {
    config: {
      home: homeOf(env),
      host: text(env, 'CARACAL_HOST') ?? '127.0.0.1',
      port: read(env, 'CARACAL_PORT') ?? 8200,
      publicUrl: read(env, 'CARACAL_PUBLIC_URL')?.replace(/\/+$/, '') ?? null,
      trustedProxies: read(env, 'CARACAL_TRUSTED_PROXIES') ?? [],
      logLevel: read(env, 'CARACAL_LOG_LEVEL') ?? 'warn',
      timeZone:
        read(env, 'CARACAL_TIMEZONE') ?? new Intl.DateTimeFormat().resolvedOptions().timeZone,
      models: endpoints.map(({ model, baseUrl }) => ({ model, baseUrl })),
      budgets: budgetsOf(env),
      reviewPlans: read(env, 'CARACAL_REVIEW') === 'on',
      opaBin: opaOf(env),
    },
    secrets: {
      databaseUrl: read(env, 'DATABASE_URL') ?? null,
      masterKey: masterKey === undefined ? null : Buffer.from(masterKey, 'base64'),
      modelKeys: endpoints.map(({ apiKey }) => apiKey),
    },
  }
}

function budgetsOf(env: Env): Config['budgets'] {
  return {
    conversation: {
      tokens: read(env, 'CARACAL_MODEL_TOKENS_PER_CONVERSATION') ?? 1_000_000,
      calls: read(env, 'CARACAL_MODEL_CALLS_PER_CONVERSATION') ?? 400,
    },
    zoneDay: {
      tokens: read(env, 'CARACAL_MODEL_TOKENS_PER_ZONE_DAY') ?? 2_000_000,
      calls: read(env, 'CARACAL_MODEL_CALLS_PER_ZONE_DAY') ?? 2_000,
    },
    day: {
      tokens: read(env, 'CARACAL_MODEL_TOKENS_PER_DAY') ?? 5_000_000,
      calls: read(env, 'CARACAL_MODEL_CALLS_PER_DAY') ?? 5_000,
    },
  }
}

interface EndpointConfig extends ModelConfig {
  readonly apiKey: string
}

/** The endpoints in their order; a key is only ever sent to the URL that it was given for. */
function endpointsOf(env: Env): readonly EndpointConfig[] {
  const apiKey = text(env, 'ANTHROPIC_API_KEY')
  const others = (['CARACAL_MODEL_2', 'CARACAL_MODEL_3'] as const).map((name) => ({
    name,
    model: text(env, name),
    url: read(env, `${name}_URL`),
    key: text(env, `${name}_KEY`),
  }))
  const first = {
    model: text(env, 'CARACAL_MODEL') ?? 'claude-sonnet-5-5',
    baseUrl: read(env, 'ANTHROPIC_BASE_URL') ?? null,
  }
  const found: EndpointConfig[] = apiKey === undefined ? [] : [{ ...first, apiKey }]
  for (const [position, { name, model, url, key }] of others.entries()) {
    if (model === undefined && (url ?? key) !== undefined)
      throw incomplete(name, `it has a URL or a key and no model`)
    if (model === undefined) continue
    if (found.length <= position)
      throw incomplete(
        found.length === 0 ? 'ANTHROPIC_API_KEY' : 'CARACAL_MODEL_2',
        `${name} comes after it and is set`,
      )
    const itsKey = key ?? (url === undefined ? apiKey : undefined)
    if (itsKey === undefined) throw incomplete(`${name}_KEY`, `${name}_URL needs a key of its own`)
    found.push({ model, baseUrl: url ?? first.baseUrl, apiKey: itsKey })
  }
  return found
}

function incomplete(key: Key, why: string): StartupError {
  return new StartupError(`${key} is not set: ${why}`, `Set ${key}; the README lists every key.`)
}

/** Reads what the command line needs. Throws {@link StartupError}, naming the key, on a bad one. */
export function readCliConfig(env: Env): CliConfig {
  refuseUnknown(env)
  return {
    home: homeOf(env),
    url: read(env, 'CARACAL_URL')?.replace(/\/+$/, '') ?? null,
    port: read(env, 'CARACAL_PORT') ?? 8200,
    zone: text(env, 'CARACAL_ZONE') ?? null,
    adminToken: text(env, 'CARACAL_ADMIN_TOKEN') ?? null,
    clientSecret: text(env, 'CARACAL_CLIENT_SECRET') ?? null,
    color: (env.NO_COLOR ?? '') === '',
  }
}

/** The environment of this process: the one place that touches it. */
export function processEnv(): Env {
  return process.env
}

/** What OPA_BIN names, or the first executable `opa` on the PATH. */
function opaOf(env: Env): string | null {
  const named = text(env, 'OPA_BIN')
  if (named !== undefined) return resolve(named)
  const folders = (env['PATH'] ?? '').split(delimiter).filter(isAbsolute)
  return folders.map((folder) => join(folder, 'opa')).find(isExecutable) ?? null
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function homeOf(env: Env): string {
  const home = text(env, 'CARACAL_HOME') ?? '.caracal'
  return resolve(home.startsWith('~/') ? homedir() + home.slice(1) : home)
}

function text(env: Env, key: Key): string | undefined {
  const value = env[key]?.trim()
  return value === '' ? undefined : value
}

function read<K extends keyof typeof schema>(
  env: Env,
  key: K,
): z.output<(typeof schema)[K]> | undefined {
  const value = text(env, key)
  if (value === undefined) return undefined
  const parsed = schema[key].safeParse(value)
  if (parsed.success) return parsed.data as z.output<(typeof schema)[K]>
  const why = parsed.error.issues[0]?.message ?? 'is not valid'
  throw new StartupError(`${key}: ${why}`, `Correct or unset ${key}; the README lists every key.`)
}

/** A mistyped setting must not be silently ignored: it may have been meant to close something. */
function refuseUnknown(env: Env): void {
  const known = new Set<string>(configTable.map((line) => line.env))
  const unknown = Object.keys(env).filter((key) => key.startsWith('CARACAL_') && !known.has(key))
  if (unknown.length === 0) return
  throw new StartupError(
    `unknown configuration key ${unknown.sort().join(', ')}`,
    `Known keys: ${[...known].join(', ')}.`,
  )
}

/** An address, or a network of some of them: one of all would believe whatever anybody says. */
function isNetwork(value: string): boolean {
  const [, address = '', bits = '1'] = /^([^/%]+)(?:\/([1-9]\d{0,2}))?$/.exec(value) ?? []
  const longest = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0
  return Number(bits) <= longest
}

function isTimeZone(value: string): boolean {
  return value === 'UTC' || Intl.supportedValuesOf('timeZone').includes(value)
}
