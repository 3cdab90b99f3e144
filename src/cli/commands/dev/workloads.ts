/**
 * `--workload NAME=WALLET` of `walletcreds dev`.
 *
 * @module
 */
import { isWorkloadName } from '../../../config/names.ts';
import { UsageError } from '../../../lib/errors.ts';
import { InvalidWallet, parseWallet, type Wallet } from '../../../workload/wallet.ts';

export interface DevWorkload {
  readonly name: string;
  readonly wallet: Wallet;
}

/** What `dev` runs unless told otherwise. */
export const DEMO: DevWorkload = {
  name: 'demo',
  wallet: parseWallet('0x52908400098527886e0f7030069857d2e4169ee7'),
};

/** @throws UsageError that repeats the flag and says how to fix it */
export function parseDevWorkloads(flags: readonly string[]): DevWorkload[] {
  const workloads = flags.map(parse);
  const names = workloads.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new UsageError(`--workload: "${twice}" is there twice; give each a name of its own`);
  return workloads.length === 0 ? [DEMO] : workloads;
}

function parse(flag: string): DevWorkload {
  const at = flag.indexOf('=');
  if (at < 0) throw new UsageError(`--workload ${flag}: write NAME=WALLET, as in ${DEMO.name}=${DEMO.wallet}`);
  const name = flag.slice(0, at);
  if (!isWorkloadName(name)) {
    throw new UsageError(
      `--workload ${flag}: the name has up to 64 letters, digits, "_", "-" and ".", and begins with none of the last two`,
    );
  }
  try {
    return { name, wallet: parseWallet(flag.slice(at + 1)) };
  } catch (error) {
    if (error instanceof InvalidWallet) throw new UsageError(`--workload ${flag}: ${error.message}`);
    throw error;
  }
}
