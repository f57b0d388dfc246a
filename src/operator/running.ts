/**
 * The turns that this process is answering, so that they can be stopped. Another replica's turns
 * are stopped by their own process; a turn whose process died is answered again when sent again.
 */
export interface RunningTurns {
  /** Notes a turn; the returned value ends the note and holds the signal that stops it. */
  begin(conversationId: string): { readonly signal: AbortSignal } & Disposable
  /** Answers a message once: whoever sends it meanwhile waits for the same answer. */
  once<T>(messageId: string, answer: () => Promise<T>): Promise<T>
  /** Stops the turns of a conversation; false where none runs here. */
  cancel(conversationId: string): boolean
}

export function runningTurns(): RunningTurns {
  const running = new Map<string, Set<AbortController>>()
  const answers = new Map<string, Promise<unknown>>()
  return {
    begin(conversationId) {
      const controller = new AbortController()
      const turns = running.get(conversationId) ?? new Set()
      running.set(conversationId, turns.add(controller))
      return {
        signal: controller.signal,
        [Symbol.dispose]() {
          turns.delete(controller)
          if (turns.size === 0) running.delete(conversationId)
        },
      }
    },
    once<T>(messageId: string, answer: () => Promise<T>) {
      const begun = answers.get(messageId) as Promise<T> | undefined
      if (begun !== undefined) return begun
      const answering = answer().finally(() => answers.delete(messageId))
      answers.set(messageId, answering)
      return answering
    },
    cancel(conversationId) {
      const turns = running.get(conversationId) ?? new Set()
      for (const controller of turns) controller.abort()
      return turns.size > 0
    },
  }
}
