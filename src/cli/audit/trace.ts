import { findOperation } from '../../../tools/catalogue.ts'
import { exitCodes, type ExitCode } from '../exit-codes.ts'
import { renderAnswer } from '../render-answer.ts'
import type { Session } from '../session.ts'

/** Prints the events of a request in order, and the explanation of what decided it. */
export async function trace(session: Session, request: string): Promise<ExitCode> {
  const { io, json, zone } = session
  const client = session.client()
  const [events, explained] = await Promise.all([
    client.audit.byRequest(zone, { request_id: request }),
    client.audit.explain(zone, { request_id: request }),
  ])
  const { explanation, smallest_change } = explained
  if (json) {
    io.out(JSON.stringify({ ...events, explanation, smallest_change }, null, 2))
    return exitCodes.done
  }
  const [list, explain] = [findOperation('audit.by_request'), findOperation('audit.explain')]
  if (list === undefined || explain === undefined) throw new Error('the catalogue has no audit')
  io.out(renderAnswer(list, events, io, new Map()))
  io.out('')
  io.out(renderAnswer(explain, explained, io, new Map()))
  return exitCodes.done
}
