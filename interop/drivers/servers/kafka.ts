import { mkdir, cp } from 'node:fs/promises';
import { join } from 'node:path';
import { dirname } from 'node:path';

import { fetchKafka } from '../fetch.ts';
import { KAFKA } from '../pins.ts';
import { noPreface } from '../preface.ts';
import {
  freePort,
  PASSWORD,
  runServer,
  runTool,
  type ServerKind,
  serverFile,
  serverFolder,
  type ServerSetting,
  USER,
} from '../server.ts';

/** One Kafka node, broker and controller, from Maven Central. */
export const kafkaServer: ServerKind = {
  name: 'Kafka',
  version: KAFKA.version,
  preface: noPreface,
  configured: '`SASL_SSL` with `ssl.client.auth=required`',
  async start({ folder, port, tapPort, identity, authorities }: ServerSetting) {
    const jars = join(folder, 'jars');
    await mkdir(jars);
    await cp(dirname(await fetchKafka()), jars, { recursive: true });
    const work = await serverFolder(join(folder, 'work'));
    const portForTap = await freePort();
    const controllerPort = await freePort();
    const innerPort = await freePort();
    const keyStore = await serverFile(join(work, 'tls.pem'), identity.keyPem + identity.certPem);
    const trustStore = await serverFile(join(work, 'ca.crt'), authorities);
    // Two listeners of one kind, as brokers send clients to the address that they advertise.
    const clients = { DIRECT: port, TAPPED: tapPort };
    const forClients = Object.keys(clients).flatMap((name) =>
      [
        'ssl.keystore.type=PEM',
        `ssl.keystore.location=${keyStore}`,
        'ssl.truststore.type=PEM',
        `ssl.truststore.location=${trustStore}`,
        'ssl.enabled.protocols=TLSv1.3',
        'ssl.client.auth=required',
        'sasl.enabled.mechanisms=PLAIN',
        `plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_${USER}="${PASSWORD}";`,
      ].map((line) => `listener.name.${name.toLowerCase()}.${line}`),
    );
    const config = [
      'process.roles=broker,controller',
      'node.id=1',
      `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
      'controller.listener.names=CONTROLLER',
      `listeners=${[at('DIRECT', port), at('TAPPED', portForTap), at('INNER', innerPort), at('CONTROLLER', controllerPort)].join(',')}`,
      `advertised.listeners=${[at('DIRECT', port), at('TAPPED', tapPort), at('INNER', innerPort)].join(',')}`,
      'inter.broker.listener.name=INNER',
      'listener.security.protocol.map=DIRECT:SASL_SSL,TAPPED:SASL_SSL,INNER:PLAINTEXT,CONTROLLER:PLAINTEXT',
      ...forClients,
      `log.dirs=${join(work, 'data')}`,
      'num.partitions=1',
      'offsets.topic.replication.factor=1',
      'transaction.state.log.replication.factor=1',
      'transaction.state.log.min.isr=1',
    ].join('\n');
    const properties = await serverFile(join(work, 'server.properties'), config);
    const java = ['-Xmx512m', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', join(jars, '*')];
    await runTool({
      command: 'java',
      args: [...java, 'kafka.tools.StorageTool', 'format', '-t', 'c3ZpZGtpdC1pbnRlcm9wMQ', '-c', properties],
      folder: work,
    });
    const running = await runServer({
      command: 'java',
      args: [...java, 'kafka.Kafka', properties],
      folder: work,
      port,
    });
    return { ...running, portForTap };
  },
};

function at(listener: string, port: number): string {
  return `${listener}://127.0.0.1:${port}`;
}
