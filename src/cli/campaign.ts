import { apiPath, createClient, type Page, urlFlag } from './client.ts';
import { defineCommand } from './command.ts';
import { group } from './frame.ts';
import { EXIT, type Io, UsageError } from './io.ts';
import { decimalOf, ifGiven, wholeOf } from './number-flag.ts';
import { formatTime, printFacts, printJson, printTable } from './table.ts';

const CAMPAIGNS = '/api/gridmoor/ota/campaigns';
const COUNT = [1, 999_999_999] as const;

interface Campaign {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly title: string;
  readonly version: string;
  readonly state: string;
  readonly targets: number;
  readonly skipped: Readonly<Record<string, number>>;
  readonly createdTime: number;
  readonly endedTime?: number;
}

interface Target {
  readonly name: string;
  readonly from: string;
  readonly state: string;
  readonly attempts: number;
  readonly progress?: number;
  readonly reason?: string;
}

interface Targets {
  readonly data: readonly Target[];
  readonly next?: string;
}

const wordsOf = (text: string | undefined): readonly string[] | undefined =>
  text?.split(',').flatMap((word) => word.trim() || []);

function print(io: Io, campaign: Campaign): void {
  const skipped = Object.entries(campaign.skipped).map(([reason, count]) => `${count} ${reason}`);
  printFacts(io, [
    ['id', campaign.id],
    ['name', campaign.name],
    ['package', `${campaign.title} ${campaign.version}`],
    ['state', campaign.state],
    ['devices', campaign.targets],
    ['skipped', skipped.join(', ') || undefined],
    ['created', formatTime(campaign.createdTime)],
    ['ended', formatTime(campaign.endedTime)],
  ]);
}

const start = defineCommand({
  name: 'campaign start',
  summary: 'Rolls a package out to devices that report another version.',
  args: '<package>',
  flags: {
    name: { type: 'string', value: '<text>', summary: 'for people' },
    devices: { type: 'string', value: '<names>', summary: 'devices, commas between (all of the profile)' },
    profile: { type: 'string', value: '<name>', summary: "profile of the devices (the package's)" },
    versions: { type: 'string', value: '<texts>', summary: 'only devices that report one of these, commas between' },
    percent: { type: 'string', value: '<number>', summary: 'so many of those that are left (100)' },
    verify: { type: 'string', value: '<names>', summary: 'devices that go first, commas between' },
    'verify-count': { type: 'string', value: '<number>', summary: 'so many go first' },
    timeout: { type: 'string', value: '<seconds>', summary: 'how long a device may take (3600)' },
    retries: { type: 'string', value: '<number>', summary: 'tries after the first (0)' },
    'max-failures': { type: 'string', value: '<number>', summary: 'so many failed devices stop it' },
    ...urlFlag,
  },
  examples: [
    'gridmoor campaign start 9d2a… --name spring --versions 1.0,1.1 --percent 10 --verify-count 5',
    'gridmoor campaign start 9d2a… --name pilot --devices meter-1,meter-2 --timeout 900 --retries 2',
  ],
  async run({ url, json, ...given }, [id = ''], io) {
    if (given.name === undefined) throw new UsageError('--name is needed.');
    const body = {
      name: given.name,
      package: id,
      devices: wordsOf(given.devices),
      profile: given.profile,
      versions: wordsOf(given.versions),
      percent: ifGiven(given.percent, (text) => decimalOf('--percent', text, [0.001, 100])),
      verifyDevices: wordsOf(given.verify),
      verifyCount: ifGiven(given['verify-count'], (text) => wholeOf('--verify-count', text, COUNT)),
      timeoutSeconds: ifGiven(given.timeout, (text) => wholeOf('--timeout', text, COUNT)),
      retries: ifGiven(given.retries, (text) => wholeOf('--retries', text, [0, 10])),
      maxFailures: ifGiven(given['max-failures'], (text) => wholeOf('--max-failures', text, COUNT)),
    };
    const made = await createClient(io, url).post<Campaign>(CAMPAIGNS, body);
    if (json) printJson(io, made);
    else print(io, made);
    return EXIT.fine;
  },
});

const list = defineCommand({
  name: 'campaign list',
  summary: 'Lists the campaigns: open ones, then ended ones.',
  flags: urlFlag,
  examples: ['gridmoor campaign list'],
  async run({ url, json }, _args, io) {
    const page = await createClient(io, url).get<Page<Campaign>>(CAMPAIGNS);
    if (json) printJson(io, page);
    else {
      const rows = page.data.map((one) => [
        one.id,
        one.name,
        `${one.title} ${one.version}`,
        one.state,
        one.targets,
        formatTime(one.createdTime),
      ]);
      printTable(io, ['id', 'name', 'package', 'state', 'devices', 'created'], rows);
    }
    return EXIT.fine;
  },
});

const show = defineCommand({
  name: 'campaign show',
  summary: 'Shows a campaign and how far each of its devices is.',
  args: '<campaign>',
  flags: urlFlag,
  examples: ['gridmoor campaign show 0199…'],
  async run({ url, json }, [id = ''], io) {
    const client = createClient(io, url);
    const campaign = await client.get<Campaign>(apiPath`/api/gridmoor/ota/campaigns/${id}`);
    const devices: Target[] = [];
    for (let after: string | undefined, more = true; more; more = after !== undefined) {
      const query = after === undefined ? {} : { after };
      const page = await client.get<Targets>(apiPath`/api/gridmoor/ota/campaigns/${id}/devices`, query);
      devices.push(...page.data);
      after = page.next;
    }
    if (json) printJson(io, { ...campaign, devices });
    else {
      print(io, campaign);
      io.stdout.write('\n');
      const rows = devices.map((one) => [
        one.name,
        one.from,
        one.state,
        one.progress === undefined ? '-' : `${one.progress} %`,
        one.attempts,
        one.reason ?? '-',
      ]);
      printTable(io, ['device', 'from', 'state', 'progress', 'tries', 'reason'], rows);
    }
    return EXIT.fine;
  },
});

const stop = defineCommand({
  name: 'campaign stop',
  summary: 'Tells nobody any more, and takes the package from the devices that are not done.',
  args: '<campaign>',
  flags: urlFlag,
  examples: ['gridmoor campaign stop 0199…'],
  async run({ url, json }, [id = ''], io) {
    const campaign = await createClient(io, url).post<Campaign>(apiPath`/api/gridmoor/ota/campaigns/${id}/stop`);
    if (json) printJson(io, campaign);
    else io.stdout.write(`stopped ${campaign.name}\n`);
    return EXIT.fine;
  },
});

const remove = defineCommand({
  name: 'campaign delete',
  summary: 'Forgets a campaign that has ended.',
  args: '<campaign>',
  flags: urlFlag,
  examples: ['gridmoor campaign delete 0199…'],
  async run({ url, json }, [id = ''], io) {
    await createClient(io, url).delete(apiPath`/api/gridmoor/ota/campaigns/${id}`);
    if (json) printJson(io, { deleted: id });
    else io.stdout.write(`deleted ${id}\n`);
    return EXIT.fine;
  },
});

export const run = group('campaign', 'Rollouts of firmware and software to chosen devices.', [
  start,
  list,
  show,
  stop,
  remove,
]);
