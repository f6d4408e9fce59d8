import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { unreachable } from './client.ts';
import { defineCommand } from './command.ts';
import { authorityOf, provisionSecret, TARGET_FLAGS } from './device-link.ts';
import { CommandFailure, EXIT, type Io, UsageError } from './io.ts';
import { readSecretFile } from './secret-input.ts';
import { cleanText, printFacts, printJson } from './table.ts';

const PROVISION_PATH = '/api/v1/provision';
const TIMEOUT_MS = 30_000;
const MAX_ANSWER_BYTES = 65_536;

interface Answer {
  readonly status?: unknown;
  readonly errorMsg?: unknown;
  readonly credentialsType?: unknown;
  readonly credentialsValue?: unknown;
}

/** Provisions as a device does: with a profile's key and secret, over the device API, without the administrator key. */
export const provision = defineCommand({
  name: 'device provision',
  summary: 'Provisions a device the way a device does it, over HTTP, and prints its credentials.',
  args: '[name]',
  flags: {
    key: { type: 'string', value: '<key>', summary: "the profile's provision key" },
    'secret-file': {
      type: 'string',
      value: '<path>',
      summary: "file with the profile's provision secret, - for stdin",
    },
    'token-file': { type: 'string', value: '<path>', summary: 'file with the access token the device brings' },
    host: { type: 'string', short: 'h', value: '<host>', summary: 'host of the broker (127.0.0.1)' },
    port: { type: 'string', short: 'p', value: '<port>', summary: 'its HTTP port (8080)' },
    cafile: { type: 'string', value: '<path>', summary: 'speak TLS and trust this certificate authority' },
  },
  notes:
    'The secret comes from --secret-file, else from PROVISION_SECRET_<KEY> (PROVISION_SECRET_SMART_METER for the key\n' +
    'smart-meter), else from PROVISION_SECRET. Without a name the broker makes one.',
  examples: [
    'PROVISION_SECRET_SMART_METER=… gridmoor device provision meter-1 --key smart-meter',
    'gridmoor device provision meter-1 --key smart-meter --secret-file secret.txt -h broker.example -p 443 --cafile ca.pem',
  ],
  async run(given, [name], io) {
    if (given.key === undefined) throw new UsageError('--key is missing: the provision key of the device profile.');
    const secret = await provisionSecret(io, given.key, given['secret-file']);
    const tokenFile = given['token-file'];
    const token = tokenFile === undefined ? undefined : await readSecretFile(io, tokenFile);
    const body = {
      deviceName: name,
      provisionDeviceKey: given.key,
      provisionDeviceSecret: secret.reveal(),
      ...(token ? { credentialsType: 'ACCESS_TOKEN', token: token.reveal() } : {}),
    };
    const answer = await post(
      targetOf(given.host, given.port, given.cafile),
      JSON.stringify(body),
      authorityOf(io, given.cafile),
    );
    if (given.json) printJson(io, answer);
    else if (answer.status === 'SUCCESS') printAnswer(io, answer);
    if (answer.status === 'SUCCESS') return EXIT.fine;
    if (!given.json)
      io.stderr.write(
        `${cleanText(`${String(answer.status)}: ${String(answer.errorMsg)}`)}\n${hintFor(answer.status)}\n`,
      );
    return EXIT.findings;
  },
});

function targetOf(host = '127.0.0.1', portText = '8080', cafile: string | undefined): URL {
  const port = Number(portText);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new UsageError(`"${portText}" is not a port.`);
  const text = `${cafile === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  if (!URL.canParse(text)) throw new UsageError(`"${host}" is not a host.`);
  return new URL(PROVISION_PATH, text);
}

/** node:http and not fetch, which cannot be told to trust one more authority. */
function post(url: URL, body: string, ca: string | undefined): Promise<Answer> {
  return new Promise((done, fail) => {
    const options = {
      method: 'POST',
      timeout: TIMEOUT_MS,
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      ...(ca === undefined ? {} : { ca }),
    };
    const request = (ca === undefined ? requestHttp : requestHttps)(url, options, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > MAX_ANSWER_BYTES) response.destroy(new Error('the answer is too long'));
      });
      response.on('error', (error) => fail(unreachable(url.origin, error, TARGET_FLAGS)));
      response.on('end', () => {
        try {
          done(readAnswer(url, response.statusCode ?? 0, Buffer.concat(chunks).toString('utf8')));
        } catch (error) {
          fail(error);
        }
      });
    });
    request.on('timeout', () => request.destroy(new Error(`nothing within ${TIMEOUT_MS / 1000} s`)));
    request.on('error', (error) => fail(unreachable(url.origin, error, TARGET_FLAGS)));
    request.end(body);
  });
}

function readAnswer(url: URL, status: number, text: string): Answer {
  try {
    const value: unknown = JSON.parse(text);
    if (value !== null && typeof value === 'object' && 'status' in value && typeof value.status === 'string')
      return value;
  } catch {
    // Said below.
  }
  if (status === 429)
    throw new CommandFailure(EXIT.findings, 'Too many refused attempts from here: wait, then try again.');
  throw new CommandFailure(EXIT.findings, `${url.origin} gave no provisioning answer (HTTP ${status}).`);
}

function printAnswer(io: Io, { credentialsType, credentialsValue }: Answer): void {
  const value = typeof credentialsValue === 'string' ? { credentialsValue } : (credentialsValue ?? {});
  printFacts(io, [
    ['status', 'SUCCESS'],
    ['credentialsType', String(credentialsType)],
    ...Object.entries(value).map(([name, text]) => [name, String(text)] as const),
  ]);
}

function hintFor(status: unknown): string {
  return status === 'NOT_FOUND'
    ? 'No profile has this provision key with this secret.'
    : 'Refused by the profile: is the name or the token in use already, or provisioning disabled?';
}
