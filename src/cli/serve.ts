import { defineCommand } from './command.ts';
import { single } from './frame.ts';

const serve = defineCommand({
  name: 'serve',
  summary: 'Runs the broker until it is told to stop (SIGINT, SIGTERM).',
  flags: {},
  examples: ['gridmoor serve', 'MQTT_BIND_PORT=2883 gridmoor serve'],
  async run(_given, _args, io) {
    const { serve: start } = await import('../app/serve.ts');
    const { loadConfig } = await import('../config/index.ts');
    return start(await loadConfig({ env: io.env, cwd: io.cwd }), io);
  },
});

export const run = single(serve);
