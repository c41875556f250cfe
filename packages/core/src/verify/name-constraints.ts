import { type Certificate } from '../certificate.ts';
import { commonNameOf } from '../der/common-name.ts';
import { type NameConstraints } from '../der/extensions.ts';
import { attributesOf, type GeneralName, isEmptyName, NAME_KIND, type NameAttribute } from '../der/names.ts';
import { OID } from '../der/object-identifiers.ts';
import { isInDirectory } from './directory-names.ts';
import { type WorkBudget } from './work-budget.ts';

type Purpose = 'permitted' | 'excluded';

/** Whether a name is in a subtree; undefined when one of them is broken, so that it cannot be told. */
type Match = (name: Buffer, base: Buffer, purpose: Purpose) => boolean | undefined;

// Kinds of names that are missing here cannot be told apart: where they are constrained, they are refused.
const MATCHES: Readonly<Record<number, Match>> = {
  [NAME_KIND.email]: matchEmail,
  [NAME_KIND.dns]: matchDns,
  [NAME_KIND.directory]: isInDirectory,
  [NAME_KIND.uri]: matchUri,
  [NAME_KIND.ip]: matchIp,
};
const KIND_NAMES = Object.fromEntries(Object.entries(NAME_KIND).map(([name, kind]) => [kind, name]));

// Trust domains are more than DNS names: they may have underscores, and dots wherever they like.
const HOST = /^[a-z0-9._-]+$/;
const LABELS = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;
const DOTTED = /^(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)+$/i;
const AUTHORITY = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i;

/**
 * How the names of a certificate break the constraints of a CA above it (RFC 5280 4.2.1.10, 6.1.3 (b) and (c));
 * undefined when they do not. What cannot be decided breaks them.
 *
 * @param commonNameIsName - whether a common name with a dot, if it could be a host, counts as a DNS name.
 * @throws {@link SpiffeError} `ERR_CHAIN_BUDGET`.
 */
export function constraintProblem(
  constraints: NameConstraints,
  certificate: Certificate,
  budget: WorkBudget,
  commonNameIsName = false,
): string | undefined {
  const subtrees = [...constraints.permitted, ...constraints.excluded];
  const attributes = attributesOf(certificate.fields.subject, 'subject').flat();
  const names = namesOf(certificate, attributes);
  // rule: constraints.common-name
  if (commonNameIsName) names.push(...hostOf(certificate));
  // Counted whether they meet or not: a peer must not be able to make us look at thousands of names.
  // rule: budget.comparison-is-paid
  budget.spendComparisons((names.length + attributes.length) * subtrees.length);
  for (const name of names) {
    const permitted = isInAny(name, constraints.permitted, 'permitted');
    // rule: constraints.permitted
    if (permitted === false || permitted === undefined) return `${describe(name)} is not permitted`;
    const excluded = isInAny(name, constraints.excluded, 'excluded');
    // rule: constraints.excluded
    if (excluded === true || excluded === undefined) return `${describe(name)} is excluded`;
  }
  return undefined;
}

/** All names that constraints speak about, which are more than the alternative names. */
function namesOf(certificate: Certificate, attributes: readonly NameAttribute[]): GeneralName[] {
  const { subject, extensions } = certificate.fields;
  const names = [...(extensions.alternativeNames ?? [])];
  if (!isEmptyName(subject)) names.push({ kind: NAME_KIND.directory, value: subject });
  for (const { type, value } of attributes) {
    if (type === OID.emailAddress) names.push({ kind: NAME_KIND.email, value });
  }
  return names;
}

/** The common name as a DNS name, where it could be one. */
function hostOf({ fields }: Certificate): readonly GeneralName[] {
  const commonName = commonNameOf(fields) ?? '';
  return DOTTED.test(commonName) ? [{ kind: NAME_KIND.dns, value: Buffer.from(commonName) }] : [];
}

/**
 * Whether a name is in one of the subtrees of its kind; undefined when that cannot be told. Where there is none of
 * its kind, it is permitted and not excluded.
 */
