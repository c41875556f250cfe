const SHOWN = 200;

/**
 * Text from elsewhere for a message: printable ASCII as it is, everything else as `\u` escapes, and no more than the
 * first 200 characters. Without `secrets`, in whatever it says.
 *
 * @internal
 */
export function plainText(text: string, secrets: readonly string[] = []): string {
  let rest = text;
  for (const secret of secrets) if (secret !== '') rest = rest.replaceAll(secret, '[...]');
  let shown = '';
  for (let index = 0; index < Math.min(rest.length, SHOWN); index++) {
    const code = rest.charCodeAt(index);
    shown +=
      code >= 0x20 && code < 0x7f ? rest.charAt(index) : String.raw`\u` + code.toString(16).padStart(4, '0');
  }
  return rest.length > SHOWN ? `${shown}... (${rest.length} characters)` : shown;
}
