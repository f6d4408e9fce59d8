import { Secret } from '../model/secret.ts';
import { type Config, LEAVES, type Source, type Sources } from './settings.ts';

export interface ShownSetting {
  /** JSON pointer in `gridmoor.json`. */
  readonly at: string;
  readonly env: string;
  /** `[redacted]` for a secret that is set; undefined when there is no value. */
  readonly value: string | number | boolean | undefined;
  readonly source: Source;
}

/** The configuration as it may be shown: every setting, its value and where that came from; no secret. */
export function redactConfig(config: Config, sources: Sources): readonly ShownSetting[] {
  const tree = config as unknown as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  return LEAVES.map(({ at, env, section, key, special }) => {
    const value = tree[section]?.[key];
    const hidden = value instanceof Secret || (special === 'secret' && value !== undefined);
    return {
      at,
      env,
      value: hidden ? '[redacted]' : (value as ShownSetting['value']),
      source: sources[at] ?? { kind: 'default' },
    };
  });
}
