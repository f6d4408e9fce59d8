import type { DeviceId } from '../model/ids.ts';
import type { OtaKind } from '../model/ota.ts';
import type { OtaCampaign, OtaTarget } from '../model/ota-campaign.ts';
import type { DocumentChange, DocumentStore } from '../storage/document-store.ts';

const CAMPAIGN = 'ota-campaign';
const TARGET = 'ota-target';
/** Which campaign a device is in, by kind of package. */
const MEMBER = 'ota-member';
const PAGE = 500;

/** A record with the version that a change of it must find. */
export interface Versioned<T> {
  readonly value: T;
  readonly version: number;
}

/** Campaigns and their devices in the store of documents. */
export interface CampaignRecords {
  /** Campaigns that have not ended stand apart: they are asked for again and again. */
  open(): Promise<readonly Versioned<OtaCampaign>[]>;
  ended(): Promise<readonly OtaCampaign[]>;
  campaign(id: string): Promise<Versioned<OtaCampaign> | undefined>;
  create(campaign: OtaCampaign): Promise<boolean>;
  /** False when it has changed meanwhile. */
  change(next: OtaCampaign, version: number): Promise<boolean>;
  /** Devices of a campaign in pages, ordered by their id. */
  targets(id: string): AsyncGenerator<readonly Versioned<OtaTarget>[]>;
  /** One of these pages; empty behind the last. */
  targetPage(id: string, after?: DeviceId): Promise<readonly Versioned<OtaTarget>[]>;
  target(id: string, device: DeviceId): Promise<Versioned<OtaTarget> | undefined>;
  /** Adds a device; false when it is in a campaign of this kind. */
  join(campaign: OtaCampaign, target: OtaTarget): Promise<boolean>;
  /** False when it has changed meanwhile. `leaves`: the device is in no campaign of this kind any more. */
  changeTarget(campaign: OtaCampaign, next: OtaTarget, version: number, leaves: boolean): Promise<boolean>;
  campaignOf(kind: OtaKind, device: DeviceId): Promise<string | undefined>;
  /** Forgets a campaign that has ended, and its devices. */
  remove(id: string): Promise<void>;
}

const ENDED: readonly OtaCampaign['state'][] = ['done', 'failed', 'stopped'];
export const isEnded = ({ state }: Pick<OtaCampaign, 'state'>): boolean => ENDED.includes(state);

export function createCampaignRecords(documents: DocumentStore, now: () => number): CampaignRecords {
  const write = (...changes: DocumentChange[]): Promise<boolean> => documents.write(changes, now());
  const read = <T>({ text, version }: { text: string; version: number }): Versioned<T> => ({
    value: JSON.parse(text) as T,
    version,
  });

  const list = (kind: string, prefix: string, after: string | undefined) =>
    documents.list(kind, { prefix, limit: PAGE, now: now(), ...(after === undefined ? {} : { after }) });

  async function* pages<T>(kind: string, prefix: string): AsyncGenerator<readonly Versioned<T>[]> {
    for (let after: string | undefined; ; ) {
      const page = await list(kind, prefix, after);
      if (page.length === 0) return;
      yield page.map((entry) => read<T>(entry));
      after = page.at(-1)?.key;
    }
  }

  const all = async (prefix: string): Promise<readonly Versioned<OtaCampaign>[]> => {
    const found: Versioned<OtaCampaign>[] = [];
    for await (const page of pages<OtaCampaign>(CAMPAIGN, prefix)) found.push(...page);
    return found;
  };

  return {
    open: () => all('open/'),
    ended: async () => (await all('ended/')).map(({ value }) => value),
    async campaign(id) {
      for (const place of ['open', 'ended']) {
        const found = await documents.get(CAMPAIGN, `${place}/${id}`, now());
        if (found) return read<OtaCampaign>(found);
      }
      return undefined;
    },
    create: (campaign) =>
      write({ kind: CAMPAIGN, key: `open/${campaign.id}`, text: JSON.stringify(campaign), expected: 0 }),
    change(next, version) {
      const [key, text] = [`open/${next.id}`, JSON.stringify(next)];
      if (!isEnded(next)) return write({ kind: CAMPAIGN, key, text, expected: version });
      return write(
        { kind: CAMPAIGN, key, expected: version },
        { kind: CAMPAIGN, key: `ended/${next.id}`, text, expected: 0 },
      );
    },
    targets: (id) => pages<OtaTarget>(TARGET, `${id}/`),
    async targetPage(id, after) {
      const page = await list(TARGET, `${id}/`, after === undefined ? undefined : `${id}/${after}`);
      return page.map((entry) => read<OtaTarget>(entry));
    },
    async target(id, device) {
      const found = await documents.get(TARGET, `${id}/${device}`, now());
      return found && read<OtaTarget>(found);
    },
    join: ({ id, kind }, target) =>
      write(
        { kind: MEMBER, key: `${kind}/${target.device}`, text: id, expected: 0 },
        { kind: TARGET, key: `${id}/${target.device}`, text: JSON.stringify(target), expected: 0 },
      ),
    changeTarget({ id, kind }, next, version, leaves) {
      const entry = { kind: TARGET, key: `${id}/${next.device}`, text: JSON.stringify(next), expected: version };
      return leaves ? write(entry, { kind: MEMBER, key: `${kind}/${next.device}` }) : write(entry);
    },
    campaignOf: async (kind, device) => (await documents.get(MEMBER, `${kind}/${device}`, now()))?.text,
    async remove(id) {
      for await (const page of pages<OtaTarget>(TARGET, `${id}/`)) {
        await write(...page.map(({ value }) => ({ kind: TARGET, key: `${id}/${value.device}` })));
      }
      await write({ kind: CAMPAIGN, key: `ended/${id}` });
    },
  };
}
