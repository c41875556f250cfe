/** A distinguished name of one common name, as text. */
export function commonName(name: string): string {
  return `CN=${name.replaceAll(/[\\,+"<>;=#]/g, String.raw`\$&`)}`;
}
