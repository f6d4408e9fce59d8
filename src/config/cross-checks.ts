import { accessSync, constants, statSync } from 'node:fs';
import { isListed, parseHosts, parseNetworks } from '../model/network.ts';
import type { Issue } from '../schema/issue.ts';
import { type RedisSettings, redisSettings } from './redis-target.ts';
import type { Config, Sources } from './settings.ts';

/** Findings about settings that do not fit each other. */
export function crossChecks(config: Config, sources: Sources): Issue[] {
  const issues: Issue[] = [];
  const add = (at: string, rule: string, problem: string, hint?: string, level: Issue['level'] = 'error'): void => {
    const source = sources[at] ?? { kind: 'default' as const };
    const file =
      source.kind === 'default'
        ? 'configuration'
        : source.kind === 'file'
          ? source.name
          : `${source.kind} ${source.name}`;
    issues.push({ file, at, rule, level, problem, ...(hint ? { hint } : {}) });
  };
  const { mqtt, http, limits, instance, files, rules } = config;
  for (const [at, secret, least] of [
    ['/instance/adminKey', instance.adminKey, 16],
    ['/instance/secretKey', instance.secretKey, 32],
  ] as const) {
    const text = secret?.reveal();
    if (text === undefined) continue;
    const hint = `${least} random characters or more, for example from openssl rand -base64 32`;
    if (text.length < least || new Set(text).size < 6) add(at, 'weak-secret', 'is easy to guess', hint, 'warning');
  }
  if (mqtt.sslEnabled) {
    for (const [at, name, path] of [
      ['/mqtt/sslPemCert', 'MQTT_SSL_PEM_CERT', mqtt.sslPemCert],
      ['/mqtt/sslPemKey', 'MQTT_SSL_PEM_KEY', mqtt.sslPemKey],
    ] as const) {
      if (path === undefined) add(at, 'missing-field', `MQTT over TLS is on, but ${name} is not set`);
      else if (!isReadableFile(path)) add(at, 'unreadable', `${path} cannot be read`);
    }
  }
  const redis = redisSettings(config);
  if (!redis.ok) add(redis.at, 'invalid-value', redis.problem, redis.hint);
  else if (redis.value !== undefined) checkRedis(config, redis.value, add);
  if (instance.workers > 1) checkWorkers(instance, redis.ok && redis.value === undefined, add);
  const ports: [string, number, string][] = [
    ['/mqtt/bindPort', mqtt.bindPort, mqtt.bindAddress],
    ...(mqtt.sslEnabled ? [['/mqtt/sslBindPort', mqtt.sslBindPort, mqtt.bindAddress] as [string, number, string]] : []),
    ...(mqtt.wsBindPort === undefined
      ? []
      : [['/mqtt/wsBindPort', mqtt.wsBindPort, mqtt.bindAddress] as [string, number, string]]),
    ['/http/bindPort', http.bindPort, http.bindAddress],
  ];
  const taken = new Map<string, string>();
  for (const [at, port, address] of ports) {
    const place = `${address}:${port}`;
    const other = taken.get(place);
    if (port !== 0 && other !== undefined) add(at, 'port-twice', `port ${port} is also ${other}'s`);
    taken.set(place, at);
  }
  for (const [at, path] of [
    ['/files/profilesDir', files.profilesDir],
    ['/files/chainsDir', files.chainsDir],
  ] as const) {
    if (!isReadable(path)) add(at, 'unreadable', `${path} cannot be read`);
  }
  for (const entry of parseHosts(rules.allowedHosts).wrong) {
    const problem = `${JSON.stringify(entry)} is no host name, address or network such as 10.0.0.0/8`;
    add('/rules/allowedHosts', 'invalid-value', problem);
  }
  const { list, wrong } = parseNetworks(instance.trustedProxies);
  for (const entry of wrong) {
    const problem = `${JSON.stringify(entry)} is no address and no network such as 10.1.0.0/24`;
    add('/instance/trustedProxies', 'invalid-value', problem);
  }
  for (const [at, name, on] of [
    ['/mqtt/proxyProtocolEnabled', 'MQTT_PROXY_PROTOCOL_ENABLED', mqtt.proxyProtocolEnabled],
    ['/http/proxyProtocolEnabled', 'HTTP_PROXY_PROTOCOL_ENABLED', http.proxyProtocolEnabled],
  ] as const) {
    if (!on || instance.trustedProxies.trim() !== '') continue;
    add(at, 'missing-field', `${name} is on, but GRIDMOOR_TRUSTED_PROXIES names no load balancer`);
  }
  // Two addresses of nobody, from both halves of what there is.
  if (isListed(list, '192.0.2.1') || isListed(list, '2001:db8::1')) {
    const hint = 'name the load balancers alone';
    add(
      '/instance/trustedProxies',
      'open-network',
      'trusts everybody: any peer may claim any address',
      hint,
      'warning',
    );
  }
  if (limits.refusalMaxPauseMs < limits.refusalPauseMs) {
    add('/limits/refusalMaxPauseMs', 'invalid-value', 'the longest pause is shorter than the first one');
  }
  if (mqtt.maxKeepaliveS < mqtt.defaultKeepaliveS) {
    add('/mqtt/maxKeepaliveS', 'invalid-value', 'the longest keep-alive is shorter than the default one');
  }
  return issues;
}

