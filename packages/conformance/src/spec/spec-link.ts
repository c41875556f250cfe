import { SPEC_DOCUMENTS } from './spec-documents.ts';

/** The commit of the SPIFFE standards that quotes and sections are of. */
export const SPEC_COMMIT = '665a28f3253ecdce59f26f3ef29c0d6408b37c3d';

/**
 * Where a section can be read.
 *
 * @param doc - `X509-SVID`, `RFC5280`; what is none of the standards (`KIT`) has no address.
 * @param section - `2.1`, `Appendix A` or `A`.
 */
export function specLink(doc: string, section: string): string | undefined {
  const rfc = /^RFC(\d+)$/.exec(doc)?.[1];
  if (rfc !== undefined) {
    const place = /^\d[\d.]*$/.test(section) ? `#section-${section}` : '';
    return `https://www.rfc-editor.org/rfc/rfc${rfc}${place}`;
  }
  const document = Object.hasOwn(SPEC_DOCUMENTS, doc) ? SPEC_DOCUMENTS[doc] : undefined;
  if (document === undefined) return undefined;
  const heading = section
    .toLowerCase()
    .replace(/^(appendix )?(?=[a-z])/, 'appendix ')
    .replaceAll('.', '')
    .replaceAll(' ', '-');
  const anchor = document.anchors.find((one) => one === heading || one.startsWith(`${heading}-`));
  const place = anchor === undefined ? '' : `#${anchor}`;
  return `https://github.com/spiffe/spiffe/blob/${SPEC_COMMIT}/standards/${document.file}${place}`;
}
