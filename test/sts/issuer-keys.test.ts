import { describe, expect, test } from 'vitest'
import { FetchError, type SafeFetch } from '../../src/kernel/safe-fetch.ts'
import type { SubjectIssuer } from '../../src/store/subject-issuers.ts'
import { createIssuerKeys } from '../../src/sts/people/issuer-keys.ts'

const issuer = {
  ...{ id: 'sis_a', revision: 1, issuer: 'https://idp.example.com/a/', jwks_url: null },
} as SubjectIssuer
const discovery = 'https://idp.example.com/a/.well-known/openid-configuration'
const jwks = 'https://keys.example.com/a'

/** A provider by its documents, with a count of what was fetched, and a time that tests move. */
function setUp(documents: Record<string, unknown> = {}) {
  const fetched: string[] = []
  const time = { ms: 0 }
  const answers: Record<string, unknown> = {
    [discovery]: { issuer: issuer.issuer, jwks_uri: jwks },
    [jwks]: { keys: [] },
    ...documents,
  }
  const fetch: SafeFetch = async (url) => {
    fetched.push(url)
    if (answers[url] === undefined) throw new FetchError('connection_failed', 'away')
    return { status: 200, headers: {}, body: JSON.stringify(answers[url]) }
  }
  return { keys: createIssuerKeys(fetch, () => time.ms), fetched, time, answers }
}

describe('the keys of a subject issuer', () => {
  test('are found by discovery, and read again after ten minutes', async () => {
    const { keys, fetched, time } = setUp()
    await keys.of(issuer)
    time.ms = 600_000
    await keys.of(issuer)
    expect(fetched).toEqual([discovery, jwks])
    time.ms = 600_001
    await keys.of(issuer)
    expect(fetched).toHaveLength(4)
  })

  test('are asked for once, however many wait for them', async () => {
    const { keys, fetched } = setUp()
    await Promise.all(Array.from({ length: 20 }, () => keys.of(issuer)))
    expect(fetched).toHaveLength(2)
  })

  test('are read anew for unknown keys, once in half a minute whoever makes them up', async () => {
    const { keys, fetched, time } = setUp()
    await keys.of(issuer)
    await Promise.all(Array.from({ length: 50 }, () => keys.anew(issuer)))
    expect(fetched).toHaveLength(4)
    time.ms = 30_000
    await keys.anew(issuer)
    expect(fetched).toHaveLength(4)
    time.ms = 30_001
    await keys.anew(issuer)
    expect(fetched).toHaveLength(6)
  })

  test('that could not be had are tried again after five seconds, and not before', async () => {
    const { keys, fetched, time, answers } = setUp()
    const found = answers[jwks]
    answers[jwks] = undefined
    await expect(keys.of(issuer)).rejects.toThrow(FetchError)
    answers[jwks] = found
    time.ms = 5_000
    await expect(keys.of(issuer)).rejects.toThrow(FetchError)
    expect(fetched).toHaveLength(2)
    time.ms = 5_001
    await keys.of(issuer)
    expect(fetched).toHaveLength(4)
  })

  test('are others after the issuer’s object has changed', async () => {
    const { keys, fetched } = setUp()
    await keys.of(issuer)
    await keys.of({ ...issuer, revision: 2, jwks_url: 'https://keys.example.com/a' })
    expect(fetched).toEqual([discovery, jwks, jwks])
  })

  test.each([
    ['of another issuer', { [discovery]: { issuer: 'https://evil.example', jwks_uri: jwks } }],
    ['without a place of keys', { [discovery]: { issuer: issuer.issuer } }],
    ['that is no object', { [discovery]: 'text' }],
    ['whose keys are none', { [jwks]: { keys: 'none' } }],
  ])('are none where there is a document %s', async (_what, documents) => {
    const { keys } = setUp(documents)
    await expect(keys.of(issuer)).rejects.toMatchObject({ reason: 'answer_malformed' })
  })
})
