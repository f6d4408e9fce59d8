import type { IncomingMessage, Server } from 'node:http';

/** A slow body that is allowed to take its time must bring at least so many bytes in every period. */
const LEAST_BYTES = 1_024;

/** How long requests may take to arrive whole. */
export interface RequestDeadlines {
  /** From now on the body of this request may take as long as it keeps coming. */
  allowSlow(request: IncomingMessage): void;
}

interface Deadline {
  slow: boolean;
  /** What had come waited here for a reader at the last look. */
  waited: boolean;
  /** Bytes of the connection at the last look. */
  bytes: number;
}

/**
 * Ends connections whose request has not arrived whole within `timeoutMs`. Node's own `requestTimeout` knows one time for all
 * requests, which would cut off a large upload over a thin line. Headers have their own limit (`headersTimeout`).
 */
export function limitRequestTime(server: Server, timeoutMs: number): RequestDeadlines {
  const deadlines = new WeakMap<IncomingMessage, Deadline>();
  server.on('request', (request, response) => {
    const { headers, socket } = request;
    if (headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0') return;
    const deadline: Deadline = { slow: false, waited: false, bytes: socket.bytesRead };
    deadlines.set(request, deadline);
    const look = (): void => {
      if (request.complete) {
        over();
        return;
      }
      const comes = socket.bytesRead - deadline.bytes >= LEAST_BYTES;
      // A reader that is late, such as one behind the pause of a wrong key, is not the peer's delay: it gets a whole period then.
      const { waited } = deadline;
      deadline.waited = request.readableLength > 0;
      deadline.bytes = socket.bytesRead;
      if (waited || deadline.waited || (deadline.slow && comes)) return;
      over();
      if (socket.writable && !response.headersSent) {
        socket.end('HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      }
      socket.destroySoon();
    };
    // Behind what the sockets have by now: when the process was busy, it may be all there.
    const timer = setInterval(() => setImmediate(() => !ended && look()), timeoutMs).unref();
    let ended = false;
    const over = (): void => {
      ended = true;
      clearInterval(timer);
    };
    request.once('end', over);
    request.once('close', over);
    response.once('finish', over);
  });
  return {
    allowSlow(request) {
      const deadline = deadlines.get(request);
      if (deadline) deadline.slow = true;
    },
  };
}
