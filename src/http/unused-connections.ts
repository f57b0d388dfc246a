import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** How long a connection stays that becomes idle while the service closes. */
const sweepMs = 50

/**
 * Ends the connections that would keep the service from closing: those on which no request has come
 * yet, which Node counts as busy for as long as a browser or a pool keeps one in reserve, and those
 * whose last answer is sent after Node has looked for idle ones.
 */
export function endUnusedConnections(app: FastifyInstance): void {
  const unused = new Set<Socket>()
  app.server.on('connection', (socket) => {
    unused.add(socket)
    socket.once('close', () => unused.delete(socket))
  })
  app.server.on('request', ({ socket }) => {
    unused.delete(socket)
  })
  app.addHook('preClose', (done) => {
    for (const socket of unused) socket.destroy()
    const sweeping = setInterval(() => {
      app.server.closeIdleConnections()
    }, sweepMs)
    app.server.once('close', () => {
      clearInterval(sweeping)
    })
    done()
  })
}
