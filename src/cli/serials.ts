import { apiPath, createClient, type Page, urlFlag } from './client.ts';
import { defineCommand } from './command.ts';
import { readCsv } from './csv.ts';
import { group } from './frame.ts';
import { EXIT, type Io } from './io.ts';
import { inPortions } from './portions.ts';
import { printJson } from './table.ts';
import { readTextFile } from './text-file.ts';

const BATCH = 500;
const MAX_BYTES = 268_435_456;
/** Only the first column counts: each of them ends it. */
const SEPARATORS = ',;\t';
const pathOf = (profile: string): string => apiPath`/api/gridmoor/profiles/${profile}/serials`;

/** The first column of each row that is not empty; a heading `serial` is none. */
function serialsIn(io: Io, path: string): readonly string[] {
  const rows = [...readCsv(readTextFile(io, path, MAX_BYTES), SEPARATORS)].map(({ cells }) => cells[0]?.trim() ?? '');
  const [heading = ''] = rows;
  return (/^(?:serial|deviceName|deviceKey)$/i.test(heading) ? rows.slice(1) : rows).filter((serial) => serial !== '');
}

/** A command that sends the serials of a file, adds up what is counted in the answers, and says so. */
const ofFile = <C extends Readonly<Record<string, number>>>(
  { name, summary, file, what }: { readonly name: string; summary: string; file: string; what: string },
  none: C,
  { path, told }: { path(profile: string): string; told(total: C): string },
) =>
  defineCommand({
    name,
    summary,
    args: '<profile> <file.csv>',
    flags: urlFlag,
    examples: [`gridmoor ${name} smart-meter ${file}`],
    async run({ url, json }, [profile = '', typed = ''], io) {
      const client = createClient(io, url);
      let total = none;
      const work = { what, unit: 'serials', items: serialsIn(io, typed), count: BATCH };
      await inPortions(io, work, async (serials) => {
        const counts = await client.post<C>(path(profile), { serials });
        const sums = Object.entries(total).map(([key, sum]) => [key, sum + (counts[key] ?? 0)]);
        total = Object.fromEntries(sums) as C;
      });
      if (json) printJson(io, total);
      else io.stdout.write(`${told(total)}\n`);
      return EXIT.fine;
    },
  });

const importSerials = ofFile(
  {
    name: 'serials import',
    summary: 'Adds the serials in the first column of a CSV file to those that may get in with a profile.',
    file: 'batch-2027.csv',
    what: 'importing',
  },
  { added: 0, known: 0 },
  { path: pathOf, told: ({ added, known }) => `added ${added}, ${known} were there already` },
);

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

const remove = ofFile(
  {
    name: 'serials remove',
    summary: 'Takes the serials in a CSV file off the list of a profile; devices that got in already stay.',
    file: 'stolen.csv',
    what: 'removing',
  },
  { removed: 0 },
  { path: (profile) => `${pathOf(profile)}/remove`, told: ({ removed }) => `removed ${removed}` },
);

export const run = group('serials', 'Serials that may get in with a profile.', [importSerials, list, remove]);
