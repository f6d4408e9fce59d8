export { type FormatOptions, type FormatResult, formatText } from './format.ts';
export { lintUnderProfiles, type ProfileSchemas } from './lint-profiles.ts';
export { lintTestFiles } from './lint-tests.ts';
export { type SarifOptions, toSarif } from './sarif.ts';
