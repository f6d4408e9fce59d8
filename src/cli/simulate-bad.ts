import { provisionMeter, tokenOf } from './simulate-identity.ts';
import { answerOn, Link } from './simulate-link.ts';
import type { FleetContext } from './simulate-meter.ts';
import { BAD_KINDS, type BadKind } from './simulate-stats.ts';

const TELEMETRY = 'v1/devices/me/telemetry';
/** Above the 65,536 bytes that ThingsBoard and gridmoor take by default. */
const OVERSIZE_BYTES = 80_000;
const ANSWER_DEADLINE_MS = 10_000;
/** Pause between the tries of one bad actor. */
const PAUSE_MS = 1_000;

/** Misbehaves again and again until the fleet stops; each actor has a device of its own, so no good meter is taken over. */
export async function badActor(context: FleetContext, number: number): Promise<void> {
  const { ended } = context;
  const kind = BAD_KINDS[number % BAD_KINDS.length] ?? 'wrong-token';
  const name = `${context.identity.prefix}-bad-${number}`;
  let token = tokenOf(context.identity, name);
  if (kind === 'wrong-token') token = `no-such-token-${Math.floor(context.random() * 1e12)}`;
  else {
    const provisioned = await provisionMeter(context.target, context.identity, name, ended);
    if (provisioned.kind === 'token') token = provisioned.token;
  }
  while (!ended.aborted) {
    await attempt(context, kind, token, name);
    await pause(PAUSE_MS * (0.5 + context.random()), ended);
  }
}

async function attempt(context: FleetContext, kind: BadKind, token: string, name: string): Promise<void> {
  const tally = context.tally.bad[kind];
  const opening = await Link.open(context.target, token, name, context.ended);
  if (opening.kind === 'unreachable' || context.ended.aborted) return;
  tally.tries++;
  if (opening.kind !== 'open') {
    tally.stopped++;
    return;
  }
  const { link } = opening;
  const drop = (): void => link.drop();
  context.ended.addEventListener('abort', drop);
  const wasStopped = await misbehave(link, kind);
  context.ended.removeEventListener('abort', drop);
  if (wasStopped) tally.stopped++;
  else tally.letThrough++;
  link.drop();
}

/** Whether the broker stopped it, by an error or by closing; true for what needs no answer. */
async function misbehave(link: Link, kind: BadKind): Promise<boolean> {
  switch (kind) {
    case 'wrong-token':
      return false;
    case 'bad-json':
      link.publish(TELEMETRY, '{"power": 12, "volt');
      return refusedOrClosed(link);
    case 'oversize':
      link.publish(TELEMETRY, JSON.stringify({ text: 'x'.repeat(OVERSIZE_BYTES) }));
      return refusedOrClosed(link);
    case 'abrupt-close':
      // A PUBLISH that announces 40 bytes and brings two.
      link.write(Buffer.from([0x32, 40, 0, 23]));
      return true;
  }
}

async function refusedOrClosed(link: Link): Promise<boolean> {
  const code = await answerOn(link, ANSWER_DEADLINE_MS, (answer) =>
    answer.kind === 'puback' || answer.kind === 'disconnect' ? answer.code : undefined,
  );
  return code === undefined ? link.ended : code >= 0x80;
}

function pause(ms: number, ended: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      ended.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    ended.addEventListener('abort', done);
    if (ended.aborted) done();
  });
}
