import type { Bus } from '../cluster/bus.ts';
import { BrokerError } from '../errors.ts';
import type { SettingStore } from '../storage/record-stores.ts';
import type { CanaryOptions } from './canary.ts';
import type { FolderFile } from './chain-folder.ts';

/** The chains that somebody put in force for all instances; their files are in the history of generations. */
export interface ChainsInForce {
  readonly id: string;
  readonly at: number;
  readonly by: string;
}

/** A candidate for all instances. */
export interface SharedCandidate {
  readonly name: string;
  readonly files: readonly FolderFile[];
  readonly by: string;
  readonly at: number;
  readonly options: CanaryOptions;
}

/** What instances agree on about chains: the store keeps it, the bus says when it has changed. */
export interface SharedChains {
  /** False: there are no other instances. */
  readonly shared: boolean;
  putInForce(chains: ChainsInForce): Promise<void>;
  /** @param ended why there is none any more. */
  putCandidate(candidate: SharedCandidate | { readonly ended: string }): Promise<void>;
  inForce(): Promise<ChainsInForce | undefined>;
  candidate(): Promise<SharedCandidate | { readonly ended: string } | undefined>;
  /** Another instance has changed something, or may have. */
  onChange(listener: () => void): void;
}

const IN_FORCE = 'chains-in-force';
const CANDIDATE = 'chains-candidate';

export function shareChains(parts: {
  readonly shared: boolean;
  readonly settings: SettingStore;
  readonly bus: Bus;
}): SharedChains {
  const { shared, settings, bus } = parts;
  const put = async (name: string, value: unknown): Promise<void> => {
    if (!shared) return;
    await settings.put(name, JSON.stringify(value));
    await bus.publish('all', { type: 'chains-changed' });
  };
  const read = async (name: string): Promise<unknown> => {
    const text = shared ? await settings.get(name) : undefined;
    if (text === undefined) return undefined;
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new BrokerError('STORE_CORRUPT', { detail: `The setting ${name} is damaged.` }, { cause: error });
    }
  };
  return {
    shared,
    putInForce: (chains) => put(IN_FORCE, chains),
    putCandidate: (candidate) => put(CANDIDATE, candidate),
    // Written by us alone, so of our own shape.
    inForce: async () => (await read(IN_FORCE)) as ChainsInForce | undefined,
    candidate: async () => (await read(CANDIDATE)) as SharedCandidate | { readonly ended: string } | undefined,
    onChange(listener) {
      bus.subscribe(({ type }) => {
        if (type === 'chains-changed') listener();
      });
      bus.onGap(listener);
    },
  };
}
