import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** What a bad network does to a connection to Redis. Chances are per piece of a reply. */
export interface Harm {
  readonly delayMs: number;
  /** Reset before the reply is passed on: the command was done, its answer is lost. */
  readonly resets: number;
  /** Half of the piece is passed on, then a reset. */
  readonly cuts: number;
}

/** Stands between brokers and a Redis on loopback. */
export interface RedisProxy extends AsyncDisposable {
  readonly port: number;
  /** From now on, also on connections that are open. */
  harm(harm: Partial<Harm>): void;
  /** Connections that it has broken. */
  readonly broken: number;
}

const NONE: Harm = { delayMs: 0, resets: 0, cuts: 0 };

export async function startRedisProxy(target: number, random: () => number): Promise<RedisProxy> {
  let now = NONE;
  let broken = 0;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect({ host: '127.0.0.1', port: target, noDelay: true });
    near.setNoDelay(true);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined); // the close that follows ends both
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    const reset = (): void => {
      broken++;
      near.resetAndDestroy();
      far.destroy();
    };
    /** In order, each after its delay. */
    const pass = (to: Socket, piece: Buffer, then?: () => void): void => {
      const go = (): void => {
        if (!to.destroyed) to.write(piece, then);
      };
      if (now.delayMs === 0) go();
      else setTimeout(go, now.delayMs / 2);
    };
    near.on('data', (piece: Buffer) => pass(far, piece));
    far.on('data', (piece: Buffer) => {
      const chance = random();
      if (chance < now.resets) reset();
      else if (chance < now.resets + now.cuts) pass(near, piece.subarray(0, Math.floor(piece.length / 2)), reset);
      else pass(near, piece);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    port: address.port,
    harm(harm) {
      now = { ...NONE, ...harm };
    },
    get broken() {
      return broken;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
