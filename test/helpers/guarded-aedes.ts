import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Aedes, type AedesOptions, type Client } from 'aedes';
import { guardClient, hardenBroker, letInAtOnce } from '../../src/transport/mqtt/aedes-private.ts';
import type { GuardOptions } from '../../src/transport/mqtt/guard-options.ts';
import { createPacketGate, defaultGateLimits, type GateLimits } from '../../src/transport/mqtt/packet-gate.ts';
import type { Refusal } from '../../src/transport/mqtt/reason-codes.ts';

export interface GuardedAedes extends AsyncDisposable {
  readonly port: number;
  readonly broker: Aedes;
  readonly drops: Refusal[];
  readonly sockets: ReadonlySet<Socket>;
  /** The guarded client of the newest connection. */
  newest(): Client;
  /** Takes over a connection that came some other way. */
  accept(conn: Duplex, guard?: Partial<GuardOptions>): Client;
}

export interface GuardedAedesOptions {
  readonly aedes?: AedesOptions;
  readonly gate?: Partial<GateLimits>;
  readonly guard?: Partial<GuardOptions>;
}

/** A plain aedes behind the guard, on a free port: everything is allowed, every connection is its own client. */
export async function startGuardedAedes(options: GuardedAedesOptions = {}): Promise<GuardedAedes> {
  const maxPacketBytes = options.guard?.maxPacketBytes ?? 65_540;
  let clients = 0;
  const broker = new Aedes({
    drainTimeout: 2000,
    maximumPacketSize: maxPacketBytes,
    receiveMaximum: 100,
    preConnect: (_client, packet, done) => {
      if (packet.clientId !== '') packet.clientId = `c${++clients}`;
      done(null, true);
    },
    ...options.aedes,
  });
  hardenBroker(broker);
  letInAtOnce(broker);
  await broker.listen();
  const drops: Refusal[] = [];
  const sockets = new Set<Socket>();
  let last: Client | undefined;
  const accept = (conn: Duplex, guard: Partial<GuardOptions> = {}) => {
    const client = broker.handle(conn);
    const gate = createPacketGate({ ...defaultGateLimits, downlinks: 'aedes', ...options.gate });
    guardClient(client, gate, {
      maxPacketBytes,
      onDrop: (_client, refusal) => drops.push(refusal),
      ...options.guard,
      ...guard,
    });
    last = client;
    return client;
  };
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    accept(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    broker,
    drops,
    sockets,
    accept,
    newest() {
      if (!last) throw new Error('no client yet');
      return last;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => broker.close(resolve));
    },
  };
}
