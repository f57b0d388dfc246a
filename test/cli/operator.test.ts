import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startChat } from '../../src/cli/chat.ts'
import { startWorld, type World } from '../world.ts'
import { openStreams, runCommand, type Ran, type RunOptions } from './terminal.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world[Symbol.asyncDispose]())

function caracal(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const env = { CARACAL_URL: world.url, CARACAL_ADMIN_TOKEN: world.token }
  return runCommand(args, { ...options, env: { ...env, ...options.env } })
}

const newcomer =
  'register an application called billing-agent and a resource called Invoices with scopes ' +
  'invoices:read and invoices:write, and let billing-agent read invoices'

describe('ask', () => {
  test('a person sees the plan, says yes, and sees what it left', async () => {
    const { exit, out } = await caracal(['ask', newcomer], { person: ['y'] })
    expect(exit).toBe(0)
    expect(out).toMatch(/Plan plan_\S+ {2}pending approval/)
    expect(out).toContain('+ billing-agent gains invoices:read on Invoices')
    expect(out).toMatch(/Applied plan plan_\S+, all of it/)
    const left = out.slice(out.indexOf('Audit events'))
    const inOrder = [
      'token.plan_mandate',
      'applications.create',
      'resources.create',
      'grants.create',
    ]
    const places = [...inOrder, 'plans.apply'].map((type) => left.indexOf(type))
    expect(places).not.toContain(-1)
    expect(places).toEqual(places.toSorted((a, b) => a - b))
    expect(out).toMatch(/client_secret cs_\S{43}/)
  })

  test('asked again, it has nothing to do', async () => {
    const { exit, json } = await caracal(['ask', '--json', newcomer])
    expect(exit).toBe(0)
    expect(json).toMatchObject({
      outcome: 'done',
      answer: expect.stringContaining('Nothing needs changing'),
    })
  })

  test('a plan that makes a zone shows what it left in every log', async () => {
    const words = 'create a zone called staging with the same resources as default'
    const { exit, out } = await caracal(['ask', words, '--yes'])
    expect(exit).toBe(0)
    const left = out.slice(out.indexOf('Audit events'))
    for (const type of ['token.plan_mandate', 'zones.create', 'resources.create', 'plans.apply'])
      expect(left).toContain(type)
  })

  test('without a person the plan waits, and a script finishes it by its digest', async () => {
    const asked = await caracal(['ask', '--json', 'let billing-agent write invoices'])
    expect(asked.exit).toBe(5)
    const { id, digest, state, steps, preview } = asked.json
    expect(state).toBe('pending_approval')
    expect(steps).toHaveLength(preview.steps.length)

    const blind = await caracal(['plan', 'approve', id])
    expect(blind).toMatchObject({ exit: 2, out: '' })
    const wrong = await caracal([
      'plan',
      'approve',
      id,
      '--digest',
      `sha256:${'0'.repeat(64)}`,
      '--json',
    ])
    expect(wrong).toMatchObject({ exit: 4 })
    expect(wrong.json.error).toBe('approval_mismatch')
    const early = await caracal(['plan', 'apply', id, '--json'])
    expect(early).toMatchObject({ exit: 5 })

    expect((await caracal(['plan', 'approve', id, '--digest', digest])).exit).toBe(0)
    const applied = await caracal(['plan', 'apply', id, '--json'])
    expect(applied.exit).toBe(0)
    expect(applied.json).toMatchObject({ replayed: false, plan: { id, state: 'applied' } })
    const events = (applied.json.events as { type: string }[]).map(({ type }) => type)
    expect(events).toEqual(expect.arrayContaining(['token.plan_mandate', 'plans.apply']))
    expect((await caracal(['plan', 'apply', id, '--json'])).json.replayed).toBe(true)
  })

  test.each(['', 'n', 'yes please', 'Y E S'])('%j is not a yes', async (answer) => {
    const before = await world.state()
    const ran = await caracal(['ask', 'register an application called unwanted'], {
      person: [answer],
    })
    expect(ran.exit).toBe(5)
    expect(await world.state()).toBe(before)
  })

  test('--yes applies at once and prints one value with secrets and events', async () => {
    const { exit, json } = await caracal([
      'ask',
      '--json',
      '--yes',
      'register an application called quick',
    ])
    expect(exit).toBe(0)
    expect(json).toMatchObject({ state: 'applied', secrets: [{ field: 'client_secret' }] })
    expect(json.events.length).toBeGreaterThan(1)
  })

  test.each([
    ['agent', 'let mailer read ledgers', 5, { state: 'pending_approval' }],
    ['ask', 'let mailer read ledgers', 3, { answer: expect.stringMatching('only answers') }],
  ])(
    'two that match are asked about in %s mode, and the second one is the answer',
    async (mode, words, exit, told) => {
      const sure = ['--json', '--mode', mode]
      await caracal([
        'ask',
        '--yes',
        'register applications called mailer-east and mailer-west and a resource called Ledgers with the scope ledgers:read',
      ])
      const mark = (await world.admin.plans.list('default')).items.length
      const asked = await caracal(['ask', ...sure, words])
      expect(asked.exit, JSON.stringify(asked)).toBe(3)
      expect(asked.json).toMatchObject({
        outcome: 'question',
        answer: expect.stringMatching(/mailer-(?:east|west).*mailer-(?:east|west)/s),
      })
      const [first = '', second = ''] = String(asked.json['answer']).match(/mailer-\w+/g) ?? []
      expect((await world.admin.plans.list('default')).items).toHaveLength(mark)
      const { conversation_id } = asked.json as { conversation_id: string }
      const said = await caracal([
        'ask',
        ...sure,
        '--conversation',
        conversation_id,
        'the second one',
      ])
      expect(said.exit, JSON.stringify(said)).toBe(exit)
      expect(said.json).toMatchObject(told)
      const plans = (await world.admin.plans.list('default')).items
      expect(plans).toHaveLength(mark + (mode === 'agent' ? 1 : 0))
      if (mode === 'ask') return
      const text = JSON.stringify(said.json)
      expect(text).toContain(second)
      expect(text).not.toContain(first)
    },
  )

  test('a question back has its own exit code, and the talk goes on', async () => {
    const asked = await caracal(['ask', '--json', 'let billing-agent read'])
    expect(asked.exit).toBe(3)
    expect(asked.json.outcome).toBe('question')
    const args = [
      'ask',
      '--conversation',
      asked.json.conversation_id as string,
      'who can read invoices?',
    ]
    const { exit, out } = await caracal(args)
    expect(exit).toBe(0)
    expect(out).toContain('billing-agent')
  })

  test('a person who is alone gives the reason for a grave plan', async () => {
    const { exit, out } = await caracal(['ask', 'delete the application quick'], {
      person: ['y', 'no longer used'],
    })
    expect(out).toMatch(/HIGH RISK/)
    expect(exit).toBe(0)
    const { json } = await caracal(['plan', 'list', '--state', 'applied', '--json'])
    expect(json.items[0].approvals[0]).toMatchObject({
      break_glass: true,
      reason: 'no longer used',
    })
  })
})

