/**
 * Which answer a connection owes: node keeps it where its own handler of malformed requests looks for it, too.
 *
 * @module
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** @returns undefined where none is due */
export function answerDue(socket: Socket): ServerResponse | undefined {
  return (socket as { _httpMessage?: ServerResponse | null })._httpMessage ?? undefined;
}
