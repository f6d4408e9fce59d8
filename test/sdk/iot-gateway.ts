import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '../chaos/free-port.ts';
import { requireTool } from '../helpers/tools.ts';

const DEADLINE_MS = 30_000;

/** A process that is ready once it has written a certain line. */
export class Program implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #log: string[] = [];
  #changed: () => void = () => {};

  constructor(child: ChildProcess) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) {
        createInterface({ input: stream }).on('line', (line) => {
          this.#log.push(line);
          this.#changed();
        });
      }
    }
    child.on('exit', () => this.#changed());
  }

  /** Fails when the process ends or the deadline passes before a line holds this text. */
  async wrote(text: string): Promise<void> {
    const deadline = performance.now() + DEADLINE_MS;
    while (!this.#log.some((line) => line.includes(text))) {
      const left = deadline - performance.now();
      if (left <= 0 || this.#child.exitCode !== null) {
        throw new Error(`never wrote "${text}":\n${this.#log.slice(-30).join('\n')}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}

/** A mosquitto broker of the plant, for the gateway's connector. */
export async function startMosquitto(): Promise<{ readonly port: number; readonly program: Program }> {
  const tool = requireTool('mosquitto');
  const port = await freePort();
  // Without a configuration file it listens on the loopback only, and lets anyone in.
  const program = new Program(spawn(tool, ['-p', String(port)], { stdio: ['ignore', 'pipe', 'pipe'] }));
  await program.wrote(' running');
  return { port, program };
}

const device = {
  deviceNameExpressionSource: 'topic',
  deviceNameExpression: '(?<=sensor/)(.*?)(?=/data)',
  deviceProfileExpressionSource: 'constant',
  deviceProfileExpression: 'sensor',
};

const connector = (port: number) => ({
  broker: {
    host: '127.0.0.1',
    port,
    clientId: 'gateway',
    version: 5,
    maxMessageNumberPerWorker: 10,
    maxNumberOfWorkers: 10,
    security: { type: 'anonymous' },
  },
  mapping: [
    {
      topicFilter: 'sensor/+/data',
      subscriptionQos: 1,
      converter: {
        type: 'json',
        deviceInfo: device,
        timeout: 60_000,
        attributes: [{ type: 'string', key: 'model', value: `\${model}` }],
        timeseries: [{ type: 'double', key: 'temperature', value: `\${temp}` }],
      },
    },
  ],
  requestsMapping: {
    attributeUpdates: [
      {
        deviceNameFilter: '.*',
        attributeFilter: 'period',
        topicExpression: `sensor/\${deviceName}/\${attributeKey}`,
        valueExpression: `\${attributeValue}`,
      },
    ],
    serverSideRpc: [
      {
        type: 'twoWay',
        deviceNameFilter: '.*',
        methodFilter: 'getRelay',
        requestTopicExpression: `sensor/\${deviceName}/request/\${methodName}/\${requestId}`,
        responseTopicExpression: `sensor/\${deviceName}/response/\${methodName}/\${requestId}`,
        responseTopicQoS: 1,
        responseTimeout: 10_000,
        valueExpression: `\${params}`,
      },
    ],
  },
});

const core = (port: number, accessToken: string) => ({
  thingsboard: {
    host: '127.0.0.1',
    port,
    remoteShell: false,
    remoteConfiguration: false,
    statistics: { enable: false },
    deviceFiltering: { enable: false },
    checkConnectorsConfigurationInSeconds: 60,
    security: { type: 'accessToken', accessToken },
    qos: 1,
    reportStrategy: { type: 'ON_RECEIVED' },
  },
  storage: { type: 'memory', read_records_count: 100, max_records_count: 10_000 },
  grpc: { enabled: false },
  connectors: [{ type: 'mqtt', name: 'plant', configuration: 'mqtt.json' }],
});

const logger = { handlers: ['console'], level: 'INFO', propagate: false };
const PARTS = ['service', 'connector', 'converter', 'tb_connection', 'storage', 'extension', 'database'];
const LOGS = {
  version: 1,
  disable_existing_loggers: false,
  handlers: { console: { class: 'logging.StreamHandler', stream: 'ext://sys.stdout' } },
  loggers: Object.fromEntries(PARTS.map((part) => [part, logger])),
  root: { level: 'ERROR', handlers: ['console'] },
};

/** ThingsBoard's IoT gateway between the plant's broker and ours, in a folder of its own; both sides are subscribed. */
export async function startIotGateway(plantPort: number, brokerPort: number, token: string): Promise<AsyncDisposable> {
  const python = process.env.GRIDMOOR_GATEWAY_PYTHON;
  if (!python) throw new Error('no Python environment: run npm run test:sdk');
  const folder = await mkdtemp(join(tmpdir(), 'gridmoor-gateway-'));
  await mkdir(join(folder, 'logs'));
  const files = { 'tb_gateway.json': core(brokerPort, token), 'mqtt.json': connector(plantPort), 'logs.json': LOGS };
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), JSON.stringify(content));
  // It asks its maker for updates over HTTPS: tests stay on this machine.
  const nowhere = 'http://127.0.0.1:9';
  const child = spawn(join(dirname(python), 'thingsboard-gateway'), {
    cwd: folder,
    env: { ...process.env, TB_GW_CONFIG_DIR: folder, HTTPS_PROXY: nowhere, https_proxy: nowhere },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const program = new Program(child);
  const gateway = {
    async [Symbol.asyncDispose]() {
      await program[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await program.wrote('subscription success to topic sensor/+/data');
    await program.wrote('Gateway started.');
  } catch (error) {
    await gateway[Symbol.asyncDispose]();
    throw error;
  }
  return gateway;
}
