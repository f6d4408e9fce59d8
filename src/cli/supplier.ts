import { apiPath, createClient, type Page, urlFlag } from './client.ts';
import { defineCommand } from './command.ts';
import { group } from './frame.ts';
import { EXIT, type Io } from './io.ts';
import { graceFlag, graceSeconds } from './lifetime.ts';
import { pagingFlags, pagingOf, printPage } from './paging.ts';
import { printOnce } from './secret-output.ts';
import { formatTime, printJson } from './table.ts';

const SUPPLIERS = '/api/gridmoor/suppliers';

interface Supplier {
  readonly id: string;
  readonly name: string;
  readonly createdTime?: number;
}

interface SupplierWithKey extends Supplier {
  readonly secretKey: string;
  readonly previousKeyUntil?: number;
}

function printKey(io: Io, made: SupplierWithKey, json: boolean): void {
  const facts = [
    ['id', made.id],
    ['name', made.name],
    ['secretKey', made.secretKey],
    ['former key until', formatTime(made.previousKeyUntil)],
  ] as const;
  printOnce(io, made, { json, facts, what: 'The key is' });
}

const create = defineCommand({
  name: 'supplier create',
  summary: 'Creates a power supplier and prints its secret key, once.',
  args: '<name>',
  flags: urlFlag,
  examples: ['gridmoor supplier create "Sol Energia"'],
  async run({ url, json }, [name = ''], io) {
    const made = await createClient(io, url).post<SupplierWithKey>(SUPPLIERS, { name });
    printKey(io, made, json);
    return EXIT.fine;
  },
});

const list = defineCommand({
  name: 'supplier list',
  summary: 'Lists the power suppliers.',
  flags: { ...pagingFlags, ...urlFlag },
  examples: ['gridmoor supplier list', 'gridmoor supplier list --json'],
  async run({ url, json, ...given }, _args, io) {
    const page = await createClient(io, url).get<Page<Supplier>>(SUPPLIERS, pagingOf(given));
    printPage(io, page, { json, given }, ['id', 'name', 'created'], (one) => [
      one.id,
      one.name,
      formatTime(one.createdTime),
    ]);
    return EXIT.fine;
  },
});

const rotate = defineCommand({
  name: 'supplier rotate',
  summary: "Replaces a supplier's secret key and prints the new one, once.",
  args: '<supplier>',
  flags: { ...graceFlag, ...urlFlag },
  examples: ['gridmoor supplier rotate "Sol Energia" --grace 86400'],
  async run({ url, json, grace }, [ref = ''], io) {
    const body = { graceSeconds: graceSeconds(grace) };
    const made = await createClient(io, url).post<SupplierWithKey>(
      apiPath`/api/gridmoor/suppliers/${ref}/rotate`,
      body,
    );
    printKey(io, made, json);
    return EXIT.fine;
  },
});

const remove = defineCommand({
  name: 'supplier delete',
  summary: 'Deletes a supplier; refused while devices are attached to it.',
  args: '<supplier>',
  flags: urlFlag,
  examples: ['gridmoor supplier delete "Sol Energia"'],
  async run({ url, json }, [ref = ''], io) {
    await createClient(io, url).delete(apiPath`/api/gridmoor/suppliers/${ref}`);
    if (json) printJson(io, { deleted: ref });
    else io.stdout.write(`deleted ${ref}\n`);
    return EXIT.fine;
  },
});

export const run = group('supplier', 'Power suppliers, to which devices are attached.', [create, list, rotate, remove]);
