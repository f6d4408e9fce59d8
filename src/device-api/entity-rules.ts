import { ATTACHMENT_ASSETS, ATTACHMENT_RELATIONS } from '../model/attachment.ts';
import { NodeFailure } from '../rules/index.ts';

/** What attachments are made of is written by attaching alone, so that none is ever half there. */
export function refuseAttachments({ type }: { readonly type: string }): void {
  if (ATTACHMENT_RELATIONS.has(type)) {
    throw new NodeFailure(`relations of the type ${type} belong to attachments: use onboard/attach`);
  }
}

export function refuseAttachmentAsset(type: string): void {
  if (ATTACHMENT_ASSETS.has(type)) {
    throw new NodeFailure(`assets of the type ${type} are made by suppliers and attachments only`);
  }
}
