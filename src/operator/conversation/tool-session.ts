import type { ControlPrincipal } from '../../gate/principal.ts'
import type { ZoneId } from '../../kernel/ids.ts'
import type { ToolAnswer, ToolSpec } from '../model/model.ts'

/** The Operator's connection to the MCP server: the same server that IDE assistants use. */
export interface ToolSession extends AsyncDisposable {
  readonly tools: readonly ToolSpec[]
  call(name: string, args: Readonly<Record<string, unknown>>): Promise<ToolAnswer>
}

export interface ToolSessionOptions {
  readonly principal: ControlPrincipal
  readonly zone: ZoneId
  readonly requestId: string
  readonly traceId: string | undefined
}

/** Opens a session with the authority of one mandate. The composition root brings the real one. */
export type OpenToolSession = (options: ToolSessionOptions) => Promise<ToolSession>
