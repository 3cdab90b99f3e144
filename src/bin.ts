#!/usr/bin/env node
/**
 * The entry module. Its first statement takes SIGUSR1 away from node, which would open a debugger on it: any process of
 * the same user could then read the credentials and the signing key out of this one. Everything else is loaded after.
 *
 * @module
 */
process.on('SIGUSR1', () => undefined);

const { main } = await import('./cli/main.ts');
process.exitCode = await main(process.argv.slice(2));
