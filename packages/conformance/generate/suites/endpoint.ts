import { type JsonObject } from '../../src/json.ts';
import { type SpecReference } from '../../src/vectors/vector.ts';
import { type Draft, ok, reject } from '../draft.ts';
import { SPEC } from '../spec-quotes.ts';

/** Row 378 of the catalogue: addresses of the Workload API. */
export function endpointDrafts(): readonly Draft[] {
  return [
    accept(
      'unix',
      'unix:///run/spire/agent.sock',
      { scheme: 'unix', address: '/run/spire/agent.sock' },
      SPEC.endpointUnix,
    ),
    accept(
      'tcp-ipv4',
      'tcp://127.0.0.1:8000',
      { scheme: 'tcp', address: '127.0.0.1:8000' },
      SPEC.endpointTcp,
    ),
    accept('tcp-ipv6', 'tcp://[::1]:8000', { scheme: 'tcp', address: '[::1]:8000' }, SPEC.endpointTcp),
    refuse(
      'unix-authority',
      'unix://host/run/agent.sock',
      'a Unix address has no authority',
      SPEC.endpointUnix,
    ),
    refuse('unix-relative', 'unix:run/agent.sock', 'the path of a socket is absolute', SPEC.endpointUnix),
    refuse('unix-query', 'unix:///run/agent.sock?x', 'a Unix address has no query', SPEC.endpointUnix),
    refuse(
      'tcp-name',
      'tcp://localhost:8000',
      'a TCP address is an IP address, no name',
      SPEC.endpointTcp,
      'tcp-ipv4',
    ),
    refuse('tcp-no-port', 'tcp://127.0.0.1', 'a TCP address has a port', SPEC.endpointTcp, 'tcp-ipv4'),
    refuse('tcp-path', 'tcp://127.0.0.1:8000/', 'a TCP address has no path', SPEC.endpointTcp, 'tcp-ipv4'),
    refuse('scheme', 'http://127.0.0.1:8000', 'the scheme is unix or tcp', SPEC.endpoint, 'tcp-ipv4'),
  ];
}

function accept(slug: string, value: string, parts: JsonObject, spec: SpecReference): Draft {
  return {
    row: 378,
    id: `accept/${slug}`,
    title: `${value} is an address`,
    level: 'must',
    spec: [spec],
    op: 'endpoint.parse',
    params: { value },
    expect: ok(parts),
  };
}

function refuse(slug: string, value: string, title: string, spec: SpecReference, twin = 'unix'): Draft {
  return {
    row: 378,
    id: `reject/${slug}`,
    title,
    level: 'must',
    spec: [spec],
    op: 'endpoint.parse',
    params: { value },
    control: `accept/${twin}`,
    expect: reject('endpoint.scheme', 'endpoint.form'),
  };
}
