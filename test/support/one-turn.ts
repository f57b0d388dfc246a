import { anthropicModel, type AnthropicOptions } from '../../src/operator/model/anthropic.ts'
import type {
  CallEnded,
  Meter,
  ToolAnswer,
  Turn,
  TurnEvent,
  Utterance,
} from '../../src/operator/model/model.ts'
import {
  say,
  startFakeMessagesApi,
  type Brain,
  type FakeMessagesApi,
  type Reply,
} from './fake-messages-api.ts'

const tools = [
  {
    name: 'zones_get',
    description: 'Read one zone',
    inputSchema: { type: 'object', properties: {} },
  },
  {
    name: 'plan_propose',
    description: 'Propose',
    inputSchema: { type: 'object', properties: { steps: { type: 'array' } }, required: ['steps'] },
  },
]

export interface Asked extends AsyncDisposable {
  /** The endpoints in their order; the first of them is `api`. */
  readonly apis: readonly FakeMessagesApi[]
  readonly api: FakeMessagesApi
  readonly calls: { name: string; args: object }[]
  readonly events: TurnEvent[]
  /** What the meter was told of the calls, in order. */
  readonly metered: readonly CallEnded[]
  readonly result: ReturnType<ReturnType<typeof anthropicModel>['answer']>
}

export interface AskOptions extends Partial<Omit<AnthropicOptions, 'endpoints'>> {
  readonly history?: readonly Utterance[]
  readonly summary?: string
  readonly tool?: (name: string) => Promise<ToolAnswer>
  readonly signal?: AbortSignal
  /** Where the first endpoint is in place of the scripted one. */
  readonly baseUrl?: string
}

/** One turn with scripted providers, of which the second is asked when the first fails. */
export async function ask(
  brains: Brain | readonly Brain[],
  options: AskOptions = {},
): Promise<Asked> {
  const { history, summary, tool, signal, baseUrl, ...own } = options
  await using begun = new AsyncDisposableStack()
  const apis: FakeMessagesApi[] = []
  for (const brain of [brains].flat()) apis.push(begun.use(await startFakeMessagesApi(brain)))
  const [api] = apis
  if (api === undefined) throw new Error('there is no endpoint')
  const calls: Asked['calls'] = []
  const events: TurnEvent[] = []
  const metered: CallEnded[] = []
  const turn: Turn = {
    system: 'You are the Operator.',
    summary: summary ?? '',
    history: history ?? [{ role: 'person', text: 'what is here?' }],
    tools,
    call: (name, args) => {
      calls.push({ name, args })
      return tool?.(name) ?? Promise.resolve({ ok: true, value: { id: 'plan_1', name: 'a zone' } })
    },
    emit: (event) => events.push(event),
    meter: meterInto(metered),
    signal: signal ?? new AbortController().signal,
    nowMs: 0,
    timeZone: 'UTC',
  }
  const endpoints = apis.map(({ url }, index) => ({
    apiKey: `sk-test-${String(index)}`,
    baseUrl: index === 0 ? (baseUrl ?? url) : url,
    model: `claude-test-${String(index)}`,
  }))
  const limits = { maxCalls: 4, maxTokens: 10_000, clock: { now: () => 0 } }
  const result = anthropicModel({ ...limits, ...own, endpoints }).answer(turn)
  result.catch(() => undefined)
  const stack = begun.move()
  return {
    apis,
    api,
    calls,
    events,
    metered,
    result,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** A meter without bounds that keeps what it is told. */
export function meterInto(metered: CallEnded[]): Meter {
  return {
    begin: () =>
      Promise.resolve({
        end: (ended) => {
          metered.push(ended)
          return Promise.resolve()
        },
      }),
  }
}

/** The replies in their order, then `done`. */
export function script(...replies: readonly Reply[]): Brain {
  return (_request, call) => replies[call - 1] ?? say('done')
}

/** What the turn was refused with. */
export async function refusalOf(asked: Asked): Promise<unknown> {
  return asked.result.then(
    () => 'it answered',
    (error: unknown) => error,
  )
}

export function unavailable(reason: string): object {
  return { code: 'model_unavailable', status: 503, details: { reason } }
}
