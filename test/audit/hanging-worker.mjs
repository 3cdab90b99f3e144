// Stands in for the audit worker on a disk that hangs: the thread itself is blocked in the middle of a write, as it is in
// a sync that doesn't return, until the file `<path>.go` is there. With `<path>.die` it ends instead, as in a crash.
import { existsSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';

const nobody = new Int32Array(new SharedArrayBuffer(4));
let seq = 0;
let path;
parentPort.on('message', request => {
  if (request.do === 'open') path = request.path;
  if (request.do === 'write') {
    while (!existsSync(`${path}.go`)) {
      if (existsSync(`${path}.die`)) process.exit(3);
      Atomics.wait(nobody, 0, 0, 10);
    }
    seq += request.records.length;
    parentPort.postMessage({ written: { head: { writer: 'hanging', seq, hash: '0' }, freeBytes: undefined } });
  } else {
    parentPort.postMessage(request.do === 'open' ? { opened: { continued: true } } : { closed: true });
    if (request.do === 'close') parentPort.close();
  }
});