function isInAny(name: GeneralName, subtrees: readonly GeneralName[], purpose: Purpose): boolean | undefined {
  const match = MATCHES[name.kind];
  let isConstrained = false;
  for (const { kind, value } of subtrees) {
    if (kind !== name.kind) continue;
    isConstrained = true;
    const matched = match?.(name.value, value, purpose);
    if (matched !== false) return matched;
  }
  return purpose === 'permitted' && !isConstrained;
}

function describe(name: GeneralName): string {
  return `a name of kind ${KIND_NAMES[name.kind]}`;
}

/** RFC 5280 4.2.1.10: a host and everything below it. A wildcard stands for every name it could match. */
function matchDns(name: Buffer, base: Buffer, purpose: Purpose): boolean | undefined {
  const host = lower(name);
  const tree = lower(base);
  const isWildcard = host.startsWith('*.');
  const fixed = isWildcard ? host.slice(2) : host;
  // rule: constraints.dns-syntax
  if (!LABELS.test(fixed) || (tree !== '' && !LABELS.test(tree))) return undefined;
  if (tree === '' || fixed === tree || fixed.endsWith(`.${tree}`)) return true;
  const [, ...parent] = tree.split('.');
  // One label in place of the wildcard gives the excluded name.
  return isWildcard && purpose === 'excluded' && parent.join('.') === fixed;
}

/** RFC 5280 4.2.1.10: a host, or with a leading period everything below it; for SPIFFE the trust domain. */
function matchUri(name: Buffer, base: Buffer): boolean | undefined {
  const host = lower(Buffer.from(AUTHORITY.exec(name.toString('latin1'))?.[1] ?? ''));
  const tree = lower(base);
  // Userinfo, ports and addresses in brackets are not in this alphabet.
  // rule: constraints.uri-syntax
  if (!HOST.test(host) || !HOST.test(tree)) return undefined;
  return tree.startsWith('.') ? host.endsWith(tree) && host !== tree : host === tree;
}

/** RFC 5280 4.2.1.10: one mailbox, all of a host, or with a leading period all of the hosts below. */
function matchEmail(name: Buffer, base: Buffer): boolean | undefined {
  const mailbox = splitMailbox(name);
  const tree = base.includes('@') ? splitMailbox(base) : { local: undefined, host: lower(base) };
  // rule: constraints.email-syntax
  if (mailbox === undefined || tree === undefined || !LABELS.test(tree.host.replace(/^\./, '')))
    return undefined;
  if (tree.local !== undefined) return mailbox.local === tree.local && mailbox.host === tree.host;
  return tree.host.startsWith('.') ? mailbox.host.endsWith(tree.host) : mailbox.host === tree.host;
}

function splitMailbox(address: Buffer): { local: string; host: string } | undefined {
  const [local = '', host = '', ...more] = address.toString('latin1').split('@');
  if (local === '' || more.length > 0 || !LABELS.test(lower(Buffer.from(host)))) return undefined;
  return { local, host: host.toLowerCase() };
}

/** RFC 5280 4.2.1.10: address and mask, and the mask is a prefix (RFC 4632 3.1). */
function matchIp(name: Buffer, base: Buffer): boolean | undefined {
  const size = base.length / 2;
  const mask = base.subarray(size);
  // rule: constraints.ip-syntax
  if ((name.length !== 4 && name.length !== 16) || (size !== 4 && size !== 16) || !isPrefix(mask))
    return undefined;
  if (name.length !== size) return false;
  return name.every(
    (octet, index) => (octet & (mask[index] ?? 0)) === ((base[index] ?? 0) & (mask[index] ?? 0)),
  );
}

function isPrefix(mask: Buffer): boolean {
  const bits = Array.from(mask, (octet) => octet.toString(2).padStart(8, '0')).join('');
  return !bits.includes('01');
}

/** Certificates and constraints are ASCII here, so this is the case-folding that DNS asks for. */
function lower(ascii: Buffer): string {
  return ascii.toString('latin1').toLowerCase();
}
