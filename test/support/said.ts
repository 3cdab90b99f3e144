/**
 * What a process that runs on has printed so far, and waiting for more of it.
 *
 * @module
 */
import type { ChildProcess } from 'node:child_process';

export interface Said {
  /** All of it, standard output and standard error as they came. */
  said(): string;
  /** Resolves with the first line that holds the text; rejects where the process ends without it. */
  says(wanted: string): Promise<string>;
  /** Its exit code. */
  readonly ended: Promise<number | null>;
}

/** @param name for errors */
export function listenTo(child: ChildProcess, name: string): Said {
  let text = '';
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', chunk => {
      text += chunk;
      for (const look of waiting) look();
    });
  const ended = new Promise<number | null>(resolve => child.once('close', code => resolve(code)));
  const says = (wanted: string) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const line = text.split('\n').find(each => each.includes(wanted));
        if (line === undefined) return;
        waiting.delete(look);
        resolve(line);
      };
      waiting.add(look);
      void ended.then(code => {
        if (waiting.delete(look)) reject(new Error(`${name} ended with ${code} before it said ${wanted}:\n${text}`));
      });
      look();
    });
  return { said: () => text, says, ended };
}
