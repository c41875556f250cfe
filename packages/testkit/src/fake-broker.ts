import { createSecureServer, type Http2SecureServer } from 'node:http2';

import {
  BROKER_SECURITY_HEADER,
  BrokerApi,
  decodeMessage,
  KubernetesObjectReferenceSchema,
  type MessageShape,
  WorkloadPIDReferenceSchema,
} from '@svidkit/workload-api/protocol';

import { type FakeEndpoint, startFakeEndpoint } from './fake-endpoint.ts';
import { FakeMethod } from './fake-method.ts';
import { peerIdOf } from './peer-id-of.ts';
import { type TestBundle } from './test-bundle.ts';
import { type TestCertificate } from './test-svid.ts';

type Methods = typeof BrokerApi.method;
type Fake<Name extends keyof Methods> = FakeMethod<Methods[Name]['input'], Methods[Name]['output']>;

/** What a {@link startFakeBroker} is. */
export interface FakeBrokerOptions {
  /** What it presents. */
  readonly certificate: TestCertificate;
  /** The authorities of its clients, of one or more trust domains. OpenSSL verifies them: nothing of svidkit does. */
  readonly trust: TestBundle | readonly TestBundle[];
  /** The SPIFFE IDs that may ask. Default: every client with a certificate of `trust`. */
  readonly brokers?: readonly string[];
  /** Where it listens: on a socket in a directory of its own, or on the loopback address. @default 'unix' */
  readonly transport?: 'unix' | 'tcp';
}

/** Whose material was asked for, as the request says. */
export type ReferencedWorkload =
  | { readonly pid: number }
  | {
      readonly kubernetes: Pick<MessageShape<typeof KubernetesObjectReferenceSchema>, 'type' | 'key' | 'uid'>;
    };

/**
 * A server of the SPIFFE Broker API that does what a test tells it, over a real socket, real mutual TLS and real HTTP/2.
 * Its address is for `SPIFFE_BROKER_SOCKET` or option `address`.
 */
export interface FakeBroker extends FakeEndpoint {
  readonly subscribeToX509Svid: Fake<'subscribeToX509SVID'>;
  readonly subscribeToX509Bundles: Fake<'subscribeToX509Bundles'>;
  readonly fetchJwtSvid: Fake<'fetchJWTSVID'>;
  readonly subscribeToJwtBundles: Fake<'subscribeToJWTBundles'>;
  /** Presents another certificate on new connections. */
  present(certificate: TestCertificate): void;
}

/**
 * Starts a fake broker endpoint. Like a real one it refuses clients without a certificate that it trusts, requests without
 * the security header, and, until it is told what to give, every workload.
 */
export async function startFakeBroker(options: FakeBrokerOptions): Promise<FakeBroker> {
  const { trust, brokers, transport = 'unix' } = options;
  const bundles: readonly TestBundle[] = 'bundlePem' in trust ? [trust] : trust;
  let { certificate } = options;
  let server: Http2SecureServer | undefined;
  const { subscribeToX509SVID, subscribeToX509Bundles, fetchJWTSVID, subscribeToJWTBundles } =
    BrokerApi.method;
  const methods = {
    subscribeToX509Svid: new FakeMethod(subscribeToX509SVID),
    subscribeToX509Bundles: new FakeMethod(subscribeToX509Bundles),
    fetchJwtSvid: new FakeMethod(fetchJWTSVID),
    subscribeToJwtBundles: new FakeMethod(subscribeToJWTBundles),
  };
  const context = (): { cert: string; key: string; ca: string[] } => ({
    cert: certificate.certPem,
    key: certificate.keyPem,
    ca: bundles.map(({ bundlePem }) => bundlePem),
  });
  const endpoint = await startFakeEndpoint({
    transport,
    makeServer() {
      server = createSecureServer({ ...context(), requestCert: true, rejectUnauthorized: true });
      return server;
    },
    securityHeader: BROKER_SECURITY_HEADER,
    methods: Object.values(methods).map((one) => one.served),
    objection: (stream) =>
      brokers === undefined || brokers.includes(peerIdOf(stream) ?? '')
        ? undefined
        : { code: 7, details: 'not a broker' },
  });
  return Object.freeze<FakeBroker>({
    ...methods,
    ...endpoint,
    get connections() {
      return endpoint.connections;
    },
    present(next) {
      certificate = next;
      server?.setSecureContext(context());
    },
  });
}

/**
 * Whose material a request to a fake broker asks for; undefined for a reference that is none of those of the standard.
 *
 * @param request - of one of its calls, or as its methods hand it to a function that answers.
 */
export function referencedWorkload({
  reference,
}: Pick<MessageShape<Methods['subscribeToX509SVID']['input']>, 'reference'>): ReferencedWorkload | undefined {
  const packed = reference?.reference;
  if (packed === undefined) return undefined;
  const { typeUrl, value } = packed;
  if (typeUrl === `type.googleapis.com/${WorkloadPIDReferenceSchema.typeName}`) {
    return { pid: decodeMessage(WorkloadPIDReferenceSchema, value).pid };
  }
  if (typeUrl === `type.googleapis.com/${KubernetesObjectReferenceSchema.typeName}`) {
    const { type, key, uid } = decodeMessage(KubernetesObjectReferenceSchema, value);
    return { kubernetes: { uid, ...(type && { type }), ...(key && { key }) } };
  }
  return undefined;
}
