import { openMountedX509Source } from '@svidkit/mount';
import {
  anyPeerOf,
  connectTls,
  createHttp2Client,
  createHttpsAgent,
  createHttpsServer,
  createTlsServer,
  secureServer,
} from '@svidkit/tls';
import { createBundleServer, fetchBundle, watchBundle, withFederatedBundles } from '@svidkit/tls/federation';
import {
  createWorkloadApiClient,
  openWorkloadApiJwtSource,
  openWorkloadApiX509Source,
} from '@svidkit/workload-api';

import { type redirectPool } from './redirect-pool.ts';

/** The parts of svidkit that the operations with handles use. One object, so that a broken part can take a good one's place. */
export interface Engine {
  anyPeerOf: typeof anyPeerOf;
  openMountedX509Source: typeof openMountedX509Source;
  createTlsServer: typeof createTlsServer;
  createHttpsServer: typeof createHttpsServer;
  secureServer: typeof secureServer;
  connectTls: typeof connectTls;
  createHttpsAgent: typeof createHttpsAgent;
  createHttp2Client: typeof createHttp2Client;
  fetchBundle: typeof fetchBundle;
  watchBundle: typeof watchBundle;
  withFederatedBundles: typeof withFederatedBundles;
  createBundleServer: typeof createBundleServer;
  openWorkloadApiX509Source: typeof openWorkloadApiX509Source;
  openWorkloadApiJwtSource: typeof openWorkloadApiJwtSource;
  createWorkloadApiClient: typeof createWorkloadApiClient;
  /** What takes the place of a pool that follows redirects; such a pool is loaded when it is needed. */
  redirectPool?: typeof redirectPool;
}

/** svidkit. */
export const engine: Engine = {
  anyPeerOf,
  openMountedX509Source,
  createTlsServer,
  createHttpsServer,
  secureServer,
  connectTls,
  createHttpsAgent,
  createHttp2Client,
  fetchBundle,
  watchBundle,
  withFederatedBundles,
  createBundleServer,
  openWorkloadApiX509Source,
  openWorkloadApiJwtSource,
  createWorkloadApiClient,
};
