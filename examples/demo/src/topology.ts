/** Our trust domain: the workloads of one company. */
export const OUR_DOMAIN = 'prod.example';
/** A trust domain that ours federates with. It vouches for its own workloads, never for ours. */
export const PARTNER_DOMAIN = 'partner.example';
/** Where names in certificates from before SPIFFE end. */
export const LEGACY_DOMAIN = 'corp.example';

/** The processes that serve, with what each serves by. */
export const TRANSPORTS = {
  frontend: 'https',
  api: 'https',
  ledger: 'https, tls',
  catalog: 'Express',
  pricing: 'Fastify',
  stock: 'http2',
  quotes: 'gRPC',
  archive: 'https, migrating',
  settlement: 'https',
} as const;
/** The name of a serving process. */
export type ServiceName = keyof typeof TRANSPORTS;
/** The names of the processes that serve. */
export const SERVICES = Object.keys(TRANSPORTS) as readonly ServiceName[];

/** The name of a workload with a mount: a service, or one that only calls others. */
export type WorkloadName = ServiceName | 'importer' | 'console';
/** All workloads with a mount. */
export const WORKLOADS: readonly WorkloadName[] = [...SERVICES, 'importer', 'console'];

/** The SPIFFE ID of each workload. */
export const IDS = {
  frontend: `spiffe://${OUR_DOMAIN}/frontend`,
  api: `spiffe://${OUR_DOMAIN}/api`,
  ledger: `spiffe://${OUR_DOMAIN}/ledger`,
  catalog: `spiffe://${OUR_DOMAIN}/catalog`,
  pricing: `spiffe://${OUR_DOMAIN}/pricing`,
  stock: `spiffe://${OUR_DOMAIN}/stock`,
  quotes: `spiffe://${OUR_DOMAIN}/quotes`,
  archive: `spiffe://${OUR_DOMAIN}/archive`,
  importer: `spiffe://${OUR_DOMAIN}/importer`,
  console: `spiffe://${OUR_DOMAIN}/console`,
  settlement: `spiffe://${PARTNER_DOMAIN}/settlement`,
} as const satisfies Record<WorkloadName, string>;

/** Something to connect to. */
export interface Endpoint {
  readonly service: ServiceName;
  /** Whom it admits, as in the code of the service. */
  readonly admits: readonly WorkloadName[];
  readonly speaks: 'http/1.1' | 'h2' | 'grpc' | 'lines';
  /** Where a request is answered that says nothing else. */
  readonly path?: string;
  /** A path below which its first admitted workload alone may ask. */
  readonly restricted?: string;
}

/** What the services listen on. */
export const ENDPOINTS = {
  frontend: { service: 'frontend', admits: ['console'], speaks: 'http/1.1', path: '/status' },
  api: { service: 'api', admits: ['frontend', 'console'], speaks: 'http/1.1', path: '/orders' },
  'api-partners': { service: 'api', admits: ['settlement'], speaks: 'http/1.1', path: '/settlements' },
  ledger: { service: 'ledger', admits: ['api'], speaks: 'http/1.1', path: '/entries' },
  'ledger-journal': { service: 'ledger', admits: ['api'], speaks: 'lines' },
  catalog: {
    service: 'catalog',
    admits: ['frontend', 'console'],
    speaks: 'http/1.1',
    path: '/products',
    restricted: '/discounts',
  },
  pricing: {
    service: 'pricing',
    admits: ['frontend', 'console'],
    speaks: 'http/1.1',
    path: '/prices',
    restricted: '/overrides',
  },
  stock: { service: 'stock', admits: ['api'], speaks: 'h2', path: '/reservations' },
  quotes: { service: 'quotes', admits: ['api'], speaks: 'grpc', path: '/demo.Quotes/Get' },
  archive: { service: 'archive', admits: ['importer'], speaks: 'http/1.1', path: '/deliveries' },
  settlement: { service: 'settlement', admits: ['api'], speaks: 'http/1.1', path: '/notices' },
} as const satisfies Record<string, Endpoint>;

/** The name of something to connect to. */
export type EndpointName = keyof typeof ENDPOINTS;

/** One kind of request that is made all the time. */
export interface Hop {
  readonly from: WorkloadName;
  readonly to: ServiceName;
  /** What the caller calls with. */
  readonly client: string;
  /** What answers. */
  readonly server: string;
}

/** Who calls whom, and with what. */
export const HOPS = {
  status: { from: 'console', to: 'frontend', client: 'https.Agent', server: 'https' },
  orders: { from: 'frontend', to: 'api', client: 'https.Agent', server: 'https' },
  products: { from: 'frontend', to: 'catalog', client: 'undici fetch', server: 'Express' },
  prices: { from: 'frontend', to: 'pricing', client: 'undici dispatcher', server: 'Fastify' },
  entries: { from: 'api', to: 'ledger', client: 'https.Agent', server: 'https' },
  journal: { from: 'api', to: 'ledger', client: 'connectTls', server: 'tls' },
  reservations: { from: 'api', to: 'stock', client: 'http2 client', server: 'http2' },
  quotes: { from: 'api', to: 'quotes', client: 'gRPC channel', server: 'gRPC' },
  ticker: { from: 'api', to: 'quotes', client: 'gRPC channel', server: 'gRPC stream' },
  notices: { from: 'api', to: 'settlement', client: 'https.Agent', server: 'https' },
  settlements: { from: 'settlement', to: 'api', client: 'https.Agent', server: 'https' },
  deliveries: { from: 'importer', to: 'archive', client: 'https.Agent', server: 'https' },
} as const satisfies Record<string, Hop>;

/** The name of a kind of request. */
export type HopName = keyof typeof HOPS;
/** The names of all kinds of requests, in the order of the view. */
export const HOP_NAMES = Object.keys(HOPS) as readonly HopName[];

/** Where everything listens: all on this machine. */
export const HOST = '127.0.0.1';

/** The port of each endpoint. */
export type Ports = Readonly<Record<EndpointName, number>>;

/** What a workload serves by; nothing for one that only calls others. */
export function transportOf(name: WorkloadName): string {
  const transports: Readonly<Partial<Record<WorkloadName, string>>> = TRANSPORTS;
  return transports[name] ?? '';
}
