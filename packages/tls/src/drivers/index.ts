export { type DriverOptions } from './dial-tls.ts';
export { type DriverStream } from './driver-stream.ts';
export { ioredisOptions, type IoredisOptions } from './ioredis-options.ts';
export { kafkajsOptions, type KafkajsOptions } from './kafkajs-options.ts';
export { mongodbOptions, type MongodbOptions } from './mongodb-options.ts';
export { mysql2Options, type Mysql2Options } from './mysql2-options.ts';
export { natsOptions, type NatsOptions } from './nats-options.ts';
export { pgOptions, type PgOptions } from './pg-options.ts';
export { postgresOptions, type PostgresOptions } from './postgres-options.ts';
