/**
 * Loaded in front of a server by `--import`: tells over IPC what memory it holds once garbage is collected.
 *
 * @module
 */
process.on('message', message => {
  if (message !== 'memory') return;
  // Twice, since the first pass only queues what finalizers hold.
  for (let i = 0; i < 3; i++) globalThis.gc();
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send({ rss, heapUsed, external });
});
process.channel?.unref();
