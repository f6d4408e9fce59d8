import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * A free port below those that the system gives to clients. Of those, one that nobody listens on while the broker is
 * dead may be taken by a client: even by one that connects to itself on it.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; ; tries++) {
    const port = randomInt(10_240, 32_000);
    const server = createServer();
    try {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
      return port;
    } catch (error) {
      if (tries === 50) throw error;
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  }
}
