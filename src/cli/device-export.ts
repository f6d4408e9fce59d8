import type { DeviceRow } from '../model/portable.ts';
import { type Client, createClient, type Page, urlFlag } from './client.ts';
import { defineCommand } from './command.ts';
import { COLUMN_RULES, DEVICE_COLUMNS, deviceColumn } from './device-rows.ts';
import { UsageError } from './io.ts';
import { exportRows, formatFlag } from './row-export.ts';

const PAGE = 500;

/** `device export`. */
export const exportDevices = defineCommand({
  name: 'device export',
  summary: 'Writes all devices into a new CSV or JSON file, without any secret, as device import takes them.',
  args: '<file>',
  flags: {
    attributes: {
      type: 'string',
      value: '<columns>',
      summary: 'also these attributes, as server:site,shared-json:interval',
    },
    trees: { type: 'boolean', summary: 'also what each stands under in each tree' },
    ...formatFlag,
    ...urlFlag,
  },
  notes: `"-" is standard output.\n${COLUMN_RULES}`,
  examples: [
    'gridmoor device export devices.csv',
    'gridmoor device export devices.json --attributes server:site,shared:interval --trees',
    'gridmoor device export - --attributes server-json:limit > devices.csv',
  ],
  async run({ url, json, attributes, trees, format }, [path = ''], io) {
    const client = createClient(io, url);
    const columns = attributeColumns(attributes);
    const keysOf = (side: string): string | undefined =>
      columns.flatMap(({ field }) => field.split(`attributes/${side}/`)[1] ?? []).join(',') || undefined;
    const query = { server: keysOf('server'), shared: keysOf('shared'), trees: trees ? 'true' : undefined };
    const treeColumns = trees ? await treesOf(client) : [];
    return exportRows(io, {
      path,
      format,
      json,
      unit: 'devices',
      columns: [...DEVICE_COLUMNS, ...columns, ...treeColumns],
      pages: pagesOf(client, query),
    });
  },
});

async function* pagesOf(client: Client, query: Readonly<Record<string, string | undefined>>) {
  for (let page = 0, more = true; more; page++) {
    const at = { ...query, page, pageSize: PAGE };
    const answer: Page<DeviceRow> = await client.get('/api/gridmoor/export/devices', at);
    yield answer.data;
    more = answer.hasNext;
  }
}

function attributeColumns(given: string | undefined) {
  const words = given?.split(',').flatMap((word) => word.trim() || []) ?? [];
  return words.map((word) => {
    const column = deviceColumn(word);
    if (column?.field.startsWith('attributes/')) return column;
    throw new UsageError(`--attributes takes server:<key>, shared:<key>, and the same with -json, not "${word}".`);
  });
}

async function treesOf(client: Client) {
  const { data } = await client.get<{ readonly data: readonly { readonly name: string }[] }>('/api/gridmoor/trees');
  return data.flatMap(({ name }) => deviceColumn(`tree:${name}`) ?? []);
}
