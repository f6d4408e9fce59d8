import { createHash, createHmac, randomBytes } from 'node:crypto';

/** The secret of the vectors (registration-protocols 1.12). */
export const TBP1_SECRET = 'psec-demo-0123456789';

/** A request signed now; signed here and not by what is tested. */
export function signedNow(more: Readonly<Record<string, unknown>> = {}, key: string | Buffer = TBP1_SECRET): string {
  const body: Record<string, unknown> = {
    provisionDeviceKey: 'pk-demo',
    deviceName: `meter-${randomBytes(4).toString('hex')}`,
    timestamp: Date.now(),
    nonce: randomBytes(12).toString('hex'),
    claims: '{"credentialsType":"ACCESS_TOKEN"}',
    signMethod: 'TBP1-HMAC-SHA256',
    ...more,
  };
  const digest = createHash('sha256').update(String(body.claims)).digest('hex');
  const content = ['TBP1', body.provisionDeviceKey, body.deviceName, body.timestamp, body.nonce, digest].join('\n');
  return JSON.stringify({ ...body, sign: createHmac('sha256', key).update(content).digest('hex') });
}
