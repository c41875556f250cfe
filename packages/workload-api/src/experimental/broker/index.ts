export { BROKER_ADDRESS_VARIABLE, type BrokerClientOptions } from './broker-options.ts';
export { type BrokerClient, type BrokeredWorkload } from './broker-client.ts';
export { createBrokerClient } from './create-broker-client.ts';
export { type KubernetesObject, type WorkloadReference } from './workload-reference.ts';
