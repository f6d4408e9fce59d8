import { TokenBuckets } from '../model/rate-limit.ts';

/** How often one address may ask, profile by profile. */
export interface AddressRates {
  /** Takes one request; false: the address has had its number for this minute. */
  take(profile: string, address: string, perMinute: number, nowMs: number): boolean;
}

/** Addresses that are remembered: behind them the one that asked longest ago is forgotten. */
const MAX_ADDRESSES = 10_000;

interface Rate {
  readonly perMinute: number;
  readonly buckets: TokenBuckets;
}

/** Rates of this instance alone. */
export function createAddressRates(): AddressRates {
  const rates = new Map<string, Rate>();
  return {
    take(profile, address, perMinute, nowMs) {
      const name = JSON.stringify([profile, address]);
      const former = rates.get(name);
      const rate =
        former?.perMinute === perMinute
          ? former
          : { perMinute, buckets: new TokenBuckets([{ capacity: perMinute, periodMs: 60_000 }]) };
      rates.delete(name);
      rates.set(name, rate);
      const oldest = rates.size > MAX_ADDRESSES ? rates.keys().next().value : undefined;
      if (oldest !== undefined) rates.delete(oldest);
      return rate.buckets.tryTake(1, nowMs);
    },
  };
}
