import type { FastifyInstance } from 'fastify'
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client'
import type { Context } from '../context.ts'

/**
 * Liveness, readiness and metrics: open to whoever can reach the port, and saying nothing secret.
 * The requests of every route that is registered afterwards are measured.
 */
export function healthRoutes(app: FastifyInstance, context: Context): void {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'caracal_' })
  const duration = new Histogram({
    name: 'caracal_http_request_duration_seconds',
    help: 'Time from the request to its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    registers: [registry],
  })
  app.addHook('onResponse', (request, reply, done) => {
    duration
      .labels(request.method, request.routeOptions.url ?? 'none', String(reply.statusCode))
      .observe(reply.elapsedTime / 1_000)
    done()
  })
  app.get('/health', { schema: { hide: true } }, () => ({ status: 'ok' }))
  app.get('/ready', { schema: { hide: true } }, async (_request, reply) => {
    const waiting = await unready(context)
    return reply
      .code(waiting.length === 0 ? 200 : 503)
      .send({ status: waiting.length === 0 ? 'ready' : 'not_ready', waiting_for: waiting })
  })
  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  )
}

async function unready(context: Context): Promise<string[]> {
  try {
    await context.db.pool.query('select 1')
    return []
  } catch {
    return ['database']
  }
}
