import type { Msg } from '../../src/model/msg.ts';
import { catalogue } from '../../src/rules/catalogue.ts';
import type { Generation, LoadOptions } from '../../src/rules/generation.ts';
import type { RunOptions, RunResult, TraceStep } from '../../src/rules/run.ts';
import { createTestContext, type TestContext } from '../../src/rules/test-context.ts';
import { tracePaths } from '../../src/rules/trace-paths.ts';
import { type Acts, actKind, chainText, loadOrThrow, tempFolder, testMsg } from './chain-kit.ts';

type Nodes = Parameters<typeof chainText>[0];

export interface ChainSet {
  readonly generation: Generation;
  readonly context: TestContext;
  /** `chain/node:msg id`, in order, of the nodes of kind `test/act`. */
  readonly seen: string[];
  readonly steps: TraceStep[];
  run(msg?: Partial<Msg>, options?: RunOptions): RunResult | Promise<RunResult>;
  paths(): string[][];
}

/**
 * Chains by name, the first one the root, from files through load; nodes without a kind are acts, by node name. A node that
 * throws is an act that throws.
 */
export async function loadSet(
  chains: Readonly<Record<string, Nodes>>,
  acts: Acts = {},
  load: LoadOptions = {},
): Promise<ChainSet> {
  const names = Object.keys(chains);
  const files = names.map((name) => [`${name}.json`, chainText(chains[name] ?? {}, { name, root: name === names[0] })]);
  await using folder = await tempFolder(Object.fromEntries(files));
  const seen: string[] = [];
  const nodes = names.flatMap((name) => Object.keys(chains[name] ?? {}));
  const noted = Object.fromEntries(
    nodes.map((node) => [
      node,
      (msg: Msg) => {
        seen.push(`${node}:${msg.id}`);
        return acts[node]?.(msg);
      },
    ]),
  );
  const generation = await loadOrThrow(folder.path, { kinds: [...catalogue, actKind(noted)], ...load });
  const context = createTestContext();
  const steps: TraceStep[] = [];
  return {
    generation,
    context,
    seen,
    steps,
    run: (msg = {}, options = {}) =>
      generation.run(testMsg(msg, context), context, { trace: (step) => void steps.push(step), ...options }),
    paths: () => tracePaths(steps),
  };
}

/** An act that leaves by a label. */
export const by = (relation: string | readonly string[]) => (msg: Msg) => ({ relation, msg });
