/**
 * The STS and S3 emulators, for `dev`, the library and tests. Code that serves doesn't import them.
 *
 * @module
 */
export { createStsEmulator, type StsEmulator } from './emulator.ts';
export { type EmulatedIssuer, type FetchIssuer, providerArn } from './issuers.ts';
export type { Listening } from './listen.ts';
export type { EmulatedCall, EmulatedFault, StsEmulatorOptions } from './options.ts';
export type { EmulatedRole } from './roles.ts';
export {
  createS3Emulator,
  type EmulatedBucket,
  type S3Emulator,
  type S3EmulatorOptions,
} from './s3/emulator.ts';
export { type RunningS3Emulator, type StartS3EmulatorOptions, startS3Emulator } from './s3/start.ts';
export type { EmulatedSession } from './sessions.ts';
export { type RunningStsEmulator, type StartStsEmulatorOptions, startStsEmulator } from './start.ts';
export type { PolicyDocument } from './trust.ts';
export { walletTrustPolicy } from './trust-policy.ts';
export type { WebApp } from './web-app.ts';
