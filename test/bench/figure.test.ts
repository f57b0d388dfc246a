import { describe, expect, test } from 'vitest'
import { figure, percentiles } from '../../bench/figure.ts'
import { readOptions } from '../../bench/options.ts'

describe('percentiles, by nearest rank', () => {
  test.each([
    [[], null, null],
    [[7], 7, 7],
    [[10, 2, 1], 2, 10],
    [Array.from({ length: 100 }, (_, i) => 100 - i), 50, 95],
  ])('of %j', (durationsMs, p50Ms, p95Ms) => {
    expect(percentiles(durationsMs)).toEqual({ p50Ms, p95Ms })
  })
})

describe('a target is met', () => {
  test.each([
    ['where every bound is kept', { perSecond: 2_500, p95Ms: 24 }, true],
    ['not where there are too few', { perSecond: 2_499, p95Ms: 24 }, false],
    ['not where they take too long', { perSecond: 9_000, p95Ms: 25 }, false],
    ['not where nothing was measured', {}, false],
  ])('%s', (_, measured, met) => {
    expect(figure('exchange.token_exchange', measured).met).toBe(met)
  })

  test('or none is set', () => {
    expect(figure('preview.1', { p95Ms: 1 }).met).toBeNull()
  })
})

describe('the command line', () => {
  test('runs everything unless it is told otherwise', () => {
    expect(readOptions([])).toMatchObject({ json: false, connections: 50, profile: null })
    expect(readOptions(['--only', 'plans', '--json'])).toMatchObject({
      only: ['plans'],
      json: true,
    })
    expect(readOptions(['--help'])).toBe('help')
  })

  test.each([['--only', 'toString'], ['--rounds', '0'], ['--seconds', 'x'], ['--nonsense']])(
    'refuses %s %s',
    (...args) => {
      expect(() => readOptions(args)).toThrow(TypeError)
    },
  )
})
