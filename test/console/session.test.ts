import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/kernel/ids.ts'
import { startWorld, type World } from '../world.ts'
import { buildConsole, chromiumPath, openBrowser, openWindow, signIn } from './browser.ts'

describe.skipIf(chromiumPath === null)('a session', () => {
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

  test('the token is held by the tab alone, and by nothing after signing out', async () => {
    const { context, page, faults } = await openWindow(browser, world)
    await signIn(page, '/', world.token)
    expect(new URL(page.url()).pathname).toBe('/console/zones/default/ask')
    const held = () =>
      page.evaluate(() => ({
        session: Object.values(sessionStorage) as string[],
        local: localStorage.length,
        cookies: document.cookie,
      }))
    expect(await held()).toMatchObject({ local: 0, cookies: '' })
    expect((await held()).session).toContain(world.token)
    expect(await page.content()).not.toContain(world.token)
    await page.reload()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('Admin token').waitFor()
    expect((await held()).session).not.toContain(world.token)
    expect(faults).toEqual([])
    await context.close()
  })

  test('a token that is none is refused with its code and what to do', async () => {
    const { context, page } = await openWindow(browser, world)
    await page.goto('/console')
    await page.getByLabel('Admin token').fill(`cat_${'x'.repeat(43)}`)
    await page.keyboard.press('Enter')
    const alert = page.getByRole('alert')
    await alert.getByText('invalid_admin_token').waitFor()
    expect(await alert.innerText()).toMatch(/Take a token that is valid[^]*req_/)
    await context.close()
  })

  test('a token that is revoked ends the session where it stands', async () => {
    const made = await world.admin.adminTokens.create({
      principal_name: 'Ann',
      principal_kind: 'person',
      capabilities: ['read', 'audit'],
    })
    const { context, page } = await openWindow(browser, world)
    await signIn(page, '/console/zones/default/plans', made.token)
    await page.getByText('No plans yet').waitFor()
    await page.waitForLoadState('networkidle')
    await world.admin.adminTokens.delete({ admin_token_id: made.id })
    await page.getByRole('link', { name: 'Access' }).click()
    await page.getByLabel('Admin token').waitFor()
    await page.getByText('The service no longer takes the token').waitFor()
    expect(await page.evaluate(() => sessionStorage.getItem('caracal.token'))).toBeNull()

    // The address has stayed, so whoever signs in goes on from there.
    await page.getByLabel('Admin token').fill(world.token)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { name: 'Access' }).waitFor()
    await context.close()
  })

  test('a token of one zone names it, and keeps out of the others', async () => {
    const zone = await world.admin.zones.create({ name: 'Staging', baseline: true })
    const token = await world.person('Zoe', ['read', 'audit'], zone.id)
    const { context, page } = await openWindow(browser, world)
    await page.goto('/')
    await page.getByLabel('Admin token').fill(token)
    await page.keyboard.press('Enter')
    await page.getByLabel(/Zone of your token/).fill('staging')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Ask the Operator' }).waitFor()
    await page.goto('/console/zones/default/plans')
    await page.getByRole('alert').getByText('admin_token_zone_mismatch').waitFor()
    await context.close()
  })

  test('another zone is picked, and the page stays of the same kind', async () => {
    const { context, page } = await openWindow(browser, world)
    await signIn(page, '/console/zones/default/audit', world.token)
    await page.getByLabel('Zone').selectOption({ label: 'Staging' })
    await page.getByRole('heading', { name: 'Audit' }).waitFor()
    expect(new URL(page.url()).pathname).toBe('/console/zones/staging/audit')
    await page.goBack()
    await expect.poll(() => page.getByLabel('Zone').inputValue()).toBe('default')
    await context.close()
  })

  test.each([
    ['zones/nowhere/plans', 'zone_not_found'],
    [`zones/default/plans/${newId('plan', 0)}`, 'not_found'],
    ['zones/default/plans/what%2F..%2Fever', 'invalid_query'],
  ])('%s says %s', async (path, code) => {
    const { context, page } = await openWindow(browser, world)
    await signIn(page, `/console/${path}`, world.token)
    await page.getByRole('alert').getByText(code).waitFor()
    await context.close()
  })

  test('an address that is none says so', async () => {
    const { context, page } = await openWindow(browser, world)
    await page.goto('/console/somewhere')
    await page.getByLabel('Admin token').fill(world.token)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'There is no such page' }).waitFor()
    await page.getByRole('link', { name: 'Go to the start' }).click()
    await page.getByRole('heading', { name: 'Ask the Operator' }).waitFor()
    await context.close()
  })
})
