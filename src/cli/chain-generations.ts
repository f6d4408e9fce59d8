import { createClient, type Page, urlFlag } from './client.ts';
import { defineCommand } from './command.ts';
import { EXIT, UsageError } from './io.ts';
import { formatTime, printFacts, printJson, printTable } from './table.ts';

const GENERATIONS = '/api/gridmoor/chain-generations';
const CANARY = '/api/gridmoor/chain-canary';

interface Line {
  readonly id: string;
  readonly at: number;
  readonly by: string;
  readonly inForce: boolean;
}

interface Restored {
  readonly generation: string;
  readonly setAside?: string;
}

export const history = defineCommand({
  name: 'chain history',
  summary: 'Lists the last generations of the chains of a running instance, newest first.',
  flags: urlFlag,
  examples: ['gridmoor chain history'],
  async run({ url, json }, _args, io) {
    const page = await createClient(io, url).get<Page<Line>>(GENERATIONS);
    if (json) printJson(io, page);
    else {
      const rows = page.data.map(({ id, at, by, inForce }) => [id, formatTime(at), by, inForce ? 'in force' : '']);
      printTable(io, ['generation', 'since', 'by', 'state'], rows);
    }
    return EXIT.fine;
  },
});

export const rollback = defineCommand({
  name: 'chain rollback',
  summary: 'Puts the chain files of a former generation back, and in force; without an id those before this.',
  args: '[generation]',
  flags: urlFlag,
  notes:
    'Files in the folder that no generation has, such as work that does not load yet, are set aside in the data directory.',
  examples: ['gridmoor chain rollback', 'gridmoor chain rollback 5f1c0d2a9b3e'],
  async run({ url, json }, [generation], io) {
    const body = generation === undefined ? {} : { generation };
    const answer = await createClient(io, url).post<Restored>(`${GENERATIONS}/rollback`, body);
    if (json) printJson(io, answer);
    else io.stdout.write(`Generation ${answer.generation} is in force.\n`);
    if (answer.setAside) io.stderr.write(`Files that no generation has were set aside, there: ${answer.setAside}\n`);
    return EXIT.fine;
  },
});

export const canary = defineCommand({
  name: 'chain canary',
  summary: 'Shows the chain that some devices try, gives it to all of them, or ends the trial.',
  args: '[promote|abort]',
  flags: urlFlag,
  examples: ['gridmoor chain canary', 'gridmoor chain canary promote'],
  async run({ url, json }, [what], io) {
    const client = createClient(io, url);
    if (what === 'promote') {
      const answer = await client.post<{ generation: string }>(`${CANARY}/promote`);
      if (json) printJson(io, answer);
      else io.stdout.write(`Generation ${answer.generation} is in force for every device.\n`);
      return EXIT.fine;
    }
    if (what === 'abort') {
      await client.delete(CANARY);
      if (json) printJson(io, { aborted: true });
      else io.stdout.write('The trial has ended: every device gets the chains in force.\n');
      return EXIT.fine;
    }
    if (what !== undefined) throw new UsageError(`"${what}" is neither promote nor abort.`);
    const state = await client.find<Readonly<Record<string, string | number>>>(CANARY);
    if (json) printJson(io, state ?? null);
    else if (state === undefined) io.stdout.write('No chain is or was on trial.\n');
    else {
      const facts = Object.entries(state).map(([key, value]) => [key, key === 'since' ? formatTime(value) : value]);
      printFacts(io, facts as [string, string | number][]);
    }
    return EXIT.fine;
  },
});
