import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BROKER_KINDS } from './kinds.js';
import { accepting, freePort, startServer } from './process.js';

/** Where Debian has it; the wrapper in /usr/sbin would run it as another user. */
const SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server';

/** @type {import('./index.js').Target} */
export const rabbitmq = {
  name: 'rabbitmq',
  settings: 'rabbitmq_mqtt plug-in, one login for all devices, nothing bound to the topics, noDelay',
  kinds: BROKER_KINDS,
  probe() {
    if (!existsSync(SERVER))
      return { missing: 'not installed: apt-get install --no-install-recommends rabbitmq-server' };
    const asked = spawnSync('dpkg-query', ['-W', '-f', '${Version}', 'rabbitmq-server'], { encoding: 'utf8' });
    return { version: asked.stdout || 'unknown' };
  },
  async start(directory) {
    const port = await freePort();
    const file = (/** @type {string} */ name) => join(directory, name);
    writeFileSync(
      file('rabbitmq.conf'),
      [
        'listeners.tcp = none',
        `mqtt.listeners.tcp.default = 127.0.0.1:${port}`,
        'mqtt.tcp_listen_options.nodelay = true',
        'mqtt.tcp_listen_options.backlog = 4096',
        'log.console = true',
        'log.console.level = warning',
        '',
      ].join('\n'),
    );
    writeFileSync(file('enabled_plugins'), '[rabbitmq_mqtt].');
    const server = await startServer({
      command: SERVER,
      args: [],
      env: {
        ...process.env,
        HOME: directory,
        ERL_EPMD_ADDRESS: '127.0.0.1',
        RABBITMQ_NODENAME: `gridmoor-bench-${port}@localhost`,
        RABBITMQ_DIST_PORT: String(await freePort()),
        RABBITMQ_MNESIA_BASE: file('mnesia'),
        RABBITMQ_LOG_BASE: file('log'),
        RABBITMQ_LOGS: '-',
        RABBITMQ_PID_FILE: file('pid'),
        RABBITMQ_CONFIG_FILE: file('rabbitmq.conf'),
        RABBITMQ_ENABLED_PLUGINS_FILE: file('enabled_plugins'),
        RABBITMQ_CONF_ENV_FILE: file('none'),
      },
      readyFrom: (line) => (line.includes('completed with') ? true : undefined),
    });
    await accepting(port);
    return {
      ...server,
      address: { host: '127.0.0.1', port },
      login: { userName: 'guest', password: 'guest' },
    };
  },
};
