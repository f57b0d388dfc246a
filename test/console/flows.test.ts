import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PlanView } from '../../src/console/views.ts'
import { startWorld, type World } from '../world.ts'
import { buildConsole, chromiumPath, openBrowser, openWindow, signIn } from './browser.ts'

/** What the README's newcomer says. */
const words =
  'register an application called billing-agent and a resource called Invoices with scopes ' +
  'invoices:read and invoices:write, and let billing-agent read invoices'

describe.skipIf(chromiumPath === null)('the console', () => {
  let world: World
  let browser: Browser

  beforeAll(async () => {
    await buildConsole()
    world = await startWorld()
    browser = await openBrowser()
  })

  afterAll(async () => {
    await browser.close()
    await world[Symbol.asyncDispose]()
  })

  async function open(path: string, token = world.token) {
    const watched = await openWindow(browser, world)
    await signIn(watched.page, path, token)
    return watched
  }

  function propose(
    name: string,
    operation = 'applications.create',
    input: Record<string, unknown> = { name },
  ): Promise<PlanView> {
    const steps = [{ id: 'one', operation, input }]
    return world.admin.plans.create('default', { intent: name, steps })
  }

  async function stateOf(plan: { id: string }): Promise<PlanView['state']> {
    return (await world.admin.plans.get('default', { plan_id: plan.id })).state
  }

  function pathOf(plan: { id: string }): string {
    return `/console/zones/default/plans/${plan.id}`
  }

  test('words become a plan, an approval and a change, and its secret is shown once', async () => {
    const { context, page, faults } = await open('/')
    await page.getByLabel('Message to the Operator').fill(words)
    await page.keyboard.press('Enter')
    await page.getByRole('link', { name: 'Review and decide' }).click()

    const [listed] = (await world.call('GET', 'plans')).body.items
    expect(page.url()).toBe(`${world.url}${pathOf(listed)}`)
    const main = page.getByRole('main')
    await main.getByText(listed.digest).waitFor()
    expect(await main.innerText()).toMatch(/billing-agent gains invoices:read on Invoices/)
    expect(await main.locator('.step').count()).toBe(3)
    expect(await main.innerText()).toContain('resource://invoices')

    await page.getByRole('button', { name: 'Approve' }).click()
    await page.getByRole('button', { name: 'Apply' }).click()
    const secrets = page.getByRole('region', { name: /Store this now/ })
    const secret = await secrets.locator('code.secret').innerText()
    expect(await stateOf(listed)).toBe('applied')
    const [application] = (await world.call('GET', 'applications')).body.items
    const token = await world.oauth('token', {
      grant_type: 'client_credentials',
      client_id: application.id,
      client_secret: secret,
      resource: 'resource://invoices',
      scope: 'invoices:read',
    })
    expect(token).toMatchObject({ status: 200, body: { scope: 'invoices:read' } })

    // It is in the memory of the page alone, so a way back within the console still shows it.
    await page.getByRole('link', { name: 'Plans' }).first().click()
    await page.getByRole('link', { name: listed.summary }).click()
    expect(await secrets.locator('code.secret').innerText()).toBe(secret)
    await page.reload()
    await main.getByText(listed.digest).waitFor()
    expect(await page.content()).not.toContain(secret)
    expect(
      await page.evaluate(() =>
        [...Object.values(sessionStorage), ...Object.values(localStorage)].join(),
      ),
    ).not.toContain(secret)

    await page.getByRole('link', { name: /^req_/ }).click()
    await page.getByRole('heading', { name: 'grants.create' }).waitFor()
    expect(faults).toEqual([])
    await context.close()
  })

  test('the answer of the Operator, and the conversation after a reload', async () => {
    const { context, page } = await open('/console/zones/default/ask')
    await page.getByRole('radio', { name: 'Ask' }).check({ force: true })
    await page.getByLabel('Message to the Operator').fill('who can read invoices?')
    await page.getByRole('button', { name: 'Send' }).click()
    const log = page.getByRole('log')
    await log.locator('.words', { hasText: /billing-agent/ }).waitFor()
    await log.getByText(/^Sources: \d/).click()
    await log.getByRole('list', { name: 'Sources' }).getByText('billing-agent').waitFor()
    expect(new URL(page.url()).pathname).toMatch(/\/ask\/conv_[a-z0-9]+$/)
    await page.reload()
    await log.getByText('who can read invoices?').waitFor()
    await log.locator('.words', { hasText: /billing-agent/ }).waitFor()
    await log.getByText(/^Sources: \d/).waitFor()
    expect(await page.getByRole('radio', { name: 'Ask' }).isChecked()).toBe(true)
    await context.close()
  })

  test('a secret in a message is refused, and the words are there to be mended', async () => {
    const { context, page } = await open('/console/zones/default/ask')
    const field = page.getByLabel('Message to the Operator')
    const pasted = `use sk-${'a1'.repeat(16)} for it`
    await field.fill(pasted)
    await page.keyboard.press('Enter')
    const alert = page.getByRole('alert')
    await alert.getByText('secret_in_message').waitFor()
    expect(await alert.innerText()).toContain('Take the secret out')
    expect(await field.inputValue()).toBe(pasted)
    expect(await world.sql(`select 1 from messages where text like '%sk-a1%'`)).toEqual([])
    await context.close()
  })

  test('a plan that was previewed anew is not approved by its old digest', async () => {
    const plan = await propose('first-of-its-name')
    const { context, page } = await open(pathOf(plan))
    await page.getByText(String(plan.digest)).waitFor()
    await world.call('POST', 'applications', { name: 'something else' })
    const anew = await world.call('POST', `plans/${plan.id}/preview`, {})
    expect(anew.body.digest).not.toBe(plan.digest)
    const [before, mark] = [await world.state(), await world.eventCount()]

    await page.getByRole('button', { name: 'Approve' }).click()
    const alert = page.getByRole('alert')
    await alert.getByText('approval_mismatch').waitFor()
    expect(await stateOf(plan)).toBe('pending_approval')
    expect(await world.state()).toBe(before)
    const refused = (await world.events(mark)).filter(({ outcome }) => outcome === 'refused')
    expect(refused).toMatchObject([{ type: 'plans.approve', reason: 'approval_mismatch' }])
    expect(await alert.innerText()).toContain(refused[0]?.request_id)

    await page.getByRole('button', { name: 'Show the plan as it is' }).click()
    await page.getByText(anew.body.digest).waitFor()
    await page.getByRole('button', { name: 'Approve' }).click()
    await page.getByRole('button', { name: 'Apply' }).waitFor()
    expect(await stateOf(plan)).toBe('approved')
    await context.close()
  })

  test('a stale plan is previewed again before it is approved', async () => {
    const plan = await propose('soon-stale')
    const { context, page } = await open(pathOf(plan))
    await page.getByText(String(plan.digest)).waitFor()
    await world.call('POST', 'applications', { name: 'something in between' })
    await page.getByRole('button', { name: 'Approve' }).click()
    await page.getByRole('alert').getByText('stale', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Show the plan as it is' }).click()
    await page.getByRole('button', { name: 'Preview again' }).click()
    await page.getByRole('button', { name: 'Approve' }).waitFor()
    expect(await page.getByText(String(plan.digest)).count()).toBe(0)
    expect(await stateOf(plan)).toBe('pending_approval')
    await context.close()
  })

  test('whoever is alone with a grave plan types a reason', async () => {
    const plan = await propose('open the zone', 'zones.patch', { dcr_enabled: true })
    expect(plan.preview).toMatchObject({ risk: 'high', policy: { break_glass: true } })
    const { context, page } = await open(pathOf(plan))
    await page.getByRole('button', { name: 'Approve' }).click()
    await page.getByText('break_glass_reason_required').waitFor()
    expect(await stateOf(plan)).toBe('pending_approval')
    await page.keyboard.type('nobody else is here')
    await page.getByRole('button', { name: 'Approve' }).click()
    await page.getByText('approved by break-glass').waitFor()
    const { approvals } = (await world.call('GET', `plans/${plan.id}`)).body
    expect(approvals).toMatchObject([{ break_glass: true, reason: 'nobody else is here' }])
    await context.close()
  })

  test('a plan is rejected with a reason', async () => {
    const plan = await propose('not this one')
    const { context, page } = await open(pathOf(plan))
    await page.getByRole('button', { name: 'Reject…' }).click()
    await page.getByLabel(/Reason for rejecting/).fill('we have one already')
    await page.getByRole('button', { name: 'Reject', exact: true }).click()
    await page.getByText('The plan is now rejected').waitFor({ state: 'attached' })
    await page.getByText('we have one already').waitFor()
    expect(await stateOf(plan)).toBe('rejected')
    expect(await page.getByRole('button', { name: 'Approve' }).count()).toBe(0)
    await context.close()
  })

  test('plans by state, access by words, events by outcome', async () => {
    const { context, page } = await open('/console/zones/default/plans')
    const table = page.getByRole('table')
    await page.getByLabel('State').selectOption('rejected')
    await expect.poll(() => table.getByRole('row').count()).toBe(2)
    expect(new URL(page.url()).search).toBe('?state=rejected')

    await page.goto('/console/zones/default/access')
    await table.getByText('invoices:read').waitFor()
    await page.getByLabel('Find in any column').fill('BILLING invoices')
    await page.getByText('1 of 1').waitFor()
    await page.getByLabel('Find in any column').fill('nobody')
    await page.getByText('0 of 1').waitFor()

    await page.goto('/console/zones/default/audit?outcome=refused')
    await table.getByText('approval_mismatch').first().waitFor()
    expect(await table.getByText('applied', { exact: true }).count()).toBe(0)
    await context.close()
  })
})
