import { expect, it } from 'vitest';
import { ADMIN_KEY, startHarness } from '../admin/harness.ts';

it('a source of chains put in force makes messages of a device', async () => {
  await using harness = await startHarness();
  const { id } = await harness.device('simulated');
  const url = '/api/gridmoor/chains/onboarding';
  const chain = (await harness.api('GET', url)).json();
  const put = async (nodes: object): Promise<number> => {
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json', 'if-match': '*' };
    const payload = JSON.stringify({ ...chain, nodes: { ...chain.nodes, ...nodes } });
    return (await harness.inject({ method: 'PUT', url, headers, payload })).statusCode;
  };
  const config = {
    originatorType: 'DEVICE',
    originatorName: 'simulated',
    jsScript: "return { msg: { n: (prevMsg.n || 0) + 1 }, msgType: 'POST_TELEMETRY_REQUEST' };",
  };
  expect(await put({ simulate: { kind: 'debug/generator', config, to: { Success: 'save-series' } } })).toBe(200);
  const latest = async () => (await harness.core.storage.telemetry.latest(id)).get('n')?.value;
  await expect.poll(latest, { timeout: 15_000 }).toBe(2);
});
