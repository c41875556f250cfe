import { expect, test } from 'vitest';

import {
  encodeMessage,
  methodPath,
  SpiffeWorkloadAPI,
  X509BundlesResponseSchema,
  X509SVIDResponseSchema,
} from '../src/protocol/index.ts';

test('E-16: the service has the seven methods of the standard, and no protobuf package in their paths', () => {
  expect(SpiffeWorkloadAPI.methods.map((method) => [methodPath(method), method.methodKind])).toEqual([
    ['/SpiffeWorkloadAPI/FetchX509SVID', 'server_streaming'],
    ['/SpiffeWorkloadAPI/FetchX509Bundles', 'server_streaming'],
    ['/SpiffeWorkloadAPI/FetchJWTSVID', 'unary'],
    ['/SpiffeWorkloadAPI/FetchJWTBundles', 'server_streaming'],
    ['/SpiffeWorkloadAPI/ValidateJWTSVID', 'unary'],
    ['/SpiffeWorkloadAPI/FetchWITSVID', 'server_streaming'],
    ['/SpiffeWorkloadAPI/FetchWITBundles', 'server_streaming'],
  ]);
});

test('A-16: CRLs and bundles have the numbers of their own message', () => {
  const crl = [Uint8Array.of(1)];
  expect([...encodeMessage(X509SVIDResponseSchema, { crl })]).toEqual([0x12, 1, 1]);
  expect([...encodeMessage(X509BundlesResponseSchema, { crl })]).toEqual([0x0a, 1, 1]);
});
