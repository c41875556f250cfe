import { type ChannelCredentials, credentials, Metadata, status } from '@grpc/grpc-js';
import { SpiffeError } from '@svidkit/core';
import { type BearerFetchOptions, bearerHeader, type JwtSource } from '@svidkit/core/jwt';

import { isSecureChannel } from './grpc-internals.ts';

/** Options of {@link createJwtChannelCredentials}. A function as `audience` is given the URL of the service. */
export type JwtChannelCredentialsOptions = BearerFetchOptions;

/**
 * Channel credentials that also present our JWT-SVID with each call, as metadata `authorization: Bearer`. They are made
 * of channel credentials, and not for single calls, because grpc-js would also send those of a call over a channel
 * without TLS.
 *
 * A call whose token cannot be had fails with `UNAVAILABLE` before anything of it is sent.
 *
 * @param channel - of {@link createChannelCredentials}, or others with TLS.
 * @throws {@link SpiffeError} `ERR_JWT_INSECURE` for channel credentials without TLS.
 */
export function createJwtChannelCredentials(
  channel: ChannelCredentials,
  source: JwtSource,
  options: JwtChannelCredentialsOptions,
): ChannelCredentials {
  if (!isSecureChannel(channel)) {
    throw new SpiffeError('ERR_JWT_INSECURE', 'want channel credentials with TLS, got insecure ones', {
      hint: 'Whoever is on the way could read the token. Use createChannelCredentials().',
    });
  }
  const { audience, subject } = options;
  const metadataFor = async (url: string): Promise<Metadata> => {
    const svid = await source.fetchJwtSvid({
      audience: typeof audience === 'function' ? audience(new URL(url)) : audience,
      ...(subject === undefined ? {} : { subject }),
    });
    const metadata = new Metadata();
    metadata.set('authorization', bearerHeader(svid));
    return metadata;
  };
  return channel.compose(
    credentials.createFromMetadataGenerator(({ service_url: url }, callback) => {
      void answer(metadataFor(url), callback);
    }),
  );
}

async function answer(
  promise: Promise<Metadata>,
  callback: (error: Error | null, metadata?: Metadata) => void,
): Promise<void> {
  let metadata: Metadata;
  try {
    metadata = await promise;
  } catch (cause) {
    callback(unavailable(cause));
    return;
  }
  callback(null, metadata);
}

/** As grpc-js wants it: with a number as code. */
function unavailable(cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : 'the token could not be had';
  return Object.assign(new Error(reason, { cause }), { code: status.UNAVAILABLE });
}
