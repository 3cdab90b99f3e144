/**
 * Loaded in front of a server by `--import`: at SIGUSR2 it tells over IPC what memory is held once garbage is collected.
 *
 * A signal and not a message, since whoever listens first for messages gets those that are meant for the server.
 *
 * @module
 */
process.on('SIGUSR2', () => {
  // More than once, since the first pass only queues what finalizers hold.
  for (let i = 0; i < 3; i++) globalThis.gc();
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send({ rss, heapUsed, external });
});
