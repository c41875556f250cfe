import { tlsClientOptions } from '@svidkit/tls';
import { kafkajsOptions } from '@svidkit/tls/drivers';
import { Kafka, type KafkaConfig, logLevel, Partitioners } from 'kafkajs';

import { type Driver, type Session, type Target } from '../driver.ts';
import { versionOf } from '../installed-version.ts';
import { PASSWORD, USER } from '../server.ts';
import { kafkaServer } from '../servers/kafka.ts';

export const kafkajsDriver: Driver = {
  name: 'kafkajs',
  version: versionOf('kafkajs'),
  server: kafkaServer,
  work: 'produce and read offsets',
  withoutCertificate: (target) => open(target, { ssl: { rejectUnauthorized: false } }),
  ways: {
    kafkajsOptions: async (target) =>
      open(target, kafkajsOptions(target.source, { authorize: target.authorize })),
    tlsClientOptions: async (target) =>
      open(target, { ssl: tlsClientOptions(target.source, { authorize: target.authorize }) }),
  },
};

async function open(
  { host, port, reconnects }: Target,
  options: Pick<KafkaConfig, 'ssl' | 'socketFactory'>,
): Promise<Session> {
  const kafka = new Kafka({
    brokers: [`${host}:${port}`],
    clientId: 'interop',
    sasl: { mechanism: 'plain', username: USER, password: PASSWORD },
    connectionTimeout: 5000,
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 10, maxRetryTime: 200, retries: reconnects ? 20 : 0 },
    ...options,
  });
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  const admin = kafka.admin();
  await admin.connect();
  await producer.connect();
  return {
    async work() {
      await admin.createTopics({ waitForLeaders: true, topics: [{ topic: 'interop' }] });
      await producer.send({ topic: 'interop', messages: [{ value: 'kafkajs' }] });
      const [offset] = await admin.fetchTopicOffsets('interop');
      if (Number(offset?.high) < 1) throw new Error(`want a message, got ${JSON.stringify(offset)}`);
      return undefined;
    },
    close: () => Promise.all([producer.disconnect(), admin.disconnect()]),
  };
}
