/**
 * A process that vends and is killed: says on its standard output which rows it was told are durable.
 *
 * @module
 */
import { writeSync } from 'node:fs';
import { createTrail } from '../../src/audit/create-log.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createLogger } from '../../src/lib/log.ts';

const [, , path = '', count = ''] = process.argv;
const log = createLogger({ level: 'silent' });
const trail = await createTrail({ kind: 'sqlite', path }, { clock: systemClock, log });
const vend = async (lane: number) => {
  for (let n = 0; ; n++) {
    const access_key_id = `${lane}-${n}`;
    await trail.append({
      minted_at: 1,
      requester_token_hash: '',
      requester_wallet: 'unknown',
      requested_role: 'data-role-via-jwt',
      session_duration_seconds: 3600,
      sts_session_name: 's',
      outcome: 'ok',
      outcome_detail: null,
      via: 'endpoint',
      source: 'fresh',
      role_arn: null,
      workload: null,
      caller_kind: 'token',
      access_key_id,
      credentials_expiration: null,
      sts_request_id: null,
      count: 1,
    });
    writeSync(1, `${access_key_id}\n`);
  }
};
await Promise.all(Array.from({ length: Number(count) }, (_, lane) => vend(lane)));
