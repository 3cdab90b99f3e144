/**
 * An issuer as far from Ceph as issuers are: what listens on a port of this machine, its answers 20 ms late.
 *
 * Ceph 16 looks whether the fetch of an issuer's document is done, and arranges to be woken when it is, without a lock over
 * both (fixed in 2024: ceph/ceph#57632). An answer that comes in between wakes nobody, and a process that asked Ceph waits for
 * ever. While it logged in full, 9 of 23,400 requests were lost with an issuer that answers at once, and with one as late as
 * this none of 14,653. With those few instructions stretched to 20 ms all that fetched were lost, unless answers came later.
 *
 * @module
 */
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { Transform, type TransformCallback } from 'node:stream';

const LATE_MS = 20;

export interface Distant {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  close(): void;
}

/** @param port asked again at each connection: it needn't be listened on yet */
export async function distant(port: () => number): Promise<Distant> {
  const server: Server = createServer(socket => {
    const late = new Transform({
      transform: (chunk: Buffer, _, done: TransformCallback) => void setTimeout(done, LATE_MS, null, chunk),
    });
    const onward = connect(port(), '127.0.0.1');
    const end = () => {
      for (const one of [socket, onward, late]) one.destroy();
    };
    for (const one of [socket, onward, late]) one.on('error', end);
    socket.on('close', end);
    socket.pipe(onward).pipe(late).pipe(socket);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => void server.close() };
}
