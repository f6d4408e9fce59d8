export { type ChainCoverage, type Coverage, type CoverageReport, createCoverage, type Share } from './coverage.ts';
export { type FormatOptions, type FormatResult, formatText } from './format.ts';
export { lintUnderProfiles, type ProfileSchemas } from './lint-profiles.ts';
export { lintTestFiles } from './lint-tests.ts';
export { toJunit } from './report-junit.ts';
export { toTap } from './report-tap.ts';
export { type SarifOptions, toSarif } from './sarif.ts';
