import { resolve } from 'node:path';
import { formatIssue } from '../schema/issue.ts';
import { readJsonFile } from '../schema/json-file.ts';
import { apiPath, createClient, urlFlag } from './client.ts';
import { defineCommand } from './command.ts';
import { CommandFailure, EXIT, UsageError } from './io.ts';
import { decimalOf, ifGiven, wholeOf } from './number-flag.ts';
import { printJson } from './table.ts';

const MAX_BYTES = 1_048_576;

export const push = defineCommand({
  name: 'chain push',
  summary: 'Puts a chain file in force on a running instance: compiled, linted, tested, then switched in one step.',
  args: '<file>',
  flags: {
    percent: { type: 'string', value: '<number>', summary: 'only this share of the devices tries it first' },
    'max-failures': { type: 'string', value: '<share>', summary: 'dead-lettered share that ends the trial (0.05)' },
    'min-messages': { type: 'string', value: '<n>', summary: 'messages before that share counts (100)' },
    force: { type: 'boolean', summary: 'also when somebody else has changed the chain meanwhile' },
    ...urlFlag,
  },
  notes: 'A chain that is refused changes nothing. A trial ends with: gridmoor chain canary promote|abort.',
  examples: [
    'gridmoor chain push rule-chains/onboarding.json',
    'gridmoor chain push rule-chains/onboarding.json --percent 5 --max-failures 0.01',
  ],
  async run({ url, json, percent, force, ...limits }, [file = ''], io) {
    const read = await readJsonFile(resolve(io.cwd, file), { maxBytes: MAX_BYTES, uniqueKeys: true });
    if (!read.ok) throw new CommandFailure(EXIT.usage, formatIssue({ ...read.issue, file }));
    const name = nameOf(read.value);
    if (name === undefined) throw new CommandFailure(EXIT.findings, `${file}: holds no chain with a "name".`);
    if (percent === undefined && (limits['max-failures'] ?? limits['min-messages']) !== undefined) {
      throw new UsageError('--max-failures and --min-messages belong to a trial: give --percent.');
    }
    const query = {
      percent: ifGiven(percent, (text) => decimalOf('--percent', text, [0.01, 100])),
      maxFailureRatio: ifGiven(limits['max-failures'], (text) => decimalOf('--max-failures', text, [0, 1])),
      minMessages: ifGiven(limits['min-messages'], (text) => wholeOf('--min-messages', text, [1, 1_000_000])),
    };
    const client = createClient(io, url);
    const path = apiPath`/api/gridmoor/chains/${name}`;
    const etag = await client.etag(path);
    const ifMatch = etag === undefined ? undefined : force ? '*' : etag;
    const answer = await client.put<{ generation: string; canary: boolean }>(path, read.exact, ifMatch, query);
    if (json) printJson(io, { chain: name, ...answer });
    else if (answer.canary) io.stdout.write(`${percent} % of the devices try "${name}" (${answer.generation}).\n`);
    else io.stdout.write(`"${name}" is in force (${answer.generation}).\n`);
    return EXIT.fine;
  },
});

function nameOf(value: unknown): string | undefined {
  const chain = value as { readonly name?: unknown; readonly ruleChain?: { readonly name?: unknown } } | null;
  const name = chain?.name ?? chain?.ruleChain?.name;
  return typeof name === 'string' && name !== '' ? name : undefined;
}
