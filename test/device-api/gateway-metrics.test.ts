import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { GatewayMetrics } from '../../src/device-api/gateway-metrics.ts';
import type { JsonObject, JsonValue } from '../../src/model/json.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const item = (metadata: JsonValue): JsonObject => ({ ts: 1, values: { t: 1 }, metadata });
const timed = (connector: string, receivedTs: number, publishedTs: number) =>
  item({ connector, receivedTs, publishedTs });
const setUp = () => {
  const told: JsonObject[] = [];
  return { told, metrics: new GatewayMetrics((values) => told.push(values)) };
};

it('latencies are told by connector once a minute, and only of the minute', () => {
  const { told, metrics } = setUp();
  metrics.take([timed('modbus', 100, 110), timed('modbus', 100, 125)], 130);
  metrics.take([timed('opc', 100, 100)], 101);
  vi.advanceTimersByTime(59_999);
  expect(told).toEqual([]);
  vi.advanceTimersByTime(1);
  const modbus = {
    avgGwLatency: 17,
    minGwLatency: 10,
    maxGwLatency: 25,
    avgTransportLatency: 12,
    minTransportLatency: 5,
    maxTransportLatency: 20,
  };
  expect(told).toMatchObject([{ gatewayMetrics: { modbus, opc: { avgGwLatency: 0, minTransportLatency: 1 } } }]);
  vi.advanceTimersByTime(300_000);
  expect(told).toHaveLength(1);
  metrics.take([timed('opc', 100, 107)], 108);
  vi.advanceTimersByTime(60_000);
  expect(told[1]).toMatchObject({ gatewayMetrics: { opc: { minGwLatency: 7 } } });
  expect(Object.keys(told[1]?.gatewayMetrics as JsonObject)).toEqual(['opc']);
});

it('metadata that is not whole does not count', () => {
  const { told, metrics } = setUp();
  const bad = [null, 1, [], {}, { connector: 'c' }, { connector: 'c', receivedTs: 1, publishedTs: 'x' }];
  const values = { connector: 'c', receivedTs: 1, publishedTs: 2 };
  metrics.take([...bad.map(item), { t: 1, metadata: values }, { ts: 1, values }, 7, timed('x'.repeat(256), 1, 2)], 5);
  vi.advanceTimersByTime(60_000);
  expect(told).toEqual([]);
});

it('a gateway that makes up connectors is kept to a hundred, and nothing is told after the end', () => {
  const { told, metrics } = setUp();
  metrics.take(
    Array.from({ length: 500 }, (_, at) => timed(`c${at}`, 1, 2)),
    3,
  );
  vi.advanceTimersByTime(60_000);
  expect(Object.keys(told[0]?.gatewayMetrics as JsonObject)).toHaveLength(100);
  metrics.take([timed('c', 1, 2)], 3);
  metrics.close();
  metrics.take([timed('c', 1, 2)], 3);
  expect(vi.getTimerCount()).toBe(0);
  expect(told).toHaveLength(1);
});
