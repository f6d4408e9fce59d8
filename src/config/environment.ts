import type { Issue } from '../schema/issue.ts';
import { nearest } from '../schema/validate.ts';
import { LEAVES } from './settings.ts';

/** Names that gridmoor reads elsewhere. */
const OTHER_NAMES = ['GRIDMOOR_CONFIG', 'GRIDMOOR_URL', 'GRIDMOOR_BACKUP_PASSPHRASE'];
const OURS = /^(?:GRIDMOOR|MQTT|HTTP|COAP|REDIS|TB_REDIS)_/;
/** Set by container platforms for a service that is called `gridmoor`, `mqtt` or `redis`. */
const PLATFORM = /_SERVICE_(?:HOST|PORT)(?:_|$)|_PORT_\d+_(?:TCP|UDP)(?:_(?:PROTO|PORT|ADDR))?$/;

const known = new Set([
  ...LEAVES.flatMap(({ env, special }) => (special === 'secret' ? [env, `${env}_FILE`] : [env])),
  ...OTHER_NAMES,
]);

/** Findings about names alone: mistyped ones in our name spaces. */
export function checkEnvironmentNames(env: Readonly<Record<string, string | undefined>>): Issue[] {
  const issues: Issue[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || value === '') continue;
    if (OURS.test(name) && !known.has(name) && !isForeign(name, value)) {
      const near = nearest(name, [...known]);
      const hint = near ? `did you mean ${near}?` : 'gridmoor docs config lists all names';
      issues.push(environmentIssue(name, 'unknown-setting', `there is no setting ${name}`, hint));
    }
  }
  return issues;
}

/** Whether a container platform or another program set it, not the operator of gridmoor. */
export function isForeign(name: string, value: string): boolean {
  if (name === 'HTTP_PROXY') return true;
  return PLATFORM.test(name) || (name.endsWith('_PORT') && /^(?:tcp|udp):\/\//.test(value));
}

export function environmentIssue(name: string, rule: string, problem: string, hint?: string): Issue {
  return { file: `environment ${name}`, at: '', rule, level: 'error', problem, ...(hint ? { hint } : {}) };
}
