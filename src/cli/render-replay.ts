import type { PreviewView, Screen } from './plan-view.ts'
import { safeLine, wrapLine } from './safe-text.ts'

const becomes: Readonly<Record<string, string>> = {
  allow_to_deny: 'would be refused',
  deny_to_allow: 'would be allowed',
  narrowed: 'would get less',
  widened: 'would get more',
}

/** Recent requests that would be answered otherwise, each with how often it came. */
export function renderReplay({ replay }: PreviewView, { paint, columns }: Screen): string {
  if (replay === undefined || replay.decisions === 0) return ''
  const head = `${paint.bold('Replay')}    of the last ${replay.decisions} decisions `
  if (replay.flips.length === 0) return `${head}none would come out otherwise`
  const lines = replay.flips.flatMap((flip) => {
    const who = flip.user_id === null ? '' : ` for ${safeLine(flip.user_id)}`
    const what = [...flip.lost, ...flip.gained].map(safeLine).join(' ')
    const times = flip.times === 1 ? 'once' : `${flip.times} times`
    const text =
      `${flip.application_id}${who} on ${safeLine(flip.resource_identifier)} ` +
      `${becomes[flip.change] ?? flip.change}: ${what} (asked ${times})`
    return wrapLine(text, columns - 4).map((line, i) => (i === 0 ? `  ~ ${line}` : `    ${line}`))
  })
  return [`${head}these would come out otherwise`, ...lines].join('\n')
}
