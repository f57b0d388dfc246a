import { figure, percentiles, type Figure } from './figure.ts'
import { createInstallation } from './installation.ts'
import type { Settings } from './settings.ts'

/** From the start of the process to its first answer, on data that a first start has made. */
export async function measureStart({ starts, profile }: Settings): Promise<readonly Figure[]> {
  await using installation = await createInstallation(profile)
  const durationsMs: number[] = []
  for (let nth = 0; nth <= starts; nth += 1) {
    await using service = await installation.start()
    // The first start makes the database, which is done once in the life of an installation.
    if (nth > 0) durationsMs.push(service.startedInMs)
  }
  return [figure('start.existing', { ...percentiles(durationsMs), note: `${starts} starts` })]
}
