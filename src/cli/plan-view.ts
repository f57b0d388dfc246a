import type { z } from 'zod'
import type { accessTuple } from '../../tools/access.ts'
import type { plan, preview } from '../../tools/plans.ts'
import type { Io } from './io.ts'

export type PlanView = z.output<typeof plan>
export type PreviewView = z.output<typeof preview>
export type AccessTuple = z.output<typeof accessTuple>

/** What a text is laid out for. */
export type Screen = Pick<Io, 'columns' | 'paint'>
