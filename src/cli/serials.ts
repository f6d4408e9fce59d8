import { readFile } from 'node:fs/promises';
import { apiPath, createClient, type Page, urlFlag } from './client.ts';
import { defineCommand } from './command.ts';
import { group } from './frame.ts';
import { CommandFailure, EXIT, type Io } from './io.ts';
import { progressOf } from './progress.ts';
import { printJson } from './table.ts';

const BATCH = 500;
const MAX_BYTES = 268_435_456;
const pathOf = (profile: string): string => apiPath`/api/gridmoor/profiles/${profile}/serials`;

/** The first column of each row that is not empty; a heading `serial` is none. */
async function serialsIn(file: string): Promise<readonly string[]> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new CommandFailure(EXIT.findings, `${file} cannot be read: ${error.code ?? error.message}`);
  });
  if (bytes.length > MAX_BYTES) throw new CommandFailure(EXIT.findings, `${file} is larger than ${MAX_BYTES} bytes`);
  const text = bytes.toString('utf8').replace(/^\u{feff}/u, '');
  const rows = text.split(/\r\n|\n|\r/).map((row) => firstColumn(row).trim());
  const [heading = ''] = rows;
  return (/^(?:serial|deviceName|deviceKey)$/i.test(heading) ? rows.slice(1) : rows).filter((serial) => serial !== '');
}

/** Quotes may hold the separator, and are doubled within. */
function firstColumn(row: string): string {
  const quoted = /^\s*"((?:[^"]|"")*)"/.exec(row)?.[1];
  return quoted === undefined ? (row.split(/[,;\t]/, 1)[0] ?? '') : quoted.replaceAll('""', '"');
}

/** Sends the serials in portions; gives what `take` counts of each answer. */
async function inPortions(
  io: Io,
  what: string,
  serials: readonly string[],
  send: (portion: readonly string[]) => Promise<void>,
): Promise<void> {
  const progress = progressOf(io, what, serials.length, 'serials');
  for (let at = 0; at < serials.length; at += BATCH) {
    try {
      await send(serials.slice(at, at + BATCH));
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      const where = `in serials ${at + 1} to ${Math.min(at + BATCH, serials.length)}; those before are done`;
      throw new CommandFailure(error.exitCode, `${error.message}, ${where}`);
    }
    progress.at(at);
  }
  progress.end(serials.length);
}

const importSerials = defineCommand({
  name: 'serials import',
  summary: 'Adds the serials in the first column of a CSV file to those that may get in with a profile.',
  args: '<profile> <file.csv>',
  flags: urlFlag,
  examples: ['gridmoor serials import smart-meter batch-2027.csv'],
  async run({ url, json }, [profile = '', file = ''], io) {
    const client = createClient(io, url);
    const total = { added: 0, known: 0 };
    await inPortions(io, 'importing', await serialsIn(file), async (serials) => {
      const { added, known } = await client.post<typeof total>(pathOf(profile), { serials });
      total.added += added;
      total.known += known;
    });
    if (json) printJson(io, total);
    else io.stdout.write(`added ${total.added}, ${total.known} were there already\n`);
    return EXIT.fine;
  },
});

const list = defineCommand({
  name: 'serials list',
  summary: 'Lists the serials that may get in with a profile, one a line, as they are kept.',
  args: '<profile>',
  flags: urlFlag,
  examples: ['gridmoor serials list smart-meter'],
  async run({ url, json }, [profile = ''], io) {
    const client = createClient(io, url);
    const all: string[] = [];
    for (let after: string | undefined, more = true; more; ) {
      const page: Page<string> = await client.get(pathOf(profile), { after, limit: BATCH });
      if (json) all.push(...page.data);
      else for (const serial of page.data) io.stdout.write(`${serial}\n`);
      after = page.data.at(-1);
      more = page.hasNext && after !== undefined;
    }
    if (json) printJson(io, { data: all });
    return EXIT.fine;
  },
});

const remove = defineCommand({
  name: 'serials remove',
  summary: 'Takes the serials in a CSV file off the list of a profile; devices that got in already stay.',
  args: '<profile> <file.csv>',
  flags: urlFlag,
  examples: ['gridmoor serials remove smart-meter stolen.csv'],
  async run({ url, json }, [profile = '', file = ''], io) {
    const client = createClient(io, url);
    let removed = 0;
    await inPortions(io, 'removing', await serialsIn(file), async (serials) => {
      removed += (await client.post<{ readonly removed: number }>(`${pathOf(profile)}/remove`, { serials })).removed;
    });
    if (json) printJson(io, { removed });
    else io.stdout.write(`removed ${removed}\n`);
    return EXIT.fine;
  },
});

export const run = group('serials', 'Serials that may get in with a profile.', [importSerials, list, remove]);
