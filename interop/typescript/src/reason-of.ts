import { type SpiffeError } from '@svidkit/core';

/** What an error of svidkit is called in the kit: the code, what the message says where the code is wider, the reason. */
const REASONS: readonly (readonly [code: string, message: RegExp, reason: string])[] = [
  ['ERR_ID_TOO_LONG', /trust domain/, 'id.td.length'],
  ['ERR_ID_TOO_LONG', /./, 'id.length'],
  ['ERR_ID_INVALID', /path segment, got "": it is empty/, 'id.path.empty-segment'],
  ['ERR_ID_INVALID', /: it is empty/, 'id.empty'],
  ['ERR_ID_INVALID', /: its trust domain is empty/, 'id.td.empty'],
  ['ERR_ID_INVALID', /: it does not start with "spiffe|: its scheme/, 'id.scheme'],
  ['ERR_ID_INVALID', /: its trust domain is not in lower case/, 'id.td.case'],
  ['ERR_ID_INVALID', /: it has user information/, 'id.userinfo'],
  ['ERR_ID_INVALID', /: it has a port/, 'id.port'],
  ['ERR_ID_INVALID', /: it has a query/, 'id.query'],
  ['ERR_ID_INVALID', /: it has a fragment/, 'id.fragment'],
  ['ERR_ID_INVALID', /: it is percent-encoded/, 'id.percent'],
  ['ERR_ID_INVALID', /: it has an IPv6 address|: its trust domain has the illegal/, 'id.td.char'],
  ['ERR_ID_INVALID', /: its path has the illegal/, 'id.path.char'],
  ['ERR_ID_INVALID', /: its path has an empty segment/, 'id.path.empty-segment'],
  ['ERR_ID_INVALID', /: its path has a "\." or/, 'id.path.dot'],
  ['ERR_ID_INVALID', /: it ends with "\/"/, 'id.path.trailing-slash'],
  ['ERR_ID_INVALID', /: it does not start with "\/"/, 'id.path.no-slash'],
  ['ERR_CONFIG_AUTHORIZER', /./, 'authz.rule'],
];

/** The reason code of an error; `unknown` when the table has none, which is never an answer to rely on. */
export function reasonOf({ code, message }: SpiffeError): string {
  return REASONS.find((row) => row[0] === code && row[1].test(message))?.[2] ?? 'unknown';
}
