import { expect, test } from 'vitest';
import { credentialsFor, startChain, startServe, tokenOf } from '../support/chain.ts';

test('the start-up line of serve names the egress proxy without its credentials, and loopback needs none', async () => {
  const chain = await startChain();
  chain.write('walletcreds.yaml', chain.yaml({ a: '0x52908400098527886e0f7030069857d2e4169ee7' }));
  const serving = startServe(chain, { env: { HTTPS_PROXY: 'http://user:secret@proxy.invalid:3128' } });
  try {
    expect(await serving.said('serving')).toMatchObject({ egress_proxy: 'http://proxy.invalid:3128' });
    expect((await credentialsFor(chain, tokenOf(chain, 'a'))).status).toBe(200);
    expect(serving.text()).not.toContain('secret');
  } finally {
    serving.child.kill('SIGTERM');
    await serving.exited;
    await chain.close();
  }
});
