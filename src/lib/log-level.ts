/**
 * How much is logged. It has a file of its own so that the library's types name no logger.
 *
 * @module
 */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';
