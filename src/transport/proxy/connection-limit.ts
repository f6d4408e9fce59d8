import cluster from 'node:cluster';
import type { Server, Socket } from 'node:net';

/** Who comes when so many connections are open is dropped. */
export function limitConnections(server: Server, max: number): void {
  if (!cluster.isWorker) {
    server.maxConnections = max;
    return;
  }
  // A worker at Node's own limit gives a connection back for the next worker: with all at theirs it would go round for ever.
  let open = 0;
  server.prependListener('connection', (socket: Socket) => {
    if (open >= max) {
      socket.destroy();
      return;
    }
    open += 1;
    socket.once('close', () => {
      open -= 1;
    });
  });
}