type Add = (at: string, rule: string, problem: string, hint?: string, level?: Issue['level']) => void;

/** As long as the pattern of instance ids allows. */
const MAX_INSTANCE_ID = 64;

function checkWorkers({ workers, id }: Config['instance'], embedded: boolean, add: Add): void {
  if (embedded) {
    const problem = `${workers} workers need a Redis that they share: the embedded store belongs to one process`;
    add('/instance/workers', 'needs-redis', problem, 'set REDIS_URL, or GRIDMOOR_WORKERS=1');
  }
  const last = `-w${workers}`;
  if (id.length + last.length > MAX_INSTANCE_ID) {
    const problem = `is too long for workers: with ${last} behind it, it has more than ${MAX_INSTANCE_ID} characters`;
    add('/instance/id', 'invalid-value', problem, 'set a shorter GRIDMOOR_INSTANCE_ID');
  }
}

function checkRedis({ redis, instance }: Config, { tls, urlPassword }: RedisSettings, add: Add): void {
  for (const [at, name, path] of [
    ['/redis/sslCa', 'TB_REDIS_SSL_PEM_CERT', redis.sslCa],
    ['/redis/sslCert', 'TB_REDIS_SSL_PEM_KEY', redis.sslCert],
    ['/redis/sslKey', 'TB_REDIS_SSL_PEM_KEY_PASSWORD', redis.sslKey],
  ] as const) {
    if (path === undefined) continue;
    if (!tls)
      add(at, 'invalid-value', `${name} is set, but Redis is not reached over TLS`, 'set TB_REDIS_SSL_ENABLED=true');
    else if (!isReadableFile(path)) add(at, 'unreadable', `${path} cannot be read`);
  }
  if ((redis.sslCert === undefined) !== (redis.sslKey === undefined)) {
    add('/redis/sslCert', 'missing-field', 'certificate and private key for Redis go together', 'set both, or none');
  }
  if (urlPassword !== undefined && redis.password !== undefined) {
    add(
      '/redis/password',
      'two-sources',
      'REDIS_PASSWORD is set, and REDIS_URL holds a password too',
      'remove one of them',
    );
  }
  if (instance.secretKey === undefined) {
    const hint = 'set GRIDMOOR_SECRET_KEY, the same for all of them';
    add('/instance/secretKey', 'missing-field', 'brokers that share a Redis need one instance key', hint, 'warning');
  }
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

function isReadableFile(path: string): boolean {
  return isReadable(path) && !statSync(path).isDirectory();
}
