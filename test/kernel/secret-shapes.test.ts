import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { newSecret } from '../../src/kernel/bearer-secret.ts'
import { idPrefix, newId, type IdKind } from '../../src/kernel/ids.ts'
import { packageFile } from '../../src/kernel/package-root.ts'
import { secretIn, secretInValue } from '../../src/kernel/secret-shapes.ts'

/** Characters of a class, in no order, so that no tool of others takes this file for a leak. */
function chars(count: number, of = 'a8Kd3fQ0zX5pL7vB2nW9'): string {
  return of.repeat(Math.ceil(count / of.length)).slice(0, count)
}

const [upper, hex] = ['A8KD3FQ0ZX5PL7VB2NW9', '3f9a0c7be1d24856']
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwt = ['eyJ', 'eyJ', ''].map((head) => head + chars(43)).join('.')

const secrets: Readonly<Record<string, string>> = {
  'an admin token': newSecret('cat').secret,
  'a client secret': newSecret('cs').secret,
  'a refresh token': newSecret('rt').secret,
  'an authorization code': newSecret('ac').secret,
  'a signing secret': `whsec_${randomBytes(32).toString('base64')}`,
  'a mandate': jwt,
  'a PEM key': String(privateKey.export({ format: 'pem', type: 'pkcs8' })),
  'an SSH key': ['-----BEGIN OPENSSH', 'PRIVATE', 'KEY-----'].join(' '),
  'a PGP key': ['-----BEGIN PGP', 'PRIVATE', 'KEY BLOCK-----'].join(' '),
  'a private JWK': JSON.stringify(privateKey.export({ format: 'jwk' })),
  'an Anthropic key': `sk-ant-api03-${chars(40)}`,
  'an OpenAI key': `sk-proj-${chars(40)}`,
  'a Stripe key': `sk_live_${chars(24)}`,
  'a restricted Stripe key': `rk_test_${chars(24)}`,
  'an AWS key id': `AKIA${chars(16, upper)}`,
  'an AWS secret': `aws_secret_access_key = ${chars(40, 'wJa7lrXUt/nFEMI+K7MD')}`,
  'a Google API key': `AIza${chars(35)}`,
  'a Google client secret': `GOCSPX-${chars(28)}`,
  'a Google access token': `ya29.${chars(60)}`,
  'an Azure client secret': `${chars(3)}8Q~${chars(34)}`,
  'an Azure storage key': `AccountKey=${chars(86)}==`,
  'a GitHub token': `ghp_${chars(36)}`,
  'a fine-grained GitHub token': `github_pat_${chars(22)}_${chars(59)}`,
  'a GitLab token': `glpat-${chars(20)}`,
  'a Slack token': `xoxb-${chars(12, '1234567890')}-${chars(24)}`,
  'a Slack webhook': `https://hooks.slack.com/services/T${chars(9, upper)}/B${chars(9, upper)}/${chars(24)}`,
  'an npm token': `npm_${chars(36)}`,
  'a PyPI token': `pypi-${chars(60)}`,
  'a Hugging Face token': `hf_${chars(34)}`,
  'a SendGrid key': `SG.${chars(22)}.${chars(43)}`,
  'a Vault token': `hvs.${chars(30)}`,
  'a DigitalOcean token': `dop_v1_${chars(64, hex)}`,
  'a database URL': 'postgres://caracal:hunter2hunter2@db.example.com/caracal',
  'a URL with a password': 'https://bob:correct-horse@example.com/',
  'a header': `Authorization: Bearer ${chars(32)}`,
  'basic authentication': `authorization: Basic ${randomBytes(24).toString('base64')}`,
  'a password of a setting': 'password=hunter2hunter2',
  'a password in words': 'the password is hunter2hunter2',
  'a password in YAML': 'password: "Tr0ub4dor&3xyz"',
  'a secret of a setting': `CLIENT_SECRET=${chars(24)}`,
  'a token in JSON': `"api_token": "${chars(32)}"`,
  'a key in Rego': `api_key := "${chars(32, hex)}"`,
}

