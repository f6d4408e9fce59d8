import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Device, DeviceApi } from '../../device-api/index.ts';

type PollResult = Awaited<ReturnType<DeviceApi['poll']>>;

const DEFAULT_TIMEOUT_MS = 60_000;

/** Waits for something for the device, at most `timeout` ms; gives up when the peer has gone (thingsboard-device-api 6.1). */
export async function longPoll(
  deviceApi: DeviceApi,
  device: Device,
  kind: Parameters<DeviceApi['poll']>[1],
  request: FastifyRequest,
): Promise<PollResult> {
  const { timeout } = request.query as Readonly<Record<string, unknown>>;
  const asked = typeof timeout === 'string' && /^\d{1,9}$/.test(timeout) ? Number(timeout) : DEFAULT_TIMEOUT_MS;
  const gone = new AbortController();
  const { socket } = request.raw;
  const leave = (): void => gone.abort();
  socket.once('close', leave);
  try {
    return await deviceApi.poll(device, kind, asked, gone.signal);
  } finally {
    socket.off('close', leave);
  }
}

/** 408 when nothing came: the SDKs then ask again. */
export function answerPoll(reply: FastifyReply, result: PollResult): FastifyReply {
  switch (result.kind) {
    case 'update':
      return reply.type('application/json').send(result.text);
    case 'timeout':
    case 'stopped':
      return reply.code(408).send();
    case 'device-deleted':
      return reply.code(403).type('text/plain; charset=utf-8').send('Device was deleted!');
    case 'device-disabled':
      return reply.code(401).send();
    case 'full':
      return reply.code(500).type('text/plain; charset=utf-8').send('too many requests wait');
    case 'rate-limited':
      return reply.code(500).type('text/plain; charset=utf-8').send('rate limit reached');
  }
}
