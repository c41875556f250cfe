import { mongodbOptions } from '@svidkit/tls/drivers';
import { MongoClient, type MongoClientOptions } from 'mongodb';

import { type Driver, expectBack, type Session, type Target } from '../driver.ts';
import { versionOf } from '../installed-version.ts';
import { ferretdbServer } from '../servers/ferretdb.ts';

export const mongodbDriver: Driver = {
  name: 'mongodb',
  version: versionOf('mongodb'),
  server: ferretdbServer,
  work: 'insert and find',
  withoutCertificate: (target) => open(target, { tls: true, tlsAllowInvalidCertificates: true }),
  ways: {
    mongodbOptions: async (target) =>
      open(target, mongodbOptions(target.source, { authorize: target.authorize })),
  },
};

function open({ host, port, reconnects }: Target, options: MongoClientOptions): Session {
  const client = new MongoClient(`mongodb://${host}:${port}/`, {
    maxPoolSize: 1,
    serverSelectionTimeoutMS: reconnects ? 10_000 : 1000,
    ...options,
  });
  client.on('error', () => {});
  return {
    async work() {
      const collection = client.db('interop').collection('rows');
      const { insertedId } = await collection.insertOne({ driver: 'mongodb' });
      const found = await collection.findOne({ _id: insertedId });
      expectBack('mongodb', found?.['driver']);
      return undefined;
    },
    close: () => client.close(true),
  };
}
