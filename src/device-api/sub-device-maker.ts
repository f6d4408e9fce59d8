import { BrokerError } from '../errors.ts';
import type { Clock } from '../model/clock.ts';
import type { Device } from '../model/device.ts';
import type { Log } from '../observe/index.ts';
import type { DeviceProfile, ProfileSet } from '../profiles/index.ts';
import type { Registry } from '../registry/registry.ts';
import type { AssetStore } from '../storage/asset-store.ts';
import type { GatewayLimits } from './gateway-limits.ts';
import { DEFAULT_TYPE } from './gateway-payload.ts';

/** Which devices a gateway may speak for: those it is related to (it relates itself to what it creates), or every one. */
export type GatewayScope = 'related' | 'any';

export interface SubDeviceRules {
  /** Sub-devices that one gateway may create, or have open, at most. */
  readonly max: number;
  readonly scope: GatewayScope;
}

export interface SubDeviceMakerParts {
  readonly registry: Registry;
  readonly assets: AssetStore;
  readonly profiles: () => ProfileSet;
  readonly limits: GatewayLimits;
  readonly rules: SubDeviceRules;
  /** Tells the chains of a new device. */
  readonly announce: (device: Device) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Why a sub-device cannot be used: too many, a name that cannot be, another's device, the gateway's rate, the store. */
export type SubRefusal = 'limit' | 'refused' | 'not-yours' | 'rate-limited' | 'failed';

/** How often the devices of a full gateway are counted again, at most. */
const RECOUNT_MS = 10_000;

/** Creates the sub-devices of one gateway, never more than it may have. */
export class SubDeviceMaker {
  readonly #gateway: Device;
  readonly #parts: SubDeviceMakerParts;
  /** Devices this gateway has created: as last counted, made since, and on their way. */
  #counted: Promise<number> | undefined;
  #createdSince = 0;
  #creating = 0;
  #countAgainAt = 0;

  constructor(gateway: Device, parts: SubDeviceMakerParts) {
    this.#gateway = gateway;
    this.#parts = parts;
  }

  /** The new device comes with its relation; `name-taken`: somebody else was first. Rejects when the store fails. */
  async create(name: string, type: string): Promise<Device | 'name-taken' | SubRefusal> {
    const { announce, limits, log, registry } = this.#parts;
    const gateway = this.#gateway.id;
    const profile = this.#profileOf(type);
    if (profile === undefined) return 'failed';
    if (!limits.takeMessage(gateway)) return 'rate-limited';
    if (!(await this.#reserve())) return 'limit';
    const { quota } = profile.provision;
    try {
      const result = await registry.create({
        name,
        profile: profile.name,
        createdBy: gateway,
        by: `gateway:${gateway}`,
        ...(quota === undefined ? {} : { profileQuota: quota }),
      });
      if (result.kind === 'created') {
        this.#createdSince++;
        announce(result.device);
        return result.device;
      }
      if (result.kind === 'name-taken') return 'name-taken';
      return result.kind === 'quota-reached' ? 'limit' : 'refused';
    } catch (error) {
      const known = BrokerError.from(error);
      // Of a product: its name can be no device key.
      if (known.code !== 'BAD_REQUEST' && known.code !== 'CREDENTIALS_INVALID') throw error;
      log.info({ event: 'gateway.refused', gateway, reason: known.message }, 'sub-device not created');
      return 'refused';
    } finally {
      this.#creating--;
    }
  }

  /** ThingsBoard makes a profile that is missing; here profiles are files, and the gateway's own is the last choice. */
  #profileOf(type: string): DeviceProfile | undefined {
    const profiles = this.#parts.profiles();
    return profiles.byName(type) ?? profiles.byName(DEFAULT_TYPE) ?? profiles.byName(this.#gateway.profile);
  }

  /** Room for one more, kept by `#creating`. Counting costs with their number: a full gateway is counted rarely. */
  async #reserve(): Promise<boolean> {
    const { clock, rules } = this.#parts;
    const take = (counted: number): boolean => {
      if (counted + this.#createdSince + this.#creating >= rules.max) return false;
      this.#creating++;
      return true;
    };
    this.#counted ??= this.#count();
    if (take(await this.#counted)) return true;
    const now = clock.monotonic();
    if (now < this.#countAgainAt) return false;
    this.#countAgainAt = now + RECOUNT_MS;
    this.#counted = this.#count();
    return take(await this.#counted);
  }

  async #count(): Promise<number> {
    const end = { entityType: 'DEVICE', id: this.#gateway.id } as const;
    try {
      const relations = await this.#parts.assets.relationsFrom(end, 'Created');
      this.#createdSince = 0;
      return relations.length;
    } catch (error) {
      this.#counted = undefined; // the next one counts again
      throw error;
    }
  }
}
