import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Programs that tests talk to, and the Debian package each comes from. */
const packages = {
  'redis-server': 'redis-server',
  mosquitto_pub: 'mosquitto-clients',
  mosquitto_sub: 'mosquitto-clients',
  mosquitto: 'mosquitto',
} as const;

export type Tool = keyof typeof packages;

/** Path of an installed program, or undefined. Debian keeps servers in /usr/sbin, which is not on every PATH. */
export function findTool(tool: Tool): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, tool)).find(isExecutable);
}

/** Path of a program that a test cannot do without. On a CI machine, as root, a missing one is installed. */
export function requireTool(tool: Tool): string {
  const found = findTool(tool);
  if (found) return found;
  const command = `apt-get install -y --no-install-recommends ${packages[tool]}`;
  if (process.env.CI && process.getuid?.() === 0) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    execFileSync('apt-get', ['update', '-q'], { stdio: 'ignore', env });
    execFileSync('apt-get', command.split(' ').slice(1), { stdio: 'ignore', env });
    const installed = findTool(tool);
    if (installed) return installed;
  }
  throw new Error(`${tool} is not installed. Type: sudo apt-get update && sudo ${command}`);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
