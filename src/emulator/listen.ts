/**
 * An app behind a port of its own, for the emulator and what is served beside it.
 *
 * @module
 */
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { WebApp } from './web-app.ts';

export interface Listening {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** Stops listening and ends what is open. */
  close(): Promise<void>;
}

/** @throws the listener's own error (`EADDRINUSE`, …) */
export async function listen(app: WebApp, options: { port: number; host: string }): Promise<Listening> {
  // A library must leave its host's global Request and Response alone.
  const server = createAdaptorServer({
    fetch: (request, env) => app.fetch(request, env),
    overrideGlobalObjects: false,
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { address, family, port } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    close: () =>
      new Promise<void>(resolve => {
        // The one error is that it is closed already.
        server.close(() => resolve());
        if ('closeAllConnections' in server) server.closeAllConnections();
      }),
  };
}
