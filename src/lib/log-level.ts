/**
 * How much is logged. By itself, so that the library's types name no logger.
 *
 * @module
 */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';
