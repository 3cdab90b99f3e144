/**
 * Variables as text for a POSIX shell.
 *
 * @module
 */
import { emptyProfiles, OTHER_PROVIDERS } from './other-providers.ts';

/** One `export` line a variable, each value quoted where it needs it. */
export function exportLines(variables: Readonly<Record<string, string>>): string[] {
  return Object.entries(variables).map(([name, value]) => `export ${name}=${shellQuoted(value)}`);
}

/**
 * The exports, and one `unset` that keeps other credential providers away.
 *
 * @param env of the shell that will run the lines
 */
export function shellEnvironment(variables: Readonly<Record<string, string>>, env: NodeJS.ProcessEnv): string[] {
  const exported = { ...variables, ...emptyProfiles(env) };
  const others = OTHER_PROVIDERS.filter(name => !(name in exported));
  return [`unset ${others.join(' ')}`, ...exportLines(exported)];
}

/** As one word of a POSIX shell. */
export function shellQuoted(value: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
