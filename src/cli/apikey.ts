import { apiPath, createClient, type Page, urlFlag } from './client.ts';
import { defineCommand } from './command.ts';
import { group } from './frame.ts';
import { EXIT } from './io.ts';
import { daysFlag, secondsOfDays } from './lifetime.ts';
import { printOnce } from './secret-output.ts';
import { formatTime, printJson, printTable } from './table.ts';

const API_KEYS = '/api/gridmoor/api-keys';

interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly role?: string;
  readonly supplierId?: string;
  readonly subtree?: string;
  readonly subscribe?: readonly string[];
  readonly publish?: readonly string[];
  readonly createdTime?: number;
  readonly expiresAt?: number;
}

const filtersOf = (text: string | undefined): readonly string[] | undefined =>
  text?.split(',').flatMap((filter) => filter.trim() || []);

const create = defineCommand({
  name: 'apikey create',
  summary: 'Creates a key of the management API, which is a login over MQTT too, and prints it, once.',
  args: '<name>',
  flags: {
    role: {
      type: 'string',
      value: '<role>',
      summary: 'administrator, operator, read-only, supplier, installer, developer, asset-manager or app',
    },
    supplier: { type: 'string', value: '<name>', summary: 'whose devices a key of the role supplier reads' },
    subtree: { type: 'string', value: '<tree>/<node>', summary: 'the part of a tree it sees and steers, and no more' },
    subscribe: { type: 'string', value: '<filters>', summary: 'topics below app/ it may subscribe to, commas between' },
    publish: { type: 'string', value: '<filters>', summary: 'topics below app/ it may publish to, commas between' },
    calls: { type: 'string', value: '<profiles>', summary: 'role app: whose devices it may call, commas between' },
    ...daysFlag,
    ...urlFlag,
  },
  examples: [
    "gridmoor apikey create billing --role operator --subscribe 'app/readings/#' --publish 'app/billing/#'",
    'gridmoor apikey create grafana --role read-only --days 90',
    'gridmoor apikey create north --role operator --subtree grid/ASSET:area/north',
    "gridmoor apikey create sol-portal --role supplier --supplier 'Sol Energia'",
  ],
  async run({ url, json, role, supplier, subtree, subscribe, publish, calls, days }, [name = ''], io) {
    const topics = { subscribe: filtersOf(subscribe), publish: filtersOf(publish) };
    const body = { name, role, supplier, subtree, ...topics, calls: filtersOf(calls), ttlSeconds: secondsOfDays(days) };
    const made = await createClient(io, url).post<ApiKey & { readonly secretKey: string }>(API_KEYS, body);
    const facts = [
      ['id', made.id],
      ['name', made.name],
      ['role', made.role],
      ['supplier', made.supplierId],
      ['subtree', made.subtree],
      ['subscribe', made.subscribe?.join(',')],
      ['publish', made.publish?.join(',')],
      ['expires', formatTime(made.expiresAt)],
      ['secretKey', made.secretKey],
    ] as const;
    printOnce(io, made, { json, facts, what: 'The key is' });
    return EXIT.fine;
  },
});

const list = defineCommand({
  name: 'apikey list',
  summary: 'Lists the keys of the management API, never their secrets.',
  flags: urlFlag,
  examples: ['gridmoor apikey list'],
  async run({ url, json }, _args, io) {
    const page = await createClient(io, url).get<Page<ApiKey>>(API_KEYS);
    if (json) printJson(io, page);
    else {
      const rows = page.data.map((key) => [
        key.id,
        key.name,
        key.role,
        formatTime(key.expiresAt),
        key.supplierId ?? '-',
        key.subtree ?? '-',
      ]);
      printTable(io, ['id', 'name', 'role', 'expires', 'supplier', 'subtree'], rows);
    }
    return EXIT.fine;
  },
});

const revoke = defineCommand({
  name: 'apikey revoke',
  summary: 'Revokes a key: it stops working at once.',
  args: '<id>',
  flags: urlFlag,
  examples: ['gridmoor apikey revoke 9d2a…'],
  async run({ url, json }, [id = ''], io) {
    await createClient(io, url).delete(apiPath`/api/gridmoor/api-keys/${id}`);
    if (json) printJson(io, { revoked: id });
    else io.stdout.write(`revoked ${id}\n`);
    return EXIT.fine;
  },
});

export const run = group('apikey', 'Keys of the management API.', [create, list, revoke]);