describe('plan approve on a terminal', () => {
  test('shows the plan, and approves and applies exactly that', async () => {
    const asked = await caracal(['ask', '--json', 'register an application called slow'])
    const ran = await caracal(['plan', 'approve', asked.json.id, '--apply'], { person: ['y'] })
    expect(ran.exit).toBe(0)
    expect(ran.out).toContain(asked.json.digest)
    expect(ran.out).toContain('Applied')
    const again = await caracal(['plan', 'approve', asked.json.id], { person: ['y'] })
    expect(again.exit).toBe(4)
  })
})

describe('chat', () => {
  async function talk(lines: readonly (readonly [string, string])[]): Promise<string> {
    const { streams, written } = openStreams(true)
    const { input, output } = streams
    const talking = startChat({
      apiUrl: world.url,
      token: world.token,
      zone: 'default',
      input,
      output,
      color: false,
    })
    let read = 0
    for (const [prompt, line] of lines) {
      for (let waited = 0; !written.out.join('').slice(read).includes(prompt); waited += 20) {
        if (waited > 10_000) throw new Error(`no ${prompt} in ${written.out.join('').slice(read)}`)
        await delay(20)
      }
      read = written.out.join('').length
      input.write(line)
    }
    await talking
    return written.out.join('')
  }

  test('plans are shown and decided on in place', async () => {
    const out = await talk([
      ['default ▸', 'register an application called talkative\n'],
      ['[y/N]', 'y\n'],
      ['Applied', '/plan\n'],
      ['applied', '/mode ask\n'],
      ['default (ask) ▸', 'which applications are there?\n'],
      ['talkative', '/nonsense\n'],
      ['There is no /nonsense', '/zone nowhere\n'],
      ['zone_not_found', '/quit\n'],
    ])
    expect(out).toContain('application talkative')
  })

  test('what was typed before the question is no answer to it', async () => {
    const before = await world.state()
    await talk([
      ['default ▸', 'register an application called hasty\ny\n'],
      ['[y/N]', '\n'],
      ['Nothing was approved', '/quit\n'],
    ])
    expect(await world.state()).toBe(before)
  })

  test('the end of the input ends the talk', async () => {
    const { streams, written } = openStreams(false)
    streams.input.end('who can read invoices?\nregister an application called piped\n')
    const { input, output } = streams
    await startChat({ apiUrl: world.url, token: world.token, zone: 'default', input, output })
    expect(written.out.join('')).toContain('billing-agent')
    expect(written.out.join('')).toContain('caracal plan approve plan_')
  })
})
