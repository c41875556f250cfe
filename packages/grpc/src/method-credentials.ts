import { type TLSSocket } from 'node:tls';

import { type CallCredentials, credentials, Metadata, status } from '@grpc/grpc-js';
import { type Peer, peerOf } from '@svidkit/tls';

import { checkRule, type RuleOf } from './call-rules.ts';

/**
 * Call credentials that add nothing to a call, and keep it from a server that may not serve its method: grpc-js asks them
 * once it has chosen a connection, and sends nothing before they have agreed.
 */
export function methodCredentials(ruleOf: RuleOf, socket: TLSSocket): CallCredentials {
  return credentials.createFromMetadataGenerator(({ service_url: url, method_name: name }, done) => {
    // The whole path today; the method alone beside the URL of its service is what the types promise.
    const method = name.startsWith('/') ? name : `/${url.slice(url.lastIndexOf('/') + 1)}/${name}`;
    try {
      const { id, certificate }: Peer = peerOf(socket);
      checkRule(ruleOf, method, { id, leaf: certificate });
      done(null, new Metadata());
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : 'the rules failed';
      const error = new Error(`this server may not serve ${method}: ${why}`, { cause });
      done(Object.assign(error, { code: status.PERMISSION_DENIED }));
    }
  });
}
