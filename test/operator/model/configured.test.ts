import { describe, expect, test } from 'vitest'
import { readConfig } from '../../../src/config.ts'

const home = { CARACAL_HOME: '/nowhere' }
const key = { ANTHROPIC_API_KEY: 'k1' }

/** The endpoints as they are asked: model, URL and key. */
function endpointsOf(env: Readonly<Record<string, string>>): readonly unknown[] {
  const { config, secrets } = readConfig({ ...home, ...env })
  expect(secrets.modelKeys).toHaveLength(config.models.length)
  return config.models.map(({ model, baseUrl }, index) => [
    model,
    baseUrl,
    secrets.modelKeys[index],
  ])
}

describe('the endpoints of the Operator’s models', () => {
  test.each([
    ['none without a key', {}, []],
    ['a model alone asks nobody', { CARACAL_MODEL: 'claude-x' }, []],
    ['one key is enough', key, [['claude-sonnet-5-5', null, 'k1']]],
    [
      'another model at the same place has the same key',
      { ...key, ANTHROPIC_BASE_URL: 'https://gateway.test/v', CARACAL_MODEL_2: 'claude-y' },
      [
        ['claude-sonnet-5-5', 'https://gateway.test/v', 'k1'],
        ['claude-y', 'https://gateway.test/v', 'k1'],
      ],
    ],
    [
      'three, each with a place and a key of its own',
      {
        ...key,
        CARACAL_MODEL: 'claude-x',
        CARACAL_MODEL_2: 'claude-y',
        CARACAL_MODEL_2_URL: 'https://two.test',
        CARACAL_MODEL_2_KEY: 'k2',
        CARACAL_MODEL_3: 'claude-z',
        CARACAL_MODEL_3_KEY: 'k3',
      },
      [
        ['claude-x', null, 'k1'],
        ['claude-y', 'https://two.test', 'k2'],
        ['claude-z', null, 'k3'],
      ],
    ],
  ] satisfies [string, Record<string, string>, unknown[]][])('%s', (_, env, expected) => {
    expect(endpointsOf(env)).toEqual(expected)
  })

  test.each([
    ['ANTHROPIC_API_KEY', { CARACAL_MODEL_2: 'claude-y', CARACAL_MODEL_2_KEY: 'k2' }],
    ['CARACAL_MODEL_2', { ...key, CARACAL_MODEL_3: 'claude-z' }],
    ['CARACAL_MODEL_2', { ...key, CARACAL_MODEL_2_URL: 'https://two.test' }],
    ['CARACAL_MODEL_3', { ...key, CARACAL_MODEL_3_KEY: 'k3' }],
    [
      'CARACAL_MODEL_2_KEY',
      { ...key, CARACAL_MODEL_2: 'claude-y', CARACAL_MODEL_2_URL: 'https://two.test' },
    ],
    [
      'CARACAL_MODEL_2_URL',
      { ...key, CARACAL_MODEL_2: 'claude-y', CARACAL_MODEL_2_URL: 'two.test' },
    ],
    ['CARACAL_MODEL_TOKENS_PER_DAY', { CARACAL_MODEL_TOKENS_PER_DAY: 'many' }],
    ['CARACAL_MODEL_CALLS_PER_DAY', { CARACAL_MODEL_CALLS_PER_DAY: '-1' }],
    ['CARACAL_MODEL_CALLS_PER_ZONE_DAY', { CARACAL_MODEL_CALLS_PER_ZONE_DAY: '1.5' }],
    ['CARACAL_MODEL_4', { ...key, CARACAL_MODEL_4: 'claude-z' }],
  ])('the start is refused, naming %s', (named, env) => {
    expect(() => readConfig({ ...home, ...env })).toThrow(named)
    expect(() => readConfig({ ...home, ...env })).not.toThrow(/k1|k2|k3/)
  })
})

describe('the budgets', () => {
  test('have defaults, and zero is no call at all', () => {
    const { config } = readConfig({ ...home, CARACAL_MODEL_CALLS_PER_DAY: '0' })
    expect(config.budgets).toEqual({
      conversation: { tokens: 1_000_000, calls: 400 },
      zoneDay: { tokens: 2_000_000, calls: 2_000 },
      day: { tokens: 5_000_000, calls: 0 },
    })
  })
})
