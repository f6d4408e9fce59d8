import { readFile } from 'node:fs/promises';
import { apiPath, createClient, type Page, urlFlag } from './client.ts';
import { defineCommand } from './command.ts';
import { findDevice } from './device-lookup.ts';
import { group } from './frame.ts';
import { CommandFailure, EXIT, UsageError } from './io.ts';
import { formatTime, printJson, printTable } from './table.ts';

interface Certificate {
  readonly serial: string;
  readonly fingerprint: string;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly revokedAt?: number;
}

const MAX_CSR_BYTES = 16_384;
const pathOf = (id: string): string => apiPath`/api/gridmoor/devices/${id}/certificates`;

async function csrIn(file: string): Promise<string> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new CommandFailure(EXIT.findings, `${file} cannot be read: ${error.code ?? error.message}`);
  });
  if (bytes.length > MAX_CSR_BYTES) throw new CommandFailure(EXIT.findings, `${file} is no request: it is too large`);
  return bytes.toString('utf8');
}

function wholeDays(days: string | undefined): number | undefined {
  if (days === undefined) return undefined;
  if (/^[1-9]\d{0,3}$/.test(days)) return Number(days);
  throw new UsageError(`--days takes a whole number above 0, not "${days}".`);
}

const list = defineCommand({
  name: 'certificate list',
  summary: 'Lists the certificates that were signed here for a device and have not ended.',
  args: '<device>',
  flags: urlFlag,
  examples: ['gridmoor certificate list meter-1'],
  async run({ url, json }, [typed = ''], io) {
    const client = createClient(io, url);
    const device = await findDevice(client, typed);
    const { data } = await client.get<Page<Certificate>>(pathOf(device.id.id));
    if (json) printJson(io, { data });
    else {
      const rows = data.map(({ serial, notAfter, revokedAt }) => [
        serial,
        revokedAt === undefined ? 'valid' : 'revoked',
        formatTime(notAfter),
      ]);
      printTable(io, ['serial', 'state', 'ends'], rows);
    }
    return EXIT.fine;
  },
});

const issue = defineCommand({
  name: 'certificate issue',
  summary: 'Signs a certificate for the request (CSR) of a device whose profile has x509, and prints it, PEM.',
  args: '<device> <file.csr>',
  flags: {
    days: { type: 'string', value: '<n>', summary: 'how long it works (as the profile says)' },
    ...urlFlag,
  },
  examples: ['gridmoor certificate issue meter-1 meter-1.csr > meter-1.pem'],
  async run({ url, json, days }, [typed = '', file = ''], io) {
    const body = { csr: await csrIn(file), days: wholeDays(days) };
    const client = createClient(io, url);
    const device = await findDevice(client, typed);
    const issued = await client.post<Certificate & { readonly certificate: string }>(pathOf(device.id.id), body);
    if (json) printJson(io, issued);
    else io.stdout.write(issued.certificate);
    return EXIT.fine;
  },
});

const revoke = defineCommand({
  name: 'certificate revoke',
  summary: 'Revokes a certificate of a device, and ends the session that has shown it.',
  args: '<device> <serial>',
  flags: urlFlag,
  examples: ['gridmoor certificate revoke meter-1 4F2A90C1D7E35B86A0F1C2D3E4F50617'],
  async run({ url, json }, [typed = '', serial = ''], io) {
    const client = createClient(io, url);
    const device = await findDevice(client, typed);
    await client.delete(`${pathOf(device.id.id)}${apiPath`/${serial}`}`);
    if (json) printJson(io, { device: device.name, serial });
    else io.stdout.write(`${serial} of ${device.name} is revoked\n`);
    return EXIT.fine;
  },
});

export const run = group('certificate', 'Certificates of devices that were signed here.', [list, issue, revoke]);
