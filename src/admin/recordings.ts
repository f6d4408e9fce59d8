import { BrokerError } from '../errors.ts';
import { flag, integer, optional, text } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { findDevice } from './lookup.ts';
import { defineRoute, type Route } from './route.ts';
import { list, NO_CONTENT, object } from './wire.ts';

const string = { type: 'string' } as const;
const whole = { type: 'integer' } as const;
const state = { id: string, state: string, messages: whole, dropped: whole } as const;
const URL = '/api/gridmoor/recordings';

/** Recordings of what devices send, without secrets: `gridmoor record`. */
export function recordingRoutes(deps: AdminDeps): readonly Route[] {
  const { recorder } = deps;
  const gone = (): BrokerError =>
    new BrokerError('NOT_FOUND', { field: 'id', detail: 'there is no such recording, or another one took its place' });
  return [
    defineRoute({
      method: 'POST',
      url: URL,
      tag: 'messages',
      summary: 'Begins a recording of what devices send, for chain replay; one at a time, 409 while one is running.',
      role: 'operator',
      body: {
        seconds: integer('For so long.', { default: 60, minimum: 1, maximum: 3_600 }),
        messages: integer('So many at most.', { default: 1_000, minimum: 1, maximum: 10_000 }),
        device: optional(text('Name or id of the only device.')),
        force: flag('Takes the place of one that is running: who waits for that one gets no more.', { default: false }),
      },
      answer: object(state),
      async handle({ body: { seconds, messages, device, force }, by }) {
        const only = device === undefined ? undefined : await findDevice(device, deps);
        if (device !== undefined && !only) throw new BrokerError('DEVICE_NOT_FOUND', { field: 'device' });
        const { runningBy } = recorder;
        if (runningBy !== undefined && !force) {
          const detail = `a recording of ${runningBy} is running: wait for its end, or take its place with "force"`;
          throw new BrokerError('RECORDING_RUNS', { field: 'force', detail });
        }
        return recorder.start({ forMs: seconds * 1_000, messages, device: only?.id, by });
      },
    }),
    defineRoute({
      method: 'GET',
      url: `${URL}/:id`,
      tag: 'messages',
      summary: 'Its state, and its lines from one on: JSON texts, without secrets.',
      role: 'operator',
      params: { id: text('Id of the recording.') },
      query: {
        from: integer('Lines that are known already.', { default: 0, minimum: 0 }),
        limit: integer('Lines at most.', { default: 1_000, minimum: 1, maximum: 1_000 }),
      },
      answer: object({ ...state, lines: list(string) }),
      async handle({ params, query: { from, limit } }) {
        const read = recorder.read(params.id, from, limit);
        if (read === undefined) throw gone();
        return read;
      },
    }),
    defineRoute({
      method: 'DELETE',
      url: `${URL}/:id`,
      tag: 'messages',
      summary: 'Ends the recording and forgets it.',
      role: 'operator',
      params: { id: text('Id of the recording.') },
      status: 204,
      answer: NO_CONTENT,
      async handle({ params }) {
        if (recorder.end(params.id)) return undefined;
        throw gone();
      },
    }),
  ];
}
