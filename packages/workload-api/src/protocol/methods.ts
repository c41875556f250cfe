import {
  type DescMessage,
  type DescMethod,
  type DescMethodServerStreaming,
  type DescMethodUnary,
} from '@bufbuild/protobuf';

/** The metadata key that every request carries. */
export const SECURITY_HEADER = 'workload.spiffe.io';
/** The same for brokers: SPIFFE Broker Endpoint 3. */
export const BROKER_SECURITY_HEADER = 'broker.spiffe.io';
/** Its one legal value: it proves that whoever asks can set gRPC metadata, as a forged HTTP request cannot. */
export const SECURITY_HEADER_VALUE = 'true';

/** A method of the service. */
export type WorkloadApiMethod<
  Input extends DescMessage = DescMessage,
  Output extends DescMessage = DescMessage,
> = DescMethodServerStreaming<Input, Output> | DescMethodUnary<Input, Output>;

/** The HTTP/2 path of a method: `/SpiffeWorkloadAPI/FetchX509SVID`. */
export function methodPath({ name, parent }: Pick<DescMethod, 'name' | 'parent'>): string {
  return `/${parent.typeName}/${name}`;
}
