import type { Clock } from '../model/clock.ts';

export type CheckResult = { readonly ok: true } | { readonly ok: false; readonly problem: string };

/** One thing that must hold before this instance takes traffic. `problem` is shown to anyone who asks: no secrets. */
export interface ReadinessCheck {
  readonly name: string;
  /** Shown when it fails, but the instance stays ready: what it serves is whole. */
  readonly advisory?: boolean;
  check(): CheckResult | Promise<CheckResult>;
}

export interface HealthBody {
  readonly status: 'up';
  readonly uptimeMs: number;
}

export interface ReadinessBody {
  readonly ready: boolean;
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly problem?: string }[];
}

/** `/healthz`: the process answers. `/readyz`: every registered check holds; with none registered it is not ready. */
export interface Health {
  /** Replaces a check of the same name; gives the way to take it out again. */
  register(check: ReadinessCheck): () => void;
  healthz(): HealthBody;
  readyz(): Promise<ReadinessBody>;
}

export interface HealthOptions {
  readonly clock: Clock;
  /** A check that has not answered by then counts as failed. Default 2,000. */
  readonly checkTimeoutMs?: number;
}

export function createHealth({ clock, checkTimeoutMs = 2_000 }: HealthOptions): Health {
  const startedAt = clock.monotonic();
  const checks = new Map<string, ReadinessCheck>();
  return {
    register(check) {
      checks.set(check.name, check);
      return () => {
        if (checks.get(check.name) === check) checks.delete(check.name);
      };
    },
    healthz: () => ({ status: 'up', uptimeMs: Math.round(clock.monotonic() - startedAt) }),
    async readyz() {
      if (checks.size === 0) {
        return { ready: false, checks: [{ name: 'start', ok: false, problem: 'still starting' }] };
      }
      const results = await Promise.all(
        [...checks.values()].map(async (check) => ({ name: check.name, ...(await run(check, checkTimeoutMs)) })),
      );
      const ready = results.every(({ name, ok }) => ok || checks.get(name)?.advisory === true);
      return { ready, checks: results };
    },
  };
}

async function run(check: ReadinessCheck, timeoutMs: number): Promise<CheckResult> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<CheckResult>((resolve) => {
    timer = setTimeout(() => resolve({ ok: false, problem: `no answer within ${timeoutMs} ms` }), timeoutMs);
  });
  try {
    return await Promise.race([check.check(), late]);
  } catch {
    // The cause may name paths or addresses; the check's owner logs it.
    return { ok: false, problem: 'the check itself failed' };
  } finally {
    clearTimeout(timer);
  }
}
