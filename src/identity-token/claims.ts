/**
 * The names in an identity token that both who writes and who checks it must agree on.
 *
 * @module
 */

/** The claim that STS reads session tags from. */
export const TAGS_CLAIM = 'https://aws.amazon.com/tags';

/** The subject of a wallet's identity token. */
export function subjectOf(wallet: string): string {
  return `agentkeys:agent:${wallet}`;
}
