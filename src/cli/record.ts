import { setTimeout } from 'node:timers/promises';
import { recordingHeader } from '../rules/index.ts';
import { apiPath, type Client, createClient, urlFlag } from './client.ts';
import { defineCommand } from './command.ts';
import { withEarlyEnd } from './early-end.ts';
import { single } from './frame.ts';
import { EXIT, UsageError } from './io.ts';
import { wholeOf } from './number-flag.ts';
import { openSink, type Sink } from './sink.ts';
import { printJson } from './table.ts';

const POLL_MS = 500;

interface State {
  readonly id: string;
  readonly state: 'running' | 'full' | 'over';
  readonly messages: number;
  readonly dropped: number;
}

export const run = single(
  defineCommand({
    name: 'record',
    summary: 'Records what devices send to a running instance, without secrets, for chain replay.',
    args: '<file>',
    flags: {
      seconds: { type: 'string', value: '<n>', summary: 'for so long (60; at most 3600)' },
      messages: { type: 'string', value: '<n>', summary: 'so many at most (1000; at most 10000)' },
      device: { type: 'string', value: '<name>', summary: 'only this device, by name or id' },
      force: { type: 'boolean', summary: 'in the place of one that somebody else runs' },
      ...urlFlag,
    },
    notes:
      'Secrets and supply points are replaced by pseudonyms: the same for the same, so that replay still joins them. Messages\n' +
      'are written as they come; the recording ends with its time, its number, or control-C. "-" is standard output.',
    examples: ['gridmoor record traffic.ndjson --seconds 300', 'gridmoor record - --messages 10 --device meter-1'],
    async run({ json, seconds, messages, device, force, url }, [file = ''], io) {
      if (json && file === '-') throw new UsageError('--json prints a summary: give a file for the messages.');
      const body = {
        ...(seconds === undefined ? {} : { seconds: wholeOf('--seconds', seconds, [1, 3_600]) }),
        ...(messages === undefined ? {} : { messages: wholeOf('--messages', messages, [1, 10_000]) }),
        ...(device === undefined ? {} : { device }),
        ...(force ? { force } : {}),
      };
      const client = createClient(io, url);
      const sink = await openSink(io, file);
      try {
        const ended = await withEarlyEnd((stop) => {
          const closed = file === '-' && io.outputEnded ? [io.outputEnded] : [];
          return record(client, body, sink, AbortSignal.any([stop, ...closed]));
        });
        if (json) printJson(io, { file, messages: ended.messages, dropped: ended.dropped });
        else io.stderr.write(`${ended.messages} messages recorded, ${ended.dropped} had no room\n`);
        return EXIT.fine;
      } finally {
        await sink.close();
      }
    },
  }),
);

async function record(client: Client, body: object, sink: Sink, stop: AbortSignal): Promise<State> {
  const { id } = await begin(client, body, sink);
  try {
    await sink.write(recordingHeader());
    return await follow(client, id, sink, stop);
  } finally {
    await client.delete(apiPath`/api/gridmoor/recordings/${id}`);
  }
}

/** A recording that is refused leaves no file, which would stand in the way of the next. */
async function begin(client: Client, body: object, sink: Sink): Promise<State> {
  try {
    return await client.post<State>('/api/gridmoor/recordings', body);
  } catch (error) {
    await sink.discard();
    throw error;
  }
}

/** Fetches lines until the recording is full, over or stopped, and all are there. */
async function follow(client: Client, id: string, sink: Sink, stop: AbortSignal): Promise<State> {
  let known = 0;
  for (;;) {
    // What came before the stop is fetched after it.
    const stopped = stop.aborted;
    const path = apiPath`/api/gridmoor/recordings/${id}`;
    const part = await client.get<State & { readonly lines: readonly string[] }>(path, { from: known });
    for (const line of part.lines) await sink.write(`${line}\n`);
    known += part.lines.length;
    if ((stopped || part.state !== 'running') && known >= part.messages) return part;
    if (part.lines.length === 0) await setTimeout(POLL_MS, undefined, { signal: stop }).catch(() => {});
  }
}