const harmless: Readonly<Record<string, string>> = {
  'a uuid': `the run ${randomUUID()} and token=${randomUUID()}`,
  'a digest': `approve it with sha256:${chars(64, hex)}, or secret: sha256:${chars(64, hex)}`,
  'a bare digest': chars(64, hex),
  'a commit': `at commit ${chars(40, hex)}`,
  'ids of every kind': (Object.keys(idPrefix) as IdKind[])
    .map((kind) => `${newId(kind, 0)} token=${newId(kind, 0)}`)
    .join(' '),
  addresses: 'https://example.com:8080/a/b?c=d#e http://127.0.0.1:8200 mailto:bob@example.com',
  'an address with a port and an at': 'https://example.com:8443/@bob/x',
  'a placeholder': 'postgres://caracal:<password>@db/caracal and https://u:${PASSWORD}@example.com',
  'a public key': String(publicKey.export({ format: 'pem', type: 'spki' })),
  'a public JWK': JSON.stringify(publicKey.export({ format: 'jwk' })),
  'words about secrets':
    'rotate the client secret of billing-agent; its token is revoked; password: required',
  'names with numbers':
    'secret: billing-agent-2, token is invoices-reader-2026, api_key: team/billing.v2',
  'a date': 'the token: 2026-11-26T19:23:11.000Z',
  'bearer in words': 'send it as a bearer authentication-credential-of-the-agent',
  'rules in Rego': 'token := input.request.access_token_2\nsecret := data.zones.secret_names[i]',
  'kebab words': 'task-force-sk-something risk-assessment-of-the-quarterly-figures',
  'an expression': '{{steps.app.output.client_secret}}',
}

describe('a credential is told', () => {
  test.each(Object.entries(secrets))('%s', (_, secret) => {
    for (const text of [secret, `use ${secret} for it`, `"${secret}"`, `line\n${secret}\nline`])
      expect(secretIn(text), text).not.toBeNull()
    expect(secretInValue({ a: [{ b: `${secret} please` }] })).not.toBeNull()
    expect(secretInValue({ a: { [secret]: 1 } })).not.toBeNull()
    const middle = Math.floor(secret.length / 2)
    expect(secretIn(`${secret.slice(0, middle)}\u200b${secret.slice(middle)}`)).not.toBeNull()
  })

  test('a private JWK, by its members', () => {
    const jwk = privateKey.export({ format: 'jwk' })
    expect(secretInValue({ jwks: { keys: [jwk] } })).toBe('a private key')
    expect(secretInValue({ jwks: { keys: [publicKey.export({ format: 'jwk' })] } })).toBeNull()
  })
})

describe('what is none passes', () => {
  test.each(Object.entries(harmless))('%s', (_, text) => {
    expect(secretIn(text)).toBeNull()
    expect(secretInValue([text, { text }])).toBeNull()
  })

  test('public keys, however many', () => {
    for (let i = 0; i < 2_000; i += 1)
      expect(secretIn(randomBytes(256).toString('base64url'))).toBeNull()
  })

  test('every page and phrase of this repository', () => {
    const folders = ['docs', 'prompts', 'test/planner/phrases', 'policies']
    const files = folders.flatMap((folder) =>
      readdirSync(packageFile(folder), { withFileTypes: true, recursive: true })
        .filter((entry) => entry.isFile() && /\.(?:md|ya?ml|rego|json)$/.test(entry.name))
        .map((entry) => join(entry.parentPath, entry.name)),
    )
    expect(files.length).toBeGreaterThan(20)
    const found = files.map((file) => [file, secretIn(readFileSync(file, 'utf8'))])
    expect(found.filter(([, what]) => what !== null)).toEqual([])
  })
})

/** Were one shape quadratic, this would take hours. */
test('the time of a text is that of its length, whatever it repeats', () => {
  const pieces = [...Object.values(secrets), ...Object.values(harmless)]
  const starts = pieces.flatMap((text) => [text.slice(0, 4), text.slice(0, 12), text])
  const repeated = fc.tuple(
    fc.constantFrom(...starts, '-eyJ', 'a://b:', 'password=', 'secret: "', 'bearer ', 'd":"'),
    fc.constantFrom('', ' ', '-', '_', '.', ':', '=', '@', '/', '"', '\n'),
  )
  fc.assert(
    fc.property(repeated, ([piece, joint]) => {
      const unit = piece.slice(0, -1) + joint
      secretIn(unit.repeat(Math.ceil(400_000 / Math.max(unit.length, 1))).slice(0, 400_000))
    }),
    { numRuns: 150 },
  )
}, 60_000)
