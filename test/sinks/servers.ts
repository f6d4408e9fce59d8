import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { requireTool } from '../helpers/tools.ts';
import { freePort, type Server, startServer, temporaryFolder } from './server.ts';

const isRoot = process.getuid?.() === 0;

/** Mosquitto that takes one user. */
export async function startMosquitto(user: string, password: string): Promise<Server> {
  const [port, folder] = [await freePort(), await temporaryFolder('mosquitto')];
  const passwords = join(folder, 'passwords');
  execFileSync('mosquitto_passwd', ['-b', '-c', passwords, user, password]);
  const lines = [`listener ${port} 127.0.0.1`, `password_file ${passwords}`, 'allow_anonymous false'];
  if (isRoot) lines.push('user root');
  const config = join(folder, 'mosquitto.conf');
  await writeFile(config, `${lines.join('\n')}\n`);
  return startServer({ command: requireTool('mosquitto'), args: ['-c', config], port, folder });
}

/** PostgreSQL with a database `grid` of the user `gridmoor`. It refuses to run as root: then it runs as `postgres`. */
export async function startPostgres(password: string): Promise<Server> {
  const [port, folder] = [await freePort(), await temporaryFolder('postgres')];
  const versions = readdirSync('/usr/lib/postgresql').sort((a, b) => Number(b) - Number(a));
  const bin = (name: string): string => join('/usr/lib/postgresql', versions[0] ?? '', 'bin', name);
  const asUser = (command: string, args: readonly string[]) =>
    isRoot
      ? ({
          command: 'setpriv',
          args: ['--reuid=postgres', '--regid=postgres', '--clear-groups', command, ...args],
        } as const)
      : { command, args };
  if (isRoot) {
    const uid = Number(execFileSync('id', ['-u', 'postgres'], { encoding: 'utf8' }));
    chownSync(folder, uid, -1);
  }
  const data = join(folder, 'data');
  const init = asUser(bin('initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-N']);
  execFileSync(init.command, init.args, { stdio: 'ignore' });
  const options = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder, '-c', 'fsync=off'];
  const psql = (database: string, sql: string) =>
    spawnSync('psql', ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', '-d', database, '-c', sql], {
      stdio: 'ignore',
    }).status === 0;
  const run = asUser(bin('postgres'), options);
  const server = await startServer({
    ...run,
    port,
    folder,
    signal: 'SIGINT',
    isReady: async () => psql('postgres', 'select 1'),
  });
  for (const sql of [`create role gridmoor login password '${password}'`, 'create database grid owner gridmoor']) {
    if (!psql('postgres', sql)) throw new Error(`PostgreSQL refused: ${sql}`);
  }
  return server;
}

/** RabbitMQ with its default user, and a port daemon of its own. */
export async function startRabbit(): Promise<Server> {
  const [port, distribution, daemon] = [await freePort(), await freePort(), await freePort()];
  const folder = await temporaryFolder('rabbitmq');
  const env = {
    RABBITMQ_NODENAME: `gridmoor${port}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distribution),
    ERL_EPMD_PORT: String(daemon),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
    RABBITMQ_SERVER_START_ARGS: `-setcookie ${randomBytes(8).toString('hex')}`,
    HOME: folder,
  };
  return startServer({
    command: '/usr/lib/rabbitmq/bin/rabbitmq-server',
    args: [],
    env,
    port,
    folder,
    after: async () => void spawnSync('epmd', ['-port', String(daemon), '-kill'], { stdio: 'ignore' }),
  });
}

/** One Kafka broker that is its own controller; `GRIDMOOR_KAFKA_JARS` names the folder of its jars. */
export async function startKafka(): Promise<Server> {
  const [port, controller] = [await freePort(), await freePort()];
  const folder = await temporaryFolder('kafka');
  const config = join(folder, 'server.properties');
  const lines = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.bootstrap.servers': `127.0.0.1:${controller}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'log.dirs': join(folder, 'logs'),
    'num.partitions': 1,
    'offsets.topic.replication.factor': 1,
    'auto.create.topics.enable': true,
  };
  await writeFile(
    config,
    Object.entries(lines)
      .map(([key, value]) => `${key}=${value}\n`)
      .join(''),
  );
  const java = ['-Xmx512m', '-cp', join(process.env.GRIDMOOR_KAFKA_JARS ?? '', '*')];
  const id = randomBytes(16).toString('base64url');
  execFileSync('java', [...java, 'kafka.tools.StorageTool', 'format', '--standalone', '-t', id, '-c', config], {
    stdio: 'ignore',
  });
  return startServer({ command: 'java', args: [...java, 'kafka.Kafka', config], port, folder, signal: 'SIGTERM' });
}
