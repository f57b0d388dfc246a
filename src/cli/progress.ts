import type { Io } from './io.ts'
import { safeLine } from './safe-text.ts'

/** What takes longer than this is said to be under way. */
const quietMs = 1_000
const frameMs = 120
const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'] as const

export interface Progress extends Disposable {
  /** Says what is done at the moment. */
  stage(text: string): void
}

/** Shows that some work is under way until it is done. */
export async function withProgress<T>(io: Io, stage: string, work: () => Promise<T>): Promise<T> {
  const progress = startProgress(io, stage)
  try {
    return await work()
  } finally {
    progress[Symbol.dispose]()
  }
}

/**
 * Shows that something is under way, on standard error: a moving line on a terminal, elsewhere one
 * line per stage. Work that is done within a second leaves no trace.
 */
export function startProgress(io: Io, first: string): Progress {
  let stage = first
  let frame = 0
  let said = ''
  let shown = false
  const tick = (): void => {
    if (io.redraw !== null) {
      frame = (frame + 1) % frames.length
      io.redraw(io.paint.dim(`${frames[frame] ?? ''} ${stage} …`))
      shown = true
    } else if (said !== stage) {
      said = stage
      io.note(`${stage} …`)
    }
  }
  let interval: NodeJS.Timeout | undefined
  const delay = setTimeout(() => {
    tick()
    interval = setInterval(tick, frameMs)
  }, quietMs)
  return {
    stage(text) {
      stage = safeLine(text)
    },
    [Symbol.dispose]() {
      clearTimeout(delay)
      clearInterval(interval)
      if (shown) io.redraw?.('')
    },
  }
}
