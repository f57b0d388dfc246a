import type { CallUsage } from './message-stream.ts'

/** A tool as the model sees it: the MCP server's listing, nothing more. */
export interface ToolSpec {
  readonly name: string
  readonly description: string
  /** JSON Schema 2020-12 of the arguments. */
  readonly inputSchema: Readonly<Record<string, unknown>>
}

/** What a tool answered: a value that fits its output schema, or a refusal with its code. */
export type ToolAnswer =
  | { readonly ok: true; readonly value: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly code: string; readonly message: string }

export interface Utterance {
  readonly role: 'person' | 'operator'
  readonly text: string
}

/** How a turn ended, in the words of the conversation's message. */
export type TurnOutcome = 'done' | 'question' | 'not_understood'

/** What streams to the person while a turn runs. */
export type TurnEvent =
  | { readonly type: 'stage'; readonly stage: string }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'tool'; readonly name: string; readonly ok: boolean }
  | { readonly type: 'plan'; readonly plan: Readonly<Record<string, unknown>> }

/** Everything that a model gets for one turn. It holds no token and no connection of its own. */
export interface Turn {
  readonly system: string
  /** What was said before the history, in short; empty where there is no more. */
  readonly summary: string
  /** Oldest first; the last one is what the person has just said. */
  readonly history: readonly Utterance[]
  readonly tools: readonly ToolSpec[]
  /** Calls a tool; it never throws for a refusal, only for cancellation. */
  readonly call: (name: string, args: Readonly<Record<string, unknown>>) => Promise<ToolAnswer>
  readonly emit: (event: TurnEvent) => void
  readonly meter: Meter
  readonly signal: AbortSignal
  readonly nowMs: number
  /** IANA name of the person's time zone, for "until Friday 18:00". */
  readonly timeZone: string
}

/** Notes every call to a provider: before it is made, and what it came to. */
export interface Meter {
  /** Refuses `limit_reached` where a budget does not allow for what the call may cost. */
  begin(call: CallBegun): Promise<{ end(ended: CallEnded): Promise<void> }>
}

export interface CallBegun {
  readonly purpose: 'answer' | 'summary'
  readonly host: string
  readonly model: string
  /** Input and output together, as an estimate that is rather too high. */
  readonly atMostTokens: number
}

export interface CallEnded {
  readonly state: 'answered' | 'failed' | 'cancelled'
  /** The error type of a failure. */
  readonly reason: string | null
  readonly used: CallUsage
}

export interface TurnUsage {
  readonly calls: number
  readonly inputTokens: number
  readonly outputTokens: number
}

export interface TurnResult {
  readonly text: string
  readonly outcome: TurnOutcome
  /** Which model it was, where that is not the one that the Operator is named after. */
  readonly model?: string
  /** Calls to the model and tokens, as the provider counts them; zero for the built-in planner. */
  readonly usage: TurnUsage
}

export interface SummaryRequest {
  readonly system: string
  /** The summary of what came before the messages; empty where nothing did. */
  readonly earlier: string
  readonly messages: readonly Utterance[]
  readonly maxTokens: number
  readonly meter: Meter
  readonly signal: AbortSignal
}

/** How an endpoint has been lately. */
export interface EndpointState {
  readonly model: string
  readonly host: string
  /** What the last failure was, where it is left alone because of it; null otherwise. */
  readonly failure: string | null
  /** Until when it is left alone, in milliseconds since the epoch. */
  readonly restsUntilMs: number | null
}

/** What turns words into tool calls and an answer. It only ever makes drafts. */
export interface Model {
  /** Recorded with every answer, such as `claude-sonnet-5-5` or `built-in planner`. */
  readonly name: string
  /** True where nothing leaves the machine. */
  readonly offline: boolean
  /** Where it answers and how each place has been lately; absent where nothing leaves the machine. */
  endpoints?(): readonly EndpointState[]
  answer(turn: Turn): Promise<TurnResult>
  /** Puts a part of a conversation in short, in one bounded call; absent where it cannot. */
  summarize?(request: SummaryRequest): Promise<string>
}
