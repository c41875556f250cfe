import { type HealthStatus, type SourceHealth, type SpiffeError, type X509Context } from '@svidkit/core';

import { type Alarms } from './alarms.ts';
import { errnoOf } from './mount-error.ts';
import { type MountSettings } from './mount-options.ts';

/** What is known about a source, of which its health is told. */
export interface HealthFacts {
  readonly status: HealthStatus;
  readonly unreadyAt: MountSettings['unreadyAt'];
  /** In use; undefined when there is none, and then `failure` says why. */
  readonly context: X509Context | undefined;
  readonly failure: SpiffeError | undefined;
  readonly alarms: Alarms;
  /** Why the mount will never change again. */
  readonly stale: SpiffeError | undefined;
  readonly isFallback: boolean;
  /** Why there are no events of the file system although they are wanted. */
  readonly watchError: unknown;
}

const FROM_BEST_TO_WORST: readonly HealthStatus[] = ['fresh', 'overdue', 'critical', 'expired'];

/** Puts the facts into the form that every source gives. */
export function healthReport(facts: HealthFacts): SourceHealth {
  const { status, context, failure, alarms, unreadyAt } = facts;
  const [lastError = failure] = alarms.errors;
  return Object.freeze({
    status,
    ready: FROM_BEST_TO_WORST.indexOf(status) < FROM_BEST_TO_WORST.indexOf(unreadyAt),
    generation: context?.generation ?? 0,
    notAfter: context?.svid.expiresAt,
    lastError,
    problems: Object.freeze([...new Set(problems(facts))]),
  });
}

function* problems({
  status,
  failure,
  alarms,
  stale,
  isFallback,
  watchError,
}: HealthFacts): Iterable<string> {
  if (failure !== undefined) yield failure.message;
  yield* alarms.problems;
  if (status === 'overdue' || status === 'critical') {
    yield `the SVID should have been renewed by now (health ${status}): see whether its writer still runs`;
  }
  if (stale !== undefined) yield `${stale.message}. ${stale.hint ?? ''}`;
  if (isFallback) yield 'an older SVID is in use, because the newer one ended first';
  if (watchError !== undefined) {
    yield `no events of the file system (${errnoOf(watchError)}): changes are found by polling alone`;
  }
}
