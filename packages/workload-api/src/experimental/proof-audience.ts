import { badTokenOption } from '@svidkit/core/jws';

/**
 * An audience in the one form in which two are compared: an `https:` URL without query and fragment, as `fetch` would
 * send it; any other text as it is.
 *
 * @see WIMSE Workload Proof Token 2
 */
export function normalAudience(text: string): string {
  if (!/^https:/i.test(text) || !URL.canParse(text)) return text;
  const { origin, pathname } = new URL(text);
  return origin + pathname;
}

/**
 * The target of a request: where it was sent to, as its server knows itself, and the path that it asks for. What the
 * request says about its host is not believed.
 *
 * @param url - of the request: a path, as node:http has it, or a whole URL, whose origin is passed over.
 * @returns undefined for a path in another form than `fetch` would send it: routers could read it as another one.
 */
export function targetOf(origin: string, url: string): string | undefined {
  const path = url.startsWith('/') ? url : URL.canParse(url) ? new URL(url).pathname : undefined;
  // Without its slash a path would go on with the name of the host.
  if (path?.startsWith('/') !== true) return undefined;
  const target = origin + path.replace(/[?#].*$/s, '');
  return normalAudience(target) === target ? target : undefined;
}

/**
 * Checks the origins by which a server is called: `https://payments.example`.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`.
 */
export function originsOf(given: string | readonly string[]): readonly string[] {
  const list: readonly unknown[] = typeof given === 'string' ? [given] : given;
  if (!Array.isArray(given) && typeof given !== 'string') {
    throw badTokenOption('origin', 'one or more origins', 'something else');
  }
  const origins = list.map((one) =>
    typeof one === 'string' && URL.canParse(one) ? new URL(one) : undefined,
  );
  if (
    origins.length === 0 ||
    origins.some((url) => url?.protocol !== 'https:' || url.href !== `${url.origin}/`)
  ) {
    // WIT-SVID 7.3: over a secure channel alone.
    throw badTokenOption('origin', 'one or more origins with https: and without a path', 'something else');
  }
  return origins.flatMap((url) => url?.origin ?? []);
}
