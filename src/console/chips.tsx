import type { ReactNode } from 'react'
import { labelOf } from './visible-text.ts'

type Tone = 'good' | 'bad' | 'warn' | 'calm'

/** What the words of the service mean to a person at a glance; the word itself is always there. */
const tones: Readonly<Record<string, Tone>> = {
  applied: 'good',
  approved: 'good',
  allow: 'good',
  create: 'good',
  pending_approval: 'warn',
  previewed: 'warn',
  stale: 'warn',
  approval: 'warn',
  conditional: 'warn',
  update: 'warn',
  medium: 'warn',
  failed: 'bad',
  rejected: 'bad',
  refused: 'bad',
  deny: 'bad',
  blocked: 'bad',
  delete: 'bad',
  archive: 'bad',
  high: 'bad',
  critical: 'bad',
}

function toneOf(word: string): Tone {
  return Object.hasOwn(tones, word) ? (tones[word] ?? 'calm') : 'calm'
}

interface ChipProps {
  readonly word: string
  /** What is shown in place of the word. */
  readonly text?: string
}

export function Chip({ word, text }: ChipProps): ReactNode {
  return <span className={`chip ${toneOf(word)}`}>{text ?? labelOf(word)}</span>
}
