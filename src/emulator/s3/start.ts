/**
 * The S3 emulator behind a listener of its own.
 *
 * @module
 */
import { type Listening, listen } from '../listen.ts';
import { createS3Emulator, type S3Emulator, type S3EmulatorOptions } from './emulator.ts';

export interface StartS3EmulatorOptions extends S3EmulatorOptions {
  /** Default 0: any free one. */
  readonly port?: number;
  /** Default `127.0.0.1`. */
  readonly host?: string;
}

/** `url` is for `AWS_ENDPOINT_URL_S3` or a client's `endpoint`. */
export interface RunningS3Emulator extends S3Emulator, Listening {}

/**
 * Starts an S3 that enforces policies on the sessions of an STS emulator, for tests and development.
 *
 * @throws TypeError for a policy that S3 or IAM would refuse; the listener's own error for a port in use
 * @example
 * const s3 = await startS3Emulator({
 *   sts,
 *   buckets: [{ name: 'data', objects: { 'bots/0xdeadbeef/secret': 'x' } }],
 *   rolePolicies: { [roleArn]: rolePolicy },
 * });
 */
export async function startS3Emulator(options: StartS3EmulatorOptions): Promise<RunningS3Emulator> {
  const { port = 0, host = '127.0.0.1', ...rest } = options;
  const emulator = createS3Emulator(rest);
  return { ...emulator, ...(await listen(emulator.app, { port, host })) };
}
