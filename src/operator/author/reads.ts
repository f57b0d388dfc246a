import { catalogue } from '../../../tools/catalogue.ts'
import type { GateContext } from '../../gate/context.ts'
import { perform } from '../../gate/perform.ts'
import type { PrepareRequest } from '../../gate/handler.ts'
import { isFault } from '../../kernel/faults.ts'
import type { ToolAnswer, Turn } from '../model/model.ts'
import type { Step } from '../planner/draft.ts'

/** A turn of its own for one draft: it reads as whoever asks, and what it proposes is only noted. */
interface DraftTurn {
  readonly turn: Turn
  /** The steps that were proposed last. */
  proposed(): readonly Step[]
}

const reads = new Map<string, string>(
  catalogue
    .filter(({ effect, capability }) => effect === 'read' && capability === 'read')
    .map(({ id }) => [id.replace('.', '_'), id]),
)

export function draftTurn(
  context: GateContext,
  request: PrepareRequest,
  told: Pick<Turn, 'system' | 'history' | 'meter'>,
): DraftTurn {
  let steps: readonly Step[] = []
  const turn: Turn = {
    ...told,
    summary: '',
    tools: [],
    async call(name, args): Promise<ToolAnswer> {
      if (Array.isArray(args['steps'])) {
        steps = args['steps'] as readonly Step[]
        return { ok: true, value: { id: 'draft', preview: null } }
      }
      return readAs(context, request, name, args)
    },
    emit: () => undefined,
    signal: new AbortController().signal,
    nowMs: context.clock.now(),
    timeZone: 'UTC',
  }
  return { turn, proposed: () => steps }
}

/** One read with the authority of whoever asks: what they may not read is not read for them. */
async function readAs(
  context: GateContext,
  { zone, principal, requestId, traceId }: PrepareRequest,
  name: string,
  input: Readonly<Record<string, unknown>>,
): Promise<ToolAnswer> {
  const operation = reads.get(name)
  if (operation === undefined)
    return { ok: false, code: 'unknown_operation', message: `There is no tool ${name}.` }
  try {
    const asked = { operation, zone, input, requestId, traceId }
    const { output } = await perform(context, principal, asked)
    return { ok: true, value: output as Readonly<Record<string, unknown>> }
  } catch (error) {
    if (!isFault(error)) throw error
    return { ok: false, code: error.code, message: error.message }
  }
}
