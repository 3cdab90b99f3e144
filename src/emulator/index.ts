/**
 * The STS emulator: what STS does, on this machine, so that a mistake shows here and not in the account. For `dev`, the
 * library and tests; nothing that serves imports it.
 *
 * @module
 */
export { createStsEmulator, type StsEmulator } from './emulator.ts';
export { type EmulatedIssuer, type FetchIssuer, providerArn } from './issuers.ts';
export type { Listening } from './listen.ts';
export type { EmulatedCall, EmulatedFault, StsEmulatorOptions } from './options.ts';
export type { EmulatedRole } from './roles.ts';
export type { EmulatedSession } from './sessions.ts';
export { type RunningStsEmulator, type StartStsEmulatorOptions, startStsEmulator } from './start.ts';
export type { PolicyDocument } from './trust.ts';
export { walletTrustPolicy } from './trust-policy.ts';
export type { WebApp } from './web-app.ts';
