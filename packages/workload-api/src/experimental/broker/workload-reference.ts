import { BlockList, isIP } from 'node:net';

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { SpiffeError } from '@svidkit/core';

import { type EndpointAddress } from '../../address.ts';
import {
  KubernetesObjectReferenceSchema,
  WorkloadPIDReferenceSchema,
  type WorkloadReferenceSchema,
} from '../../gen/broker_pb.ts';
import { plainText } from '../../plain-text.ts';

/** An object of Kubernetes that has an identity. At least one of `key` and `uid`; with both, they must be of the same object. */
export interface KubernetesObject {
  readonly type: {
    /** What the API server calls such objects: `pods`, `serviceaccounts`. */
    readonly plural: string;
    /** The API group: `apps`; `core` for the one that has no name. */
    readonly group: string;
  };
  readonly key?: {
    /** Given for what lives in a namespace, and for nothing else. */
    readonly namespace?: string;
    readonly name: string;
  };
  readonly uid?: string;
}

/**
 * Whose identity is asked for: a process of this machine, by the ID that it has in the eyes of the server, and never that
 * of the sandbox of its pod; or an object of the Kubernetes cluster that the server belongs to.
 */
export type WorkloadReference = { readonly pid: number } | { readonly kubernetes: KubernetesObject };

const MAX_PID = 2 ** 31 - 1;
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/u;
const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/iu;
/** What Kubernetes itself has outside of namespaces, and the rest of its core group inside. */
const CLUSTER_SCOPED: ReadonlySet<string> = new Set([
  'nodes',
  'namespaces',
  'persistentvolumes',
  'componentstatuses',
]);

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

/**
 * Checks a reference before anything is sent, and copies it.
 *
 * @throws {@link SpiffeError} `ERR_BROKER_REFERENCE`.
 */
export function parseReference(given: WorkloadReference, address: EndpointAddress): WorkloadReference {
  const kinds = typeof given === 'object' && given !== null ? Object.keys(given) : [];
  if (kinds.length !== 1) throw bad(`exactly one of pid and kubernetes`, kinds.join(', ') || 'none');
  if ('pid' in given) return parsePid(given.pid, address);
  if ('kubernetes' in given) return parseObject(given.kubernetes);
  throw bad('pid or kubernetes', kinds.join());
}

/** The reference as requests carry it. */
export function packReference(
  reference: WorkloadReference,
): MessageInitShape<typeof WorkloadReferenceSchema> {
  if ('pid' in reference) {
    const { pid } = reference;
    return { reference: anyPack(WorkloadPIDReferenceSchema, create(WorkloadPIDReferenceSchema, { pid })) };
  }
  const { type, key, uid = '' } = reference.kubernetes;
  const fields = create(KubernetesObjectReferenceSchema, {
    type,
    uid,
    ...(key === undefined ? {} : { key }),
  });
  return { reference: anyPack(KubernetesObjectReferenceSchema, fields) };
}

/** The reference in messages: `process 42`. */
export function nameOf(reference: WorkloadReference): string {
  if ('pid' in reference) return `process ${reference.pid}`;
  const { type, key, uid } = reference.kubernetes;
  const kind = type.group === 'core' ? type.plural : `${type.plural}.${type.group}`;
  if (key === undefined) return `${kind} ${uid}`;
  return `${kind} ${key.namespace === undefined ? '' : `${key.namespace}/`}${key.name}`;
}

function parsePid(pid: unknown, address: EndpointAddress): WorkloadReference {
  if (typeof pid !== 'number' || !Number.isInteger(pid) || pid < 1 || pid > MAX_PID)
    throw bad('the ID of a process, a whole number above 0, as pid', shown(pid));
  // Broker API 3.1.2: on another machine, the same number is somebody else.
  if (address.scheme === 'tcp' && !isLoopback(address.host)) {
    throw new SpiffeError(
      'ERR_BROKER_REFERENCE',
      `want a server on this machine for the ID of a process, got ${address.text}`,
      {
        hint: 'Use a Unix socket, or a loopback address: another machine has other processes under these numbers.',
      },
    );
  }
  return Object.freeze({ pid });
}

/** Only addresses: what a name leads to is not known before somebody looks it up. */
function isLoopback(host: string): boolean {
  const version = isIP(host);
  return version !== 0 && loopback.check(host, version === 4 ? 'ipv4' : 'ipv6');
}

/** Broker API 3.1.3. */
function parseObject(given: KubernetesObject): WorkloadReference {
  const { type, key, uid } = given;
  const { plural, group } = type ?? {};
  if (!isText(plural) || !LABEL.test(plural))
    throw bad('a plural name, such as pods, as type.plural', shown(plural));
  if (!isText(group) || !isDomain(group)) {
    const hint = group === '' ? 'The group that has no name is written core.' : undefined;
    throw bad('an API group, such as apps or core, as type.group', shown(group), hint);
  }
  if (key === undefined && uid === undefined) throw bad('at least one of key and uid', 'neither');
  if (uid !== undefined && (!isText(uid) || !UUID.test(uid))) throw bad('a UUID as uid', shown(uid));
  return Object.freeze({
    kubernetes: Object.freeze({
      type: Object.freeze({ plural, group }),
      ...(key === undefined ? {} : { key: parseKey(key, plural, group) }),
      ...(uid === undefined ? {} : { uid }),
    }),
  });
}

function parseKey(
  { namespace, name }: NonNullable<KubernetesObject['key']>,
  plural: string,
  group: string,
): NonNullable<KubernetesObject['key']> {
  if (!isText(name) || !isObjectName(name)) throw bad('the name of an object as key.name', shown(name));
  if (namespace !== undefined && (!isText(namespace) || !LABEL.test(namespace)))
    throw bad('the name of a namespace as key.namespace', shown(namespace));
  if (group === 'core' && CLUSTER_SCOPED.has(plural) !== (namespace === undefined)) {
    throw namespace === undefined
      ? bad(`key.namespace, since ${plural} live in namespaces`, 'none')
      : bad(`no key.namespace, since ${plural} live in no namespace`, shown(namespace));
  }
  return Object.freeze({ ...(namespace === undefined ? {} : { namespace }), name });
}

/** What may be a segment of a path of the API server: other rules depend on the type. */
function isObjectName(name: string): boolean {
  return name.length <= 253 && name !== '.' && name !== '..' && /^[!-~]+$/u.test(name) && !/[/%]/u.test(name);
}

function isDomain(text: string): boolean {
  return text.length <= 253 && text.split('.').every((label) => LABEL.test(label));
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function shown(value: unknown): string {
  return typeof value === 'string' ? `"${plainText(value)}"` : plainText(String(value));
}

function bad(
  want: string,
  got: string,
  hint = 'See "Workloads" in the guide to brokers for what a reference is.',
): SpiffeError {
  return new SpiffeError('ERR_BROKER_REFERENCE', `want ${want} of a workload reference, got ${got}`, {
    hint,
  });
}
