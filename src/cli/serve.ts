import { CONFIG_FLAGS, loadConfig } from '../config/index.ts';
import { defineCommand, type Run } from './command.ts';
import { commandHelp } from './help.ts';
import { EXIT } from './io.ts';

const command = defineCommand({
  name: 'serve',
  summary:
    'Runs the broker until SIGINT or SIGTERM. Logs are JSON lines on standard output; event "ready" names the ports.',
  flags: CONFIG_FLAGS,
  notes: 'Flags win over the environment, this over gridmoor.json, this over the defaults: docs/config.md.',
  examples: [
    'gridmoor serve',
    'gridmoor serve -p 2883 --data-dir /var/lib/gridmoor',
    'MQTT_BIND_PORT=2883 gridmoor serve',
    'REDIS_URL=redis://127.0.0.1:6379 gridmoor serve --workers 2',
  ],
  run: () => Promise.resolve(EXIT.usage),
});

/** The configuration reads its own flags: it knows types, negations and sources, and names all findings at once. */
export const run: Run = async (args, io) => {
  if (args.some((word) => word === '--help' || word === '-h')) {
    io.stdout.write(commandHelp(command));
    return EXIT.fine;
  }
  const argv = args.filter((word) => word !== '--json');
  const loaded = await loadConfig({ argv, env: io.env, cwd: io.cwd });
  if (loaded.ok && loaded.config.instance.workers > 1) {
    const { serveWithWorkers } = await import('../app/workers/index.ts');
    return serveWithWorkers(loaded, io);
  }
  const { serve } = await import('../app/serve.ts');
  return serve(loaded, io);
};
