import { choice, type Draft, ok, reject } from '../draft.ts';
import { type Certificate } from '../pki/certificate.ts';
import { pem } from '../pki/der.ts';
import { pkcs8Of } from '../pki/keys.ts';
import { RecipeBook } from '../pki/recipe-book.ts';
import { ROOT, ROOT_B, ROOT_KEY, TD } from '../pki/world.ts';
import { type SuiteDraft } from '../render.ts';
import { SPEC } from '../spec-quotes.ts';

const ROW = 176;

/** Row 176 of the catalogue: bundles as PEM. */
export function bundlePemSuite(): SuiteDraft {
  const book = new RecipeBook();
  const block = ({ der }: Certificate): string => pem('CERTIFICATE', der);
  const read = (id: string, title: string, text: string, found: readonly Certificate[]): Draft => ({
    row: ROW,
    id,
    title,
    level: 'ref',
    spec: [SPEC.kit('bundle.parsePem')],
    op: 'bundle.parsePem',
    params: { trustDomain: TD, pem: text },
    expect: ok({ trustDomain: TD, x509Sha256: found.map((one) => book.fingerprint(one)).toSorted() }),
  });
  const refused = (id: string, title: string, text: string, ...codes: readonly string[]): Draft => ({
    ...read(id, title, text, []),
    control: 'pem/many',
    expect: reject(...codes),
  });
  const corrupt = block(ROOT_B).replace(/.{64}\n(?=.*\n-----END)/s, '');
  return {
    suite: 'bundle-pem',
    recipes: book.recipes,
    drafts: [
      read('pem/one', 'one authority is read', block(ROOT), [ROOT]),
      read('pem/many', 'several authorities are read', block(ROOT) + block(ROOT_B), [ROOT, ROOT_B]),
      {
        ...read('choice/empty', 'an empty text is refused, or a bundle that trusts nobody', '\n', []),
        level: 'choice',
        control: 'pem/many',
        why: 'what must not happen is that the bundle before it goes on to count, or any other one',
        expect: choice({
          'trusts-nobody': ok({ trustDomain: TD, x509Sha256: [] }),
          refused: reject('pem.none', 'bundle.empty', 'bundle.malformed', 'pem.malformed'),
        }),
      },
      refused(
        'pem/not-pem',
        'text without a block is no bundle',
        'this is no PEM\n',
        'pem.none',
        'bundle.malformed',
        'pem.malformed',
      ),
      refused(
        'pem/key-inside',
        'a private key does not belong into a bundle',
        block(ROOT) + pem('PRIVATE KEY', pkcs8Of(ROOT_KEY)),
        'pem.block',
        'bundle.malformed',
      ),
      refused(
        'pem/corrupt-second',
        'one broken authority spoils the whole bundle',
        block(ROOT) + corrupt,
        'der.malformed',
        'bundle.malformed',
        'pem.malformed',
      ),
    ],
  };
}
