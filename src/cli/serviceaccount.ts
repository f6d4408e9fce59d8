import { apiPath, createClient, type Page, urlFlag } from './client.ts';
import { defineCommand } from './command.ts';
import { group } from './frame.ts';
import { EXIT, UsageError } from './io.ts';
import { daysFlag, secondsOfDays } from './lifetime.ts';
import { printOnce } from './secret-output.ts';
import { formatTime, printJson, printTable } from './table.ts';

const ACCOUNTS = '/api/gridmoor/service-accounts';

interface ServiceAccount {
  readonly name: string;
  readonly accessKey: string;
  readonly operations: readonly string[];
  readonly profiles?: readonly string[];
  readonly enabled: boolean;
  readonly expiresAt?: number;
}

const wordsOf = (text: string | undefined): readonly string[] | undefined =>
  text?.split(',').flatMap((word) => word.trim() || []);

function skewOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new UsageError(`--skew takes whole seconds from 1, not "${text}".`);
}

const create = defineCommand({
  name: 'serviceaccount create',
  summary: 'Creates an account for an app that registers devices over REST, and prints its secret, once.',
  args: '<name>',
  flags: {
    operations: { type: 'string', value: '<words>', summary: 'what it may do, commas between (create,get-own)' },
    profiles: { type: 'string', value: '<names>', summary: 'profiles it is for, commas between (all that name it)' },
    skew: { type: 'string', value: '<seconds>', summary: 'how far clocks of token requests may be off (any time)' },
    ...daysFlag,
    ...urlFlag,
  },
  examples: [
    'gridmoor serviceaccount create rod-app --days 365',
    'gridmoor serviceaccount create depot --operations create,get,search,disable,enable --profiles inverter-rod',
  ],
  async run({ url, json, operations, profiles, skew, days }, [name = ''], io) {
    const body = {
      name,
      operations: wordsOf(operations),
      profiles: wordsOf(profiles),
      ttlSeconds: secondsOfDays(days),
      skewSeconds: skewOf(skew),
    };
    const made = await createClient(io, url).post<ServiceAccount & { readonly accessSecret: string }>(ACCOUNTS, body);
    const facts = [
      ['name', made.name],
      ['operations', made.operations.join(',')],
      ['profiles', made.profiles?.join(',')],
      ['expires', formatTime(made.expiresAt)],
      ['accessKey', made.accessKey],
      ['accessSecret', made.accessSecret],
    ] as const;
    printOnce(io, made, { json, facts, what: 'The secret is', kept: 'sealed' });
    return EXIT.fine;
  },
});

const list = defineCommand({
  name: 'serviceaccount list',
  summary: 'Lists the service accounts, never their secrets.',
  flags: urlFlag,
  examples: ['gridmoor serviceaccount list'],
  async run({ url, json }, _args, io) {
    const page = await createClient(io, url).get<Page<ServiceAccount>>(ACCOUNTS);
    if (json) printJson(io, page);
    else {
      const rows = page.data.map((account) => [
        account.name,
        account.accessKey,
        account.enabled ? 'on' : 'off',
        account.operations.join(','),
        account.profiles?.join(',') ?? '-',
        formatTime(account.expiresAt),
      ]);
      printTable(io, ['name', 'accessKey', 'state', 'operations', 'profiles', 'expires'], rows);
    }
    return EXIT.fine;
  },
});

const switched = (verb: 'enable' | 'disable', summary: string) =>
  defineCommand({
    name: `serviceaccount ${verb}`,
    summary,
    args: '<name>',
    flags: urlFlag,
    examples: [`gridmoor serviceaccount ${verb} rod-app`],
    async run({ url, json }, [name = ''], io) {
      const account = await createClient(io, url).post<ServiceAccount>(
        apiPath`/api/gridmoor/service-accounts/${name}/${verb}`,
      );
      if (json) printJson(io, account);
      else io.stdout.write(`${verb}d ${name}\n`);
      return EXIT.fine;
    },
  });

const remove = defineCommand({
  name: 'serviceaccount delete',
  summary: 'Deletes an account; devices that it created stay.',
  args: '<name>',
  flags: urlFlag,
  examples: ['gridmoor serviceaccount delete rod-app'],
  async run({ url, json }, [name = ''], io) {
    await createClient(io, url).delete(apiPath`/api/gridmoor/service-accounts/${name}`);
    if (json) printJson(io, { deleted: name });
    else io.stdout.write(`deleted ${name}\n`);
    return EXIT.fine;
  },
});

export const run = group('serviceaccount', 'Accounts of apps that register devices over the REST API of EnOS.', [
  create,
  list,
  switched('disable', 'The kill switch: its key and tokens stop working at once.'),
  switched('enable', 'Switches an account on again.'),
  remove,
]);
