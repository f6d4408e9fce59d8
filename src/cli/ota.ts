import { apiPath, createClient, type Page, urlFlag } from './client.ts';
import { defineCommand, type Flag } from './command.ts';
import { group } from './frame.ts';
import { EXIT, UsageError } from './io.ts';
import { checksumOf, openPackage, withProgress } from './ota-file.ts';
import { pagingFlags, pagingOf, printPage } from './paging.ts';
import { formatTime, printFacts, printJson } from './table.ts';

interface OtaPackage {
  readonly id: { readonly id: string };
  readonly createdTime: number;
  readonly type: 'FIRMWARE' | 'SOFTWARE';
  readonly title: string;
  readonly version: string;
  readonly deviceProfile: string | null;
  readonly hasData: boolean;
  readonly url: string | null;
  readonly dataSize: number | null;
  readonly checksum: string | null;
}

type Kind = 'firmware' | 'software';
const kindOf = ({ type }: Pick<OtaPackage, 'type'>): Kind => (type === 'FIRMWARE' ? 'firmware' : 'software');

const list = defineCommand({
  name: 'ota list',
  summary: 'Lists the firmware and software packages.',
  flags: { ...pagingFlags, ...urlFlag },
  examples: ['gridmoor ota list'],
  async run({ url, json, ...given }, _args, io) {
    const page = await createClient(io, url).get<Page<OtaPackage>>('/api/otaPackages', pagingOf(given));
    const headings = ['id', 'kind', 'title', 'version', 'profile', 'bytes', 'created'];
    printPage(io, page, { json, given }, headings, (one) => [
      one.id.id,
      kindOf(one),
      one.title,
      one.version,
      one.deviceProfile ?? 'all',
      one.hasData ? (one.dataSize ?? '') : (one.url ?? 'no content'),
      formatTime(one.createdTime),
    ]);
    return EXIT.fine;
  },
});

const upload = defineCommand({
  name: 'ota upload',
  summary: 'Makes a package of a file and uploads it; a package never changes afterwards.',
  args: '<file>',
  flags: {
    title: { type: 'string', value: '<title>', summary: 'title of the package' },
    version: { type: 'string', value: '<version>', summary: 'its version; unique with the title' },
    software: { type: 'boolean', summary: 'software, not firmware' },
    profile: { type: 'string', value: '<name>', summary: 'the only device profile that may have it' },
    tag: { type: 'string', value: '<text>', summary: 'what devices see as fw_tag or sw_tag' },
    ...urlFlag,
  },
  examples: ['gridmoor ota upload meter-2.1.bin --title meter --version 2.1 --profile smart-meter'],
  async run({ url, json, title, version, software, profile, tag }, [path = ''], io) {
    if (title === undefined || version === undefined) throw new UsageError('--title and --version are needed.');
    await using file = await openPackage(io, path);
    const checksum = await checksumOf(file);
    const client = createClient(io, url);
    const body = { type: software ? 'SOFTWARE' : 'FIRMWARE', title, version, deviceProfile: profile, tag };
    const made = await client.post<OtaPackage>('/api/otaPackage', body);
    const target = apiPath`/api/otaPackage/${made.id.id}`;
    try {
      const query = { checksumAlgorithm: 'SHA256', checksum, fileName: file.name };
      const stored = await client.upload<OtaPackage>(target, query, withProgress(io, file));
      if (json) printJson(io, stored);
      else {
        printFacts(io, [
          ['id', stored.id.id],
          ['kind', kindOf(stored)],
          ['title', stored.title],
          ['version', stored.version],
          ['bytes', stored.dataSize ?? undefined],
          ['SHA-256', stored.checksum ?? undefined],
        ]);
      }
      return EXIT.fine;
    } catch (error) {
      // An empty package would hold title and version; why the upload failed is what the reader needs.
      await client.delete(target).catch(() => {});
      throw error;
    }
  },
});

const targetFlags = {
  device: { type: 'string', value: '<name or id>', summary: 'one device; before what its profile has' },
  profile: { type: 'string', value: '<name>', summary: 'all devices of the profile that have none of their own' },
  ...urlFlag,
} as const satisfies Readonly<Record<string, Flag>>;

function targetOf({ device, profile }: { device: string | undefined; profile: string | undefined }): string {
  if (device !== undefined && profile === undefined) return apiPath`/api/gridmoor/devices/${device}/ota`;
  if (profile !== undefined && device === undefined) return apiPath`/api/gridmoor/profiles/${profile}/ota`;
  throw new UsageError('Say to whom: --device or --profile, one of them.');
}

const assign = defineCommand({
  name: 'ota assign',
  summary: 'Gives a device, or all of a profile, a package, and tells them.',
  args: '<package>',
  flags: targetFlags,
  examples: ['gridmoor ota assign 9d2a… --device meter-1', 'gridmoor ota assign 9d2a… --profile smart-meter'],
  async run({ url, json, ...given }, [id = ''], io) {
    const target = targetOf(given);
    const client = createClient(io, url);
    const found = await client.get<OtaPackage>(apiPath`/api/otaPackage/info/${id}`);
    const chosen = await client.post(target, { [kindOf(found)]: id });
    if (json) printJson(io, chosen);
    else io.stdout.write(`assigned ${found.title} ${found.version}\n`);
    return EXIT.fine;
  },
});

const withdraw = defineCommand({
  name: 'ota withdraw',
  summary: 'Takes the package from a device or a profile.',
  flags: { software: { type: 'boolean', summary: 'the software, not the firmware' }, ...targetFlags },
  examples: ['gridmoor ota withdraw --device meter-1'],
  async run({ url, json, software, ...given }, _args, io) {
    const kind: Kind = software ? 'software' : 'firmware';
    const chosen = await createClient(io, url).post(targetOf(given), { [kind]: null });
    if (json) printJson(io, chosen);
    else io.stdout.write(`withdrew the ${kind}\n`);
    return EXIT.fine;
  },
});

const remove = defineCommand({
  name: 'ota delete',
  summary: 'Deletes a package; refused while a device or profile has it.',
  args: '<package>',
  flags: urlFlag,
  examples: ['gridmoor ota delete 9d2a…'],
  async run({ url, json }, [id = ''], io) {
    await createClient(io, url).delete(apiPath`/api/otaPackage/${id}`);
    if (json) printJson(io, { deleted: id });
    else io.stdout.write(`deleted ${id}\n`);
    return EXIT.fine;
  },
});

export const run = group('ota', 'Firmware and software of devices.', [list, upload, assign, withdraw, remove]);
