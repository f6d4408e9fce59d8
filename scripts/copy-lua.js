// The compiler takes TypeScript only: the Lua steps of the Redis store go into dist/ beside the code that reads them.
import { cpSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = 'storage/redis/lua/';
const source = fileURLToPath(new URL(`../src/${FOLDER}`, import.meta.url));
const target = fileURLToPath(new URL(`../dist/${FOLDER}`, import.meta.url));
rmSync(target, { recursive: true, force: true });
cpSync(source, target, { recursive: true });
