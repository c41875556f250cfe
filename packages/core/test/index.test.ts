import { expect, test } from 'vitest';

import * as core from '../src/index.ts';

test('the package exports what it promises and nothing else', () => {
  expect(Object.keys(core).toSorted()).toEqual([
    'BundleSet',
    'Certificate',
    'ERROR_CODES',
    'SourceCell',
    'SpiffeError',
    'SpiffeId',
    'TrustDomain',
    'X509Bundle',
    'X509KeyPair',
    'X509Svid',
    'allOf',
    'anyOf',
    'authorizeAny',
    'authorizeByPolicy',
    'authorizeId',
    'authorizeMemberOf',
    'authorizeOneOf',
    'authorizePath',
    'authorizeWith',
    'checkAuthorized',
    'firstHealthy',
    'isSpiffeError',
    'not',
    'parseDenyList',
    'parseMigrationPolicy',
    'parsePem',
    'parseSpiffeIdLenient',
    'publish',
    'requireAuthorizer',
    'staticDenyList',
    'staticMigrationPolicy',
    'staticX509Source',
    'systemClock',
    'verifyX509Chain',
    'verifyX509Svid',
  ]);
});
