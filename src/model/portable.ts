import { DEVICE_STATES, type DeviceState } from './device.ts';
import type { JsonObject } from './json.ts';

/** Where a node stands in a tree: under a device or an asset, by name; without a parent at the top. */
export interface PlaceRow {
  readonly tree: string;
  readonly parent?: string;
}

/** A device as an export gives it and an import takes it. Nothing in it is secret. */
export interface DeviceRow {
  readonly name: string;
  readonly profile: string;
  readonly label?: string;
  readonly gateway?: boolean;
  readonly state?: DeviceState;
  readonly attributes?: { readonly server?: JsonObject; readonly shared?: JsonObject };
  readonly trees?: readonly PlaceRow[];
}

/** A node of a tree: `DEVICE:<name>`, `ASSET:<type>/<name>`. */
export interface NodeRow {
  readonly entity: string;
  readonly parent?: string;
}

const name = { type: 'string', maxLength: 255 } as const;
const entity = { type: 'string', maxLength: 520 } as const;
const values = { type: 'object', maxProperties: 100 } as const;

const closed = (properties: Readonly<Record<string, unknown>>, required: readonly string[]) => ({
  type: 'object',
  additionalProperties: false,
  required,
  properties,
});

export const DEVICE_ROW = closed(
  {
    name,
    profile: name,
    label: name,
    gateway: { type: 'boolean' },
    state: { enum: DEVICE_STATES },
    attributes: closed({ server: values, shared: values }, []),
    trees: { type: 'array', maxItems: 100, items: closed({ tree: name, parent: entity }, ['tree']) },
  },
  ['name', 'profile'],
);

export const NODE_ROW = closed({ entity, parent: entity }, ['entity']);
