import { SpiffeError } from '@svidkit/core';

/** Anything else is repaired or dropped by readers of URLs: tabs, line breaks, backslashes, an empty `@`. */
const PRINTABLE = /^[!-[\]-~]+$/;
const ABSOLUTE = /^https:\/\/([^/?#]+)(?:[/?#]|$)/i;
const SCHEME = /^[a-z][a-z\d+.-]*:/i;

/**
 * Reads the URL of a bundle endpoint, whatever profile it has: `https` and no user information, not even an empty one.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`. The message does not show the URL, which may have a password in it.
 * @see Federation 5.2.1.1, 5.2.2.1
 */
export function parseEndpointUrl(text: string): URL {
  const problem = urlProblem(text);
  if (problem !== undefined) throw badUrl(problem);
  return new URL(text);
}

/**
 * Where a redirect leads.
 *
 * @returns the URL, or why it is no bundle endpoint.
 * @see Federation 5.2.1.4, 5.2.2.4
 */
export function redirectTarget(location: string, from: URL): URL | string {
  if (!PRINTABLE.test(location)) return 'it has characters that URLs do not have';
  const isRelative = !SCHEME.test(location) && !location.startsWith('//');
  const text = location.startsWith('//') ? `https:${location}` : location;
  if (isRelative) return URL.canParse(location, from.href) ? new URL(location, from) : 'it is no URL';
  return urlProblem(text) ?? new URL(text);
}

function urlProblem(text: unknown): string | undefined {
  if (typeof text !== 'string' || !PRINTABLE.test(text)) return 'it is no URL';
  const authority = ABSOLUTE.exec(text)?.[1];
  if (authority === undefined) return 'its scheme is not https';
  if (authority.includes('@')) return 'it has user information';
  if (!URL.canParse(text)) return 'it is no URL';
  // Readers of URLs decode hosts, and take numbers for addresses; no two of them shall come to different ones.
  const isAsWritten = authority.startsWith('[') || new URL(text).host === plainHost(authority);
  return isAsWritten ? undefined : 'its host is not written plainly';
}

function plainHost(authority: string): string {
  return authority.toLowerCase().replace(/:(?:443)?$/, '');
}

function badUrl(problem: string): SpiffeError {
  return new SpiffeError('ERR_CONFIG_OPTION', `the url of a bundle endpoint: ${problem}`, {
    hint: 'Write it as https://host/path.',
  });
}
