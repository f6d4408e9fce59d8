export type { ChecksumAlgorithm, OtaKind, OtaPackage } from '../model/ota.ts';
export {
  createOtaAssignments,
  type OtaAssignments,
  type OtaAssignmentsParts,
} from './assignments.ts';
export { type CampaignPage, createOtaCampaigns, type NewCampaign, type OtaCampaigns } from './campaigns.ts';
export { createOtaPackages, type NewPackage, type OtaPackages, type Upload } from './packages.ts';
