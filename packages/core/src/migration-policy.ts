import { authorizeEntries } from './authorize-entries.ts';
import { type Authorizer, requireAuthorizer } from './authorizer.ts';
import { SpiffeError } from './errors.ts';
import { type JsonValue, kindOfJson } from './json-reader.ts';
import { Listeners } from './listeners.ts';
import { badPolicy, EntryReader, membersOf, readPolicyJson } from './policy-json.ts';
import { kindOf, quote } from './quote.ts';

/** How far the way from legacy certificates to SPIFFE has been gone. A frozen value; see {@link parseMigrationPolicy}. */
export interface MigrationPolicy {
  /** Whether servers admit legacy peers: only in `permissive` mode. */
  readonly mode: 'permissive' | 'strict';
  /** What clients and servers present first. */
  readonly prefer: 'spiffe' | 'legacy';
  /** Whether authorization only reports what it would refuse. */
  readonly dryRun: boolean;
  /** Who is let in, by name of a service or route. A name that is not there lets in nobody. */
  readonly allow: ReadonlyMap<string, Authorizer>;
}

/** Where a migration policy comes from: it can change at any time. */
export interface MigrationPolicySource {
  /** The policy in use now. Read it once for each decision. */
  readonly current: MigrationPolicy;
  /** Calls `listener` synchronously after each change; one that throws is isolated. Dispose to stop. */
  onUpdate(listener: (policy: MigrationPolicy) => void): Disposable;
}

/** A migration policy whose content the caller provides, and replaces. */
export interface StaticMigrationPolicy extends MigrationPolicySource {
  /**
   * Makes the next policy: what is left out stays as it is.
   *
   * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`; nothing is changed then.
   */
  update(values: Partial<MigrationPolicy>): void;
}

const WHAT = 'a migration policy';
const MODES: readonly MigrationPolicy['mode'][] = ['permissive', 'strict'];
const PREFERENCES: readonly MigrationPolicy['prefer'][] = ['spiffe', 'legacy'];
const DEFAULTS: MigrationPolicy = { mode: 'strict', prefer: 'spiffe', dryRun: false, allow: new Map() };
/** Printable ASCII: a name with a blank at its end looks like one without, and would refuse everybody. */
const NAME = /^[!-~]{1,256}$/;

/**
 * Reads a migration policy: `{ "version": 1, "mode": "permissive", "prefer": "spiffe", "dryRun": false, "allow":
 * { "payments": ["spiffe://prod.example/web", "spiffe://prod.example/batch/*"] } }`. Everything but `version` may be
 * left out: `strict`, `spiffe`, `false` and nobody are the defaults. An entry is a SPIFFE ID, or one with a pattern as
 * path, in the syntax of {@link authorizePath}.
 *
 * @param text - JSON of at most 1 MiB and 10,000 entries. Unknown and repeated members are errors.
 * @throws {@link SpiffeError} `ERR_POLICY_INVALID`. The message names the place.
 */
export function parseMigrationPolicy(text: string): MigrationPolicy {
  const top = readPolicyJson(text, WHAT, ['mode', 'prefer', 'dryRun', 'allow']);
  const read = <T>(name: string, byDefault: T, choices: readonly T[]): T => {
    if (!top.has(name)) return byDefault;
    const value = top.get(name);
    const choice = choices.find((one) => one === value);
    if (choice !== undefined) return choice;
    throw badPolicy(
      WHAT,
      `${choices.join(' or ')} as ${name}`,
      typeof value === 'string' ? quote(value) : kindOfJson(value),
    );
  };
  return Object.freeze({
    mode: read('mode', DEFAULTS.mode, MODES),
    prefer: read('prefer', DEFAULTS.prefer, PREFERENCES),
    dryRun: read('dryRun', DEFAULTS.dryRun, [true, false]),
    allow: top.has('allow') ? readAllow(top.get('allow')) : DEFAULTS.allow,
  });
}

/**
 * A migration policy over values that are at hand.
 *
 * @param values - default: as in {@link parseMigrationPolicy}.
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`.
 */
export function staticMigrationPolicy(values: Partial<MigrationPolicy> = {}): StaticMigrationPolicy {
  const listeners = new Listeners<MigrationPolicy>(WHAT);
  let current = checked({ ...DEFAULTS, ...values });
  return Object.freeze({
    get current() {
      return current;
    },
    onUpdate: (listener: (policy: MigrationPolicy) => void) => listeners.add(listener),
    update(next: Partial<MigrationPolicy>) {
      current = checked({ ...current, ...next });
      listeners.tell(current);
    },
  });
}

function readAllow(value: JsonValue | undefined): ReadonlyMap<string, Authorizer> {
  const entries = new EntryReader(WHAT);
  const allow = new Map<string, Authorizer>();
  for (const [name, list] of membersOf(value, WHAT, 'allow')) {
    if (!NAME.test(name)) {
      throw badPolicy(
        WHAT,
        'names of 1 to 256 printable ASCII characters without blanks in allow',
        quote(name),
      );
    }
    const place = `allow[${quote(name)}]`;
    const authorizer = authorizeEntries((read) =>
      entries.list(list, place, 'a SPIFFE ID or path pattern', read),
    );
    if (authorizer === undefined) {
      throw badPolicy(WHAT, `at least one entry as ${place} (without the name nobody is let in)`, 'none');
    }
    allow.set(name, authorizer);
  }
  return allow;
}

function checked({ mode, prefer, dryRun, allow }: MigrationPolicy): MigrationPolicy {
  if (!MODES.includes(mode)) throw badOption('mode', MODES.join(' or '), mode);
  if (!PREFERENCES.includes(prefer)) throw badOption('prefer', PREFERENCES.join(' or '), prefer);
  if (typeof dryRun !== 'boolean') throw badOption('dryRun', 'true or false', dryRun);
  const given: unknown = allow;
  if (!(given instanceof Map)) throw badOption('allow', 'a Map', given);
  for (const authorizer of allow.values()) requireAuthorizer(authorizer, 'allow');
  return Object.freeze({ mode, prefer, dryRun, allow: new Map(allow) });
}

function badOption(option: string, want: string, value: unknown): SpiffeError {
  const got = typeof value === 'string' ? quote(value) : kindOf(value);
  return new SpiffeError('ERR_CONFIG_OPTION', `want ${want} as ${option} of ${WHAT}, got ${got}`);
}
