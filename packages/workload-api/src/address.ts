import { isIP } from 'node:net';

import { SpiffeError } from '@svidkit/core';

import { plainText } from './plain-text.ts';

/** Where a Workload API or a broker listens. */
export type EndpointAddress =
  | { readonly scheme: 'unix'; readonly path: string; readonly text: string }
  | { readonly scheme: 'tcp'; readonly host: string; readonly port: number; readonly text: string };

/** Names the address where no option does: SPIFFE Workload Endpoint 4. */
export const ADDRESS_VARIABLE = 'SPIFFE_ENDPOINT_SOCKET';

/** What is an address, and who names it. */
export interface AddressRules {
  /** Whose address: `the Workload API`. */
  readonly name: string;
  readonly variable: string;
  /** Whether a host may be a DNS name, and not only an IP address. */
  readonly allowsNames: boolean;
}

const WORKLOAD_API: AddressRules = {
  name: 'the Workload API',
  variable: ADDRESS_VARIABLE,
  allowsNames: false,
};

/**
 * The address of the option, else of the environment. Both unset and empty mean that there is none.
 *
 * @throws {@link SpiffeError} `ERR_WORKLOAD_API_ADDRESS`.
 */
export function chooseAddress(
  option: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  rules: AddressRules = WORKLOAD_API,
): EndpointAddress {
  const { name, variable } = rules;
  if (option !== undefined) return parseAddress(option, 'option address', rules);
  const value = env[variable];
  if (value !== undefined && value !== '') return parseAddress(value, variable, rules);
  throw new SpiffeError(
    'ERR_WORKLOAD_API_ADDRESS',
    `want the address of ${name} as ${variable} or option address, got ${value === '' ? 'an empty variable' : 'neither'}`,
    { hint: `Set ${variable} to ${formsOf(rules)}, as the agent of this machine says.` },
  );
}

/**
 * Reads an address as SPIFFE Workload Endpoint 4 has it: `unix:` with an absolute path and nothing else, or `tcp:` with
 * an IP address (or a DNS name, where the rules allow one: SPIFFE Broker Endpoint 4), a port and nothing else. Nothing is
 * repaired.
 *
 * @param origin - who named it, for messages.
 * @throws {@link SpiffeError} `ERR_WORKLOAD_API_ADDRESS`.
 */
export function parseAddress(
  text: unknown,
  origin: string,
  rules: AddressRules = WORKLOAD_API,
): EndpointAddress {
  const fail = (problem: string): never => {
    throw new SpiffeError(
      'ERR_WORKLOAD_API_ADDRESS',
      `want ${formsOf(rules)} as ${origin}, got ${problem} in "${plainText(String(text))}"`,
      { hint: 'See the section "Addresses" of the guide to the Workload API.' },
    );
  };
  if (typeof text !== 'string') return fail(`a ${typeof text}`);
  if (text.startsWith('unix:')) return parseUnix(text, fail);
  if (text.startsWith('tcp:')) return parseTcp(text, fail, rules);
  return fail('another scheme, or none');
}

function formsOf({ allowsNames }: AddressRules): string {
  return `unix:///absolute/path or tcp://${allowsNames ? 'IP-address-or-name' : 'IP-address'}:port`;
}

// By hand and never by WHATWG URL, which would drop an empty user name or port and rewrite paths.
function parseUnix(text: string, fail: (problem: string) => never): EndpointAddress {
  let rest = text.slice('unix:'.length);
  if (rest.startsWith('//')) {
    const end = rest.indexOf('/', 2);
    const authority = end === -1 ? rest.slice(2) : rest.slice(2, end);
    if (authority !== '') return fail('an authority before the path');
    rest = end === -1 ? '' : rest.slice(end);
  }
  if (rest.includes('?')) return fail('a query');
  if (rest.includes('#')) return fail('a fragment');
  if (!rest.startsWith('/')) return fail(rest === '' ? 'no path' : 'a path that is not absolute');
  if (/^\/+$/u.test(rest)) return fail('a path that names no socket');
  const path = decodePath(rest);
  if (path === undefined) return fail('bad percent-encoding');
  if (hasControlCharacter(path)) return fail('a control character');
  return Object.freeze({ scheme: 'unix', path, text });
}

function parseTcp(
  text: string,
  fail: (problem: string) => never,
  { allowsNames }: AddressRules,
): EndpointAddress {
  if (!text.startsWith('tcp://')) return fail('no host');
  const rest = text.slice('tcp://'.length);
  for (const [mark, what] of [
    ['@', 'user information'],
    ['?', 'a query'],
    ['#', 'a fragment'],
    ['/', 'a path'],
  ] as const) {
    if (rest.includes(mark)) return fail(what);
  }
  const [, bracketed, plain, digits] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/su.exec(rest) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) return fail('no host and port');
  const isAddress = bracketed === undefined ? isIP(host) === 4 : isIP(host) === 6 && !host.includes('%');
  if (!isAddress && !(allowsNames && bracketed === undefined && isDnsName(host))) {
    return fail(host === '' ? 'no host' : `a host that is no IP address${allowsNames ? ' and no name' : ''}`);
  }
  if (digits === undefined || digits === '') return fail('no port');
  const port = /^\d{1,5}$/u.test(digits) ? Number(digits) : 0;
  if (port < 1 || port > 65_535) return fail('a port out of range');
  return Object.freeze({ scheme: 'tcp', host, port, text });
}

/** RFC 1123 2.1; with a last label that is no number, so that nobody takes it for an unusual form of an IP address. */
function isDnsName(host: string): boolean {
  const labels = host.split('.');
  return (
    host.length <= 253 &&
    labels.every((label) => /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/u.test(label)) &&
    !/^(?:\d+|0[xX][\dA-Fa-f]*)$/u.test(labels.at(-1) ?? '')
  );
}

function decodePath(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

function hasControlCharacter(text: string): boolean {
  return Array.from(text).some((one) => one < ' ' || one === '\u007F');
}
