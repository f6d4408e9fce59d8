import { spawn } from 'node:child_process';
import net from 'node:net';

const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 10_000;
/** What is kept of a server's output, for the error message when it fails. */
const TAIL_CHARACTERS = 2000;

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * Starts a server and waits for the output line that says it is ready.
 * @template T
 * @param {object} options
 * @param {string} options.command
 * @param {string[]} options.args
 * @param {NodeJS.ProcessEnv} [options.env]
 * @param {string} [options.cwd]
 * @param {(line: string) => T | undefined} options.readyFrom  What a line says, when it is the ready line.
 */
export async function startServer({ command, args, env = process.env, cwd, readyFrom }) {
  const child = spawn(command, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let tail = '';
  let exited = false;
  const exit = new Promise((resolve) => {
    child.once('error', (error) => {
      tail += error.message;
      exited = true;
      resolve(undefined);
    });
    child.once('exit', () => {
      exited = true;
      resolve(undefined);
    });
  }).then(() => running.delete(child));

  const ready = await new Promise((resolve, reject) => {
    const fail = (/** @type {string} */ why) => {
      child.kill('SIGKILL');
      reject(new Error(`${why}. Its last output:\n${tail}`));
    };
    const timer = setTimeout(() => fail(`${command} was not ready within ${READY_WITHIN_MS} ms`), READY_WITHIN_MS);
    exit.then(() => fail(`${command} ended before it was ready`));
    let partial = '';
    let isReady = false;
    const onData = (/** @type {Buffer} */ chunk) => {
      const text = chunk.toString();
      tail = (tail + text).slice(-TAIL_CHARACTERS);
      if (isReady) return;
      const lines = (partial + text).split('\n');
      partial = lines.pop() ?? '';
      for (const line of lines) {
        const value = readyFrom(line);
        if (value === undefined) continue;
        isReady = true;
        clearTimeout(timer);
        resolve(value);
        return;
      }
    };
    child.stdout.on('data', onData);
    child.stderr.on('data', onData);
  });

  return {
    pid: /** @type {number} */ (child.pid),
    ready: /** @type {T} */ (ready),
    /** What a process that ended unasked said last. */
    diagnose: () => (exited ? `The server ended. Its last output:\n${tail}` : undefined),
    /** Asks the process to end, and ends it when it does not. True when it ended by itself. */
    async stop() {
      if (exited) return false;
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
      child.kill('SIGTERM');
      await exit;
      clearTimeout(timer);
      return child.signalCode !== 'SIGKILL';
    },
  };
}

/** A TCP port that was free a moment ago, for servers that cannot pick one. */
export async function freePort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {net.AddressInfo} */ (server.address());
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * Waits until something accepts connections on the port.
 * @param {number} port
 */
export async function accepting(port) {
  for (const end = performance.now() + READY_WITHIN_MS; performance.now() < end; ) {
    const open = await new Promise((resolve) => {
      const socket = net.connect({ host: '127.0.0.1', port });
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Nothing accepted connections on port ${port} in time.`);
}
