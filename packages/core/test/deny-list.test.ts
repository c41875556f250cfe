import { createHash, X509Certificate } from 'node:crypto';

import { createTestCa, type TestCa } from '@svidkit/testkit';
import { beforeAll, describe, expect, test, vi } from 'vitest';

import { type AuthorizedSubject } from '../src/authorizer.ts';
import { Certificate } from '../src/certificate.ts';
import { type DenyListEntries, parseDenyList, staticDenyList } from '../src/deny-list.ts';
import { SpiffeId } from '../src/spiffe-id.ts';
import { outcomeOf } from './failure-of.ts';

let ca: TestCa;
let one: AuthorizedSubject;
let other: AuthorizedSubject;

async function peer(path: string): Promise<AuthorizedSubject> {
  const { chainDer } = await ca.issue({ path });
  const leaf = Certificate.parse(chainDer[0] ?? new Uint8Array());
  return { id: SpiffeId.parse(`spiffe://a.test${path}`), leaf };
}

/** The fingerprint of a key as an operator would get it, by other code than ours. */
function keyOf({ leaf }: AuthorizedSubject): string {
  const spki = new X509Certificate(leaf.der).publicKey.export({ type: 'spki', format: 'der' });
  return `sha256:${createHash('sha256').update(spki).digest('hex')}`;
}

beforeAll(async () => {
  ca = await createTestCa({ trustDomain: 'a.test' });
  [one, other] = [await peer('/one'), await peer('/one/other')];
});

describe('a deny list', () => {
  test('denies the ID that it names, and no ID that only begins or ends like it', () => {
    const list = staticDenyList({ ids: ['spiffe://a.test/one'] });
    expect(list.reason(one)).toBe('the deny list names spiffe://a.test/one');
    expect(list.reason(other)).toBeUndefined();
    expect(list.reason({ ...one, id: SpiffeId.parse('spiffe://b.test/one') })).toBeUndefined();
  });

  test('denies the key that it names, whatever ID is shown with it', () => {
    const list = staticDenyList({ keys: [keyOf(one)] });
    expect(list.reason(one)).toBe(`the deny list names the key ${keyOf(one)}`);
    expect(list.reason({ ...one, id: other.id })).toBeDefined();
    expect(list.reason(other)).toBeUndefined();
  });

  test('denies nobody when it is empty', () => {
    for (const list of [staticDenyList({}), staticDenyList({ ids: [], keys: new Set() })]) {
      expect(list.reason(one)).toBeUndefined();
    }
  });

  test('a document that was read serves as its entries', () => {
    const text = JSON.stringify({ version: 1, deny: { ids: ['spiffe://a.test/one'], keys: [keyOf(other)] } });
    const document = parseDenyList(text);
    expect(Object.isFrozen(document)).toBe(true);
    const list = staticDenyList(document);
    expect([list.reason(one), list.reason(other)]).toEqual([expect.any(String), expect.any(String)]);
  });

  test('tells its listeners synchronously, after the change, and only when there is one', () => {
    const list = staticDenyList({});
    const seen: (string | undefined)[] = [];
    const subscription = list.onUpdate(() => seen.push(list.reason(one)));
    list.update({ ids: [one.id] });
    expect(seen).toEqual(['the deny list names spiffe://a.test/one']);
    list.update({ ids: ['spiffe://a.test/one', 'spiffe://a.test/one'] });
    expect(seen).toHaveLength(1);
    list.update({ ids: ['spiffe://a.test/one'], keys: [keyOf(one)] });
    list.update({});
    expect(seen.slice(1)).toEqual(['the deny list names spiffe://a.test/one', undefined]);
    subscription[Symbol.dispose]();
    list.update({ ids: [one.id] });
    expect(seen).toHaveLength(3);
  });

  test('a listener that throws disturbs neither the change nor the others', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue();
    const list = staticDenyList({});
    let told = 0;
    list.onUpdate(() => {
      throw new Error('listener');
    });
    list.onUpdate(() => told++);
    list.update({ ids: [one.id] });
    expect(told).toBe(1);
    expect(list.reason(one)).toBeDefined();
    expect(warn).toHaveBeenCalledOnce();
  });

  test.each([
    [{ ids: 'spiffe://a.test/one' }, 'ERR_CONFIG_OPTION'],
    [{ ids: ['spiffe://a.test'] }, 'ERR_CONFIG_OPTION'],
    [{ ids: ['spiffe://a.test/*'] }, 'ERR_ID_INVALID'],
    [{ ids: [undefined] }, 'ERR_ID_INVALID'],
    [{ ids: 1 }, 'ERR_CONFIG_OPTION'],
    [{ keys: 'sha256:' }, 'ERR_CONFIG_OPTION'],
    [{ keys: ['f'.repeat(64)] }, 'ERR_CONFIG_OPTION'],
    [{ keys: [`sha256:${'F'.repeat(64)}`] }, 'ERR_CONFIG_OPTION'],
    [{ keys: [1] }, 'ERR_CONFIG_OPTION'],
  ])('refuses %j, and keeps what it has', (entries, code) => {
    expect(outcomeOf(() => staticDenyList(entries as DenyListEntries))).toBe(code);
    const list = staticDenyList({ ids: [one.id] });
    expect(outcomeOf(() => list.update(entries as DenyListEntries))).toBe(code);
    expect(list.reason(one)).toBeDefined();
  });
});
