import { type BlockList, type Server, Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { isListed } from '../../model/network.ts';
import type { Log } from '../../observe/index.ts';
import { parseProxyHeader } from './header.ts';

export interface ProxyOptions {
  /** Load balancers: each of their connections must begin with a PROXY header; nobody else's may. */
  readonly trusted: BlockList;
  /** Time for the header to arrive whole, ms. */
  readonly headerTimeoutMs: number;
}

/**
 * From now on `server` learns of a connection from a trusted address only after its PROXY header (version 1 or 2) has been
 * read, and the socket's `remoteAddress` is then the one that the header names. TLS begins behind the header. A trusted peer
 * without a header is cut off: whoever stands behind it could send one of their own. Gives the function that cuts those off
 * that still wait for their header, to be called when the server closes.
 */
export function expectProxyHeader(server: Server, { trusted, headerTimeoutMs }: ProxyOptions, log: Log): () => void {
  const waiting = new Set<Socket>();
  const emit: (event: string, ...args: unknown[]) => boolean = server.emit.bind(server);
  const refuse = (socket: Socket, reason: string): void => {
    log.info({ event: 'proxy.refused', address: socket.remoteAddress, reason }, 'no PROXY header from a trusted proxy');
    socket.destroy();
  };
  const isTrusted = ({ remoteAddress }: Socket): boolean =>
    remoteAddress !== undefined && isListed(trusted, remoteAddress);
  // What listens for connections, in net, tls, http and here, is told as if the header had never been there.
  server.emit = (event: string, ...args: unknown[]): boolean => {
    const [socket] = args;
    if (event !== 'connection' || !(socket instanceof Socket) || !isTrusted(socket)) return emit(event, ...args);
    waiting.add(socket);
    readHeader(socket, headerTimeoutMs, {
      done(address, secure) {
        waiting.delete(socket);
        if (secure) secureLinks.add(socket);
        if (address !== undefined) setRemoteAddress(socket, address);
        emit('connection', socket);
      },
      failed(reason) {
        waiting.delete(socket);
        refuse(socket, reason);
      },
    });
    return true;
  };
  return () => {
    for (const socket of waiting) socket.destroy();
  };
}

/** The address that a connection counts under: of the device, not of the load balancer before us. */
export function setRemoteAddress(socket: Socket, address: string): void {
  Object.defineProperty(socket, 'remoteAddress', { value: address, configurable: true });
}

const secureLinks = new WeakSet<Socket>();

/** Whether nobody on the way can listen: TLS here, or before a load balancer whose PROXY header (version 2) says so. */
export const isSecure = (socket: Socket): boolean => socket instanceof TLSSocket || secureLinks.has(socket);

/** The other end of the link itself, whatever a PROXY header said. */
export function linkOf(socket: Socket): string {
  return `${String(Reflect.get(Socket.prototype, 'remoteAddress', socket))} ${socket.remotePort}`;
}

interface Outcome {
  done(address: string | undefined, secure: boolean): void;
  failed(reason: string): void;
}

function readHeader(socket: Socket, timeoutMs: number, outcome: Outcome): void {
  let held: Buffer = Buffer.alloc(0);
  const settle = (): void => {
    clearTimeout(timer);
    socket.off('readable', read).off('end', ended).off('close', ended);
  };
  const fail = (reason: string): void => {
    settle();
    outcome.failed(reason);
  };
  const ended = (): void => fail('the connection ended before its header');
  const read = (): void => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    const header = parseProxyHeader(held);
    if (header.kind === 'part') return;
    if (header.kind === 'invalid') {
      fail(header.problem);
      return;
    }
    settle();
    const rest = held.subarray(header.length);
    // A stream notices that a `readable` listener has gone only at the end of the turn.
    process.nextTick(() => {
      if (socket.destroyed) return outcome.failed('the connection ended with its header');
      if (rest.length > 0) socket.unshift(rest);
      outcome.done(header.address, header.secure);
    });
  };
  const timer = setTimeout(() => fail('the header did not come in time'), timeoutMs);
  // Stays: until the next one listens, an error would end the process.
  socket.on('error', ignore);
  socket.on('readable', read).on('end', ended).on('close', ended);
}

function ignore(): void {}
