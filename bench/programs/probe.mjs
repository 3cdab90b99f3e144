/**
 * Loaded before a server by `--import`: at SIGUSR2 it sends over IPC what memory is held after garbage collection.
 *
 * It is a signal and not a message, because the server listens for messages of its own.
 *
 * @module
 */
process.on('SIGUSR2', () => {
  // More than once, since the first pass only queues what finalizers hold.
  for (let i = 0; i < 3; i++) globalThis.gc();
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send({ rss, heapUsed, external });
});
