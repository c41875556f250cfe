import { openSync } from 'node:fs';

import { engine } from '../engine.ts';
import { OPERATIONS } from '../operations.ts';
import { tell } from '../tell.ts';
import { mapSource } from './map-source.ts';
import {
  afterOpening,
  lastOpened,
  leftBehind,
  mapSourceFresh,
  rewriteEvents,
  serveLater,
  withOptions,
} from './mount-parts.ts';
import { around, mishear, misreport, type Mutant } from './mutant.ts';

/** Sources that are broken in how they live: what they tell, when, and what they leave behind. */
export const MOUNT_LIFE_MUTANTS: readonly Mutant[] = [
  {
    name: 'mount-follows-slowly',
    lie: 'looks every five seconds and takes no hints',
    cases: ['rotation/swap/*', 'rotation/watch/**', 'rotation/parked/tmp*'],
    apply: () => withOptions({ watch: false, pollIntervalMs: 5000 }),
  },
  {
    name: 'mount-empties-when-renamed',
    lie: 'has nothing when the SVID is of another SPIFFE ID than the first one',
    cases: ['rotation/swap/id-changes'],
    apply: () =>
      afterOpening((source) => {
        const { id } = source.current.svid;
        return mapSource(source, (context) => (context?.svid.id.equals(id) === true ? context : undefined));
      }),
  },
  {
    name: 'mount-tells-twice',
    lie: 'tells every update twice',
    cases: ['rotation/events/**', 'rotation/swap/no-change*'],
    apply: () => rewriteEvents((text) => (text.includes('"source.update"') ? text + text : text)),
  },
  {
    name: 'mount-tells-every-look',
    lie: 'tells an update whenever files are written',
    cases: ['rotation/swap/no-change*'],
    apply: () => {
      misreport('source.open', (answer) => {
        const handle = answer['handle'];
        setInterval(() => {
          void (async () => {
            const get = OPERATIONS.get('source.get');
            const data = await get?.({ handle });
            if (data?.['state'] === 'ready') tell({ event: 'source.update', handle, data });
          })().catch(() => {});
        }, 20).unref();
        return answer;
      });
    },
  },
  {
    name: 'mount-tells-early',
    lie: 'tells an update a moment before it is in use',
    cases: ['rotation/events/**', 'rotation/swap/key*'],
    apply: () => serveLater(300),
  },
  {
    name: 'mount-goes-back',
    lie: 'tells an older SVID after a newer one',
    cases: ['rotation/swap/100*', 'rotation/events/**'],
    apply: () => {
      let first = '';
      let count = 0;
      rewriteEvents((text) => {
        if (!text.includes('"source.update"')) return text;
        if (first === '') first = text;
        return ++count % 3 === 0 ? text + first : text;
      });
    },
  },
  {
    name: 'mount-alarms-at-every-swap',
    lie: 'tells of an error whenever it is written',
    cases: ['rotation/swap/old-dir*'],
    apply: () =>
      rewriteEvents((text) => {
        if (!text.includes('"source.update"')) return text;
        const { handle } = JSON.parse(text) as { handle: string };
        return `${JSON.stringify({ event: 'source.error', handle, data: { code: 'mount.missing' } })}\n${text}`;
      }),
  },
  {
    name: 'mount-serves-expired',
    lie: 'goes on with an SVID that has expired',
    cases: ['rotation/expiry/**', 'mtls-server/rotate/own*', 'mtls-client/pool/own*'],
    apply: () =>
      afterOpening((source) => {
        let latest = source.current;
        return mapSource(source, (context) => (latest = context ?? latest));
      }),
  },
  {
    name: 'mount-timer-overflows',
    lie: 'sets a timer for the end of an SVID, however far that is',
    cases: ['rotation/clock/**'],
    apply: () =>
      afterOpening((source) => {
        let isOver = false;
        setTimeout(() => (isOver = true), source.current.svid.expiresAt - Date.now()).unref();
        return mapSourceFresh(source, (context) => (isOver ? undefined : context));
      }),
  },
  {
    name: 'mount-shares-state',
    lie: 'keeps one source per process',
    cases: ['rotation/two-sources/**'],
    apply: () => {
      let one: Promise<never> | undefined;
      const honest = engine.openMountedX509Source;
      engine.openMountedX509Source = (options) => (one ??= honest(options) as Promise<never>);
    },
  },
  {
    name: 'mount-leaks-descriptors',
    lie: 'opens a file at each update and never closes it',
    cases: ['rotation/leak/**', 'rotation/close/**'],
    apply: () =>
      afterOpening((source) => {
        openSync('/dev/null', 'r');
        source.onUpdate(() => openSync('/dev/null', 'r'));
        return source;
      }),
  },
  {
    name: 'mount-holds-the-process',
    lie: 'leaves a timer behind',
    cases: ['rotation/close/process*'],
    apply: () =>
      afterOpening((source) => {
        setInterval(() => {}, 60_000);
        return source;
      }),
  },
  {
    name: 'mount-talks-after-its-end',
    lie: 'tells of a source that is closed',
    cases: ['rotation/close/**'],
    apply: () =>
      around('source.close', async (params, honest) => {
        const answer = await honest(params);
        setTimeout(() => tell({ event: 'source.update', handle: params['handle'], data: {} }), 5);
        return answer;
      }),
  },
  {
    name: 'mount-takes-what-crashed-writers-left',
    lie: 'reads the oldest generation that is in the directory',
    cases: ['rotation/parked/tmp*'],
    apply: () => {
      misreport('source.wait', (answer) => ({ ...answer, ...leftBehind() }));
      mishear('source.open', (params) => {
        lastOpened.directory = String(params['dir']);
        return params;
      });
    },
  },
  {
    name: 'mount-refuses-p384',
    lie: 'reads no key but those of P-256',
    cases: ['rotation/swap/key*'],
    apply: () =>
      afterOpening((source) => {
        let latest = source.current;
        return mapSource(source, (context) => {
          if (context?.svid.privateKey.asymmetricKeyDetails?.namedCurve === 'prime256v1') latest = context;
          return latest;
        });
      }),
  },
];
