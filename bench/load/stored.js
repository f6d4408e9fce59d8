import net from 'node:net';

/** What a consumer calls once for each message that it stores. */
export const STORE_COMMAND = 'rpush';

/** @type {Map<number, { ask: () => Promise<string> }>} */
const clients = new Map();

/**
 * A connection that asks one thing, in plain Redis protocol: the load generator loads no client library.
 * @param {number} port
 */
function clientOf(port) {
  const known = clients.get(port);
  if (known) return known;
  const socket = net.connect({ host: '127.0.0.1', port });
  /** @type {((text: string) => void) | undefined} */
  let onText;
  /** @type {((reason: Error) => void) | undefined} */
  let onError;
  let text = '';
  socket.once('error', (error) => onError?.(error));
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk;
    const length = Number(/^\$(\d+)\r\n/.exec(text)?.[1] ?? Number.POSITIVE_INFINITY);
    if (text.length < length) return;
    onText?.(text);
    text = '';
  });
  const client = {
    ask: () =>
      new Promise((resolve, reject) => {
        onText = resolve;
        onError = reject;
        socket.write('INFO commandstats\r\n');
      }),
  };
  clients.set(port, client);
  return client;
}

/**
 * Messages that a consumer has stored since its Redis was started.
 * @param {{ port: number }} redis
 */
export async function storedMessages({ port }) {
  const text = await clientOf(port).ask();
  return Number(new RegExp(`^cmdstat_${STORE_COMMAND}:calls=(\\d+)`, 'm').exec(text)?.[1] ?? 0);
}
