import { version } from '../app/version.ts';
import { BrokerError } from '../errors.ts';
import type { Run } from './command.ts';
import { unknownWord } from './frame.ts';
import { columns } from './help.ts';
import { EXIT, type Io } from './io.ts';

export type { Io } from './io.ts';

interface Noun {
  readonly summary: string;
  /** Loaded when it is typed: a lint must not wait for the broker's code. */
  load(): Promise<{ readonly run: Run }>;
}

const NOUNS: Readonly<Record<string, Noun>> = {
  serve: { summary: 'run the broker', load: () => import('./serve.ts') },
  profile: { summary: 'device profiles: lint', load: () => import('./profile.ts') },
  chain: { summary: 'rule chains: lint, fmt, test, explain, diff, replay, graph, …', load: () => import('./chain.ts') },
  explain: { summary: 'where a message went, and why', load: () => import('./explain.ts') },
  device: {
    summary: 'devices: list, show, create, import, export, rotate, disable, retire, replace, provision, …',
    load: () => import('./device.ts'),
  },
  deviceconfig: {
    summary: 'configurations that devices are told of: show, set, delete',
    load: () => import('./deviceconfig.ts'),
  },
  tree: {
    summary: 'trees of devices and assets: list, show, path, add, move, take, import, export, …',
    load: () => import('./tree.ts'),
  },
  statistics: { summary: 'how many devices and messages: devices, messages', load: () => import('./statistics.ts') },
  supplier: { summary: 'power suppliers: create, list, rotate, delete', load: () => import('./supplier.ts') },
  attachment: { summary: 'attachments: list, history, move, end', load: () => import('./attachment.ts') },
  deadletter: {
    summary: 'messages that chains could not finish: list, show, retry, delete',
    load: () => import('./deadletter.ts'),
  },
  serials: {
    summary: 'serials that may get in with a profile: import, list, remove',
    load: () => import('./serials.ts'),
  },
  certificate: {
    summary: 'certificates of devices, signed for their own requests: list, issue, revoke',
    load: () => import('./certificate.ts'),
  },
  apikey: { summary: 'keys of the management API: create, list, revoke', load: () => import('./apikey.ts') },
  serviceaccount: {
    summary: 'accounts that register devices over REST: create, list, disable, enable, delete',
    load: () => import('./serviceaccount.ts'),
  },
  user: { summary: 'people who log in: create, list, password, delete', load: () => import('./user.ts') },
  ota: { summary: 'firmware and software: list, upload, assign, withdraw, delete', load: () => import('./ota.ts') },
  campaign: {
    summary: 'firmware and software to many devices: start, list, show, stop, delete',
    load: () => import('./campaign.ts'),
  },
  record: { summary: 'record what devices send, without secrets, for chain replay', load: () => import('./record.ts') },
  simulate: { summary: 'drive a fleet of meters over real MQTT', load: () => import('./simulate.ts') },
  brokers: { summary: 'brokers that share one store: list, drain', load: () => import('./brokers.ts') },
  backup: { summary: 'copy the store into one file, also while it is in use', load: () => import('./backup.ts') },
  restore: { summary: 'make a data directory of a backup', load: () => import('./restore.ts') },
  migrate: { summary: 'copy a whole store into another one: files, Redis', load: () => import('./migrate.ts') },
  config: { summary: 'the configuration: check, show', load: () => import('./config.ts') },
  doctor: { summary: 'look for trouble and say how to repair it', load: () => import('./doctor.ts') },
  schema: { summary: 'write the JSON schemas for editors', load: () => import('./schema.ts') },
  docs: { summary: 'write the generated pages of docs/', load: () => import('./docs.ts') },
};

/** `gridmoor <noun> <verb> [flags]`; gives the exit code: 0 fine, 1 findings, 2 usage, 3 unreachable. */
export async function cli(argv: readonly string[], io: Io): Promise<number> {
  const [first, ...rest] = argv;
  if (first === undefined) {
    io.stderr.write(help());
    return EXIT.usage;
  }
  if (first === '--version' || first === '-V') {
    io.stdout.write(rest.includes('--json') ? `${JSON.stringify({ version: version() })}\n` : `${version()}\n`);
    return EXIT.fine;
  }
  if (first === '--help' || first === '-h' || first === 'help') {
    const [word, ...verb] = rest;
    if (word === undefined) {
      io.stdout.write(help());
      return EXIT.fine;
    }
    return runNoun(word, [...verb, '--help'], io);
  }
  return runNoun(first, rest, io);
}

async function runNoun(word: string, args: string[], io: Io): Promise<number> {
  const noun = Object.hasOwn(NOUNS, word) ? NOUNS[word] : undefined;
  if (noun === undefined) {
    io.stderr.write(`${unknownWord('gridmoor', word, Object.keys(NOUNS))}\n`);
    return EXIT.usage;
  }
  try {
    const { run } = await noun.load();
    return await run(args, io);
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    io.stderr.write(`${error.message}\n`);
    return EXIT.findings;
  }
}

function help(): string {
  return [
    'gridmoor onboards energy devices: ThingsBoard device APIs, provisioning, and rule chains in JSON files.\n',
    'Usage: gridmoor <noun> <verb> [flags]\n',
    columns(Object.entries(NOUNS).map(([noun, { summary }]) => [noun, summary])),
    '\nExamples:',
    '  gridmoor serve',
    '  gridmoor supplier create "Sol Energia"',
    '  gridmoor chain test rule-chains',
    '\nEvery command knows --help and --json. Exit codes: 0 fine, 1 findings, 2 usage, 3 unreachable.\n',
  ].join('\n');
}
