/**
 * The header fields that mark `mint-aws-creds` as deprecated (RFC 9745), and the page that they point to.
 *
 * @module
 */

/** Served by the broker itself; the link is relative, so that it works under whatever prefix a proxy gives the broker. */
export const MIGRATION_PATH = '/migration';

/** Deprecated since the sidecar's first release, 2026-11-23. */
export const DEPRECATED: Readonly<Record<string, string>> = {
  Deprecation: `@${Date.UTC(2026, 10, 23) / 1_000}`,
  Link: `<..${MIGRATION_PATH}>; rel="deprecation"; type="text/plain"`,
};

export const MIGRATION_TEXT = `POST /v1/mint-aws-creds goes on working, and is deprecated: it hands a program one session's credentials, which end
within the hour and can't renew themselves.

Instead, run the walletcreds sidecar beside the program and give it AWS_CONTAINER_CREDENTIALS_FULL_URI and
AWS_CONTAINER_AUTHORIZATION_TOKEN: any AWS SDK then asks for credentials and renews them. Where a sidecar can't
run, \`walletcreds exec WORKLOAD -- CMD\` does the same for one program.

The steps, for operators and for callers, are in docs/migration.md of the walletcreds repository.
`;
