// Makes `npx gridmoor …` work inside the checkout: npm links bins of dependencies only, not of the package itself.
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const target = join(root, 'dist', 'main.js');
if (existsSync(target)) chmodSync(target, 0o755);
const bin = join(root, 'node_modules', '.bin');
if (process.platform !== 'win32' && existsSync(join(root, 'node_modules'))) {
  mkdirSync(bin, { recursive: true });
  rmSync(join(bin, 'gridmoor'), { force: true });
  symlinkSync('../../dist/main.js', join(bin, 'gridmoor'));
}
