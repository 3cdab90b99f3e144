/**
 * A process that vends and is killed: says on its standard output which records it was told are durable.
 *
 * @module
 */
import { writeSync } from 'node:fs';
import { createAuditLog } from '../../src/audit/create-log.ts';
import { createLogger } from '../../src/lib/create-logger.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { aVend } from './events.ts';

const [, , path = '', count = ''] = process.argv;
const log = createLogger({ level: 'silent' });
const auditLog = await createAuditLog({ kind: 'sqlite', path }, { clock: fakeClock(), log });
const vend = async (lane: number) => {
  for (let n = 0; ; n++) {
    const accessKeyId = `${lane}-${n}`;
    await auditLog.append(aVend({ accessKeyId }));
    writeSync(1, `${accessKeyId}\n`);
  }
};
await Promise.all(Array.from({ length: Number(count) }, (_, lane) => vend(lane)));
