import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Model } from '../../src/operator/model/model.ts'
import { startWorld, type World } from '../world.ts'
import { buildConsole, chromiumPath, openBrowser, openWindow, signIn } from './browser.ts'

const usage = { calls: 1, inputTokens: 1, outputTokens: 1 }

/** A model that says half of a sentence and goes on when it is told to, or is stopped. */
function halting(): Model & { goOn(): void } {
  let goOn = (): void => undefined
  return {
    name: 'halting',
    offline: true,
    async answer({ emit, signal }) {
      emit({ type: 'text', text: 'half <b>of</b> ' })
      await new Promise<void>((resolve, reject) => {
        goOn = resolve
        signal.addEventListener('abort', () => {
          reject(new Error('stopped'))
        })
      })
      emit({ type: 'text', text: 'a sentence' })
      return { text: 'half <b>of</b> a sentence', outcome: 'done', usage }
    },
    goOn: () => {
      goOn()
    },
  }
}

describe.skipIf(chromiumPath === null)('an answer that takes its time', () => {
  const model = halting()
  let world: World
  let browser: Browser

  beforeAll(async () => {
    await buildConsole()
    world = await startWorld({ model })
    browser = await openBrowser()
  })

  afterAll(async () => {
    await browser.close()
    await world[Symbol.asyncDispose]()
  })

  async function say(text: string) {
    const watched = await openWindow(browser, world)
    const { page } = watched
    await signIn(page, '/console/zones/default/ask', world.token)
    await page.getByLabel('Message to the Operator').fill(text)
    await page.keyboard.press('Enter')
    const log = page.getByRole('log')
    await log.getByText('half <b>of</b>').waitFor()
    return { ...watched, log }
  }

  test('is read while it comes, and marked as unfinished', async () => {
    const { context, page, log, faults } = await say('tell me')
    expect(await log.locator('[aria-busy=true]').count()).toBe(1)
    expect(await log.innerText()).not.toContain('a sentence')
    expect(await page.getByRole('button', { name: 'Send' }).count()).toBe(0)
    model.goOn()
    await log.getByText('half <b>of</b> a sentence').waitFor()
    await page.getByRole('button', { name: 'Send' }).waitFor()
    expect(await log.locator('[aria-busy=true]').count()).toBe(0)
    expect(await log.getByRole('listitem').count()).toBe(2)
    expect(faults).toEqual([])
    await context.close()
  })

  test('is stopped by the person', async () => {
    const { context, page, log } = await say('tell me more')
    await page.getByRole('button', { name: 'Stop' }).click()
    await log.getByText('cancelled').waitFor()
    await log.getByText('Stopped.').waitFor()
    await page.getByRole('button', { name: 'Send' }).waitFor()
    await context.close()
  })

  test('another mode begins another conversation, and leaves the answer behind', async () => {
    const { context, page, log } = await say('and more')
    const { pathname } = new URL(page.url())
    await page.getByRole('radio', { name: 'Ask' }).check({ force: true })
    await page.getByText('nothing can be proposed').waitFor()
    expect(new URL(page.url()).pathname).toBe('/console/zones/default/ask')
    expect(await log.innerText()).toBe('')
    model.goOn()
    await page.goBack()
    expect(new URL(page.url()).pathname).toBe(pathname)
    await log.getByText('and more').waitFor()
    await context.close()
  })
})
