import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** What a bad network does to connections. Chances are per piece of a reply. */
export interface Harm {
  readonly delayMs: number;
  /** Reset before the reply is passed on: the command was done, its answer is lost. */
  readonly resets: number;
  /** Half of the piece is passed on, then a reset. */
  readonly cuts: number;
  /**
   * Packets of that way are held back, ends of connections too: nobody hears that the other end is not there. What is held
   * arrives when the way is free again, as what TCP sends again does.
   */
  readonly held: 'requests' | 'replies' | 'both' | 'none';
}

/** Stands between its clients and a server on loopback. */
export interface NetProxy extends AsyncDisposable {
  readonly port: number;
  /** From now on, also on connections that are open. */
  harm(harm: Partial<Harm>): void;
  /** Connections that it has broken. */
  readonly broken: number;
}

type Way = 'requests' | 'replies';

const NONE: Harm = { delayMs: 0, resets: 0, cuts: 0, held: 'none' };

export async function startProxy(target: number, random: () => number): Promise<NetProxy> {
  let now = NONE;
  let broken = 0;
  const sockets = new Set<Socket>();
  /** What waits for its way to be free, in order. */
  const waiting: Record<Way, (() => void)[]> = { requests: [], replies: [] };
  const isHeld = (way: Way): boolean => now.held === way || now.held === 'both';
  const inTurn = (way: Way, go: () => void): void => {
    if (isHeld(way)) waiting[way].push(go);
    else go();
  };
  const server = createServer((near) => {
    const far = connect({ host: '127.0.0.1', port: target, noDelay: true });
    near.setNoDelay(true);
    const ends = [
      [near, far, 'requests'],
      [far, near, 'replies'],
    ] as const;
    for (const [socket, other, way] of ends) {
      sockets.add(socket);
      socket.on('error', () => undefined); // the close that follows ends both
      socket.on('close', () => {
        sockets.delete(socket);
        inTurn(way, () => other.destroy());
      });
    }
    const reset = (): void => {
      broken++;
      near.resetAndDestroy();
      far.destroy();
    };
    const toFar = line(far);
    const toNear = line(near);
    near.on('data', (piece: Buffer) => inTurn('requests', () => toFar(now.delayMs / 2, piece)));
    const reply = (piece: Buffer): void => {
      const chance = random();
      if (chance < now.resets) reset();
      else if (chance < now.resets + now.cuts)
        toNear(now.delayMs / 2, piece.subarray(0, Math.floor(piece.length / 2)), reset);
      else toNear(now.delayMs / 2, piece);
    };
    far.on('data', (piece: Buffer) => inTurn('replies', () => reply(piece)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    port: address.port,
    harm(harm) {
      now = { ...NONE, ...harm };
      for (const way of ['requests', 'replies'] as const) {
        if (!isHeld(way)) for (const go of waiting[way].splice(0)) go();
      }
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

/** Pieces for one end, each after its delay and behind those before it, also when those had to wait longer. */
function line(to: Socket): (delayMs: number, piece: Buffer, then?: () => void) => void {
  const pieces: (() => void)[] = [];
  let freeAt = 0;
  return (delayMs, piece, then) => {
    const go = (): void => {
      if (!to.destroyed) to.write(piece, then);
    };
    const now = performance.now();
    freeAt = Math.max(freeAt, now + delayMs);
    if (delayMs === 0 && pieces.length === 0) {
      go();
      return;
    }
    pieces.push(go);
    // Timers that end at about the same time may fire in any order: each lets the next piece go.
    setTimeout(() => pieces.shift()?.(), freeAt - now);
  };
}
