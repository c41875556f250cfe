/** Our trust domain: the workloads of one company. */
export const OUR_DOMAIN = 'prod.example';
/** A trust domain that ours federates with. It vouches for its own workloads, never for ours. */
export const PARTNER_DOMAIN = 'partner.example';

/** The processes that serve. */
export const SERVICES = ['frontend', 'api', 'ledger', 'settlement'] as const;
/** The name of a serving process. */
export type ServiceName = (typeof SERVICES)[number];

/** The workloads that have a mount: the services, and the console, which watches them. */
export const WORKLOADS = [...SERVICES, 'console'] as const;
/** The name of a workload with a mount. */
export type WorkloadName = (typeof WORKLOADS)[number];

/** The SPIFFE ID of each workload. */
export const IDS = {
  frontend: `spiffe://${OUR_DOMAIN}/frontend`,
  api: `spiffe://${OUR_DOMAIN}/api`,
  ledger: `spiffe://${OUR_DOMAIN}/ledger`,
  console: `spiffe://${OUR_DOMAIN}/console`,
  settlement: `spiffe://${PARTNER_DOMAIN}/settlement`,
} as const satisfies Record<WorkloadName, string>;

/** The names of what the services listen on, with whom each admits (as in the code of the service). */
export const ENDPOINTS = {
  frontend: { service: 'frontend', admits: ['console'] },
  api: { service: 'api', admits: ['frontend', 'console'] },
  'api-partners': { service: 'api', admits: ['settlement'] },
  ledger: { service: 'ledger', admits: ['api'] },
  'ledger-journal': { service: 'ledger', admits: ['api'] },
  settlement: { service: 'settlement', admits: ['api'] },
} as const satisfies Record<
  string,
  { readonly service: ServiceName; readonly admits: readonly WorkloadName[] }
>;

/** The name of something to connect to. */
export type EndpointName = keyof typeof ENDPOINTS;

/** Where everything listens: all on this machine. */
export const HOST = '127.0.0.1';

/** The port of each endpoint. */
export type Ports = Readonly<Record<EndpointName, number>>;
