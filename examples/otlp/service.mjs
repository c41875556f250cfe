// Makes a span for each line that comes in, and exports it over mutual TLS.
import { createInterface } from 'node:readline';

import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { authorizeId, isSpiffeError, workloadIdentity } from 'svidkit';

const [port] = process.argv.slice(2);
const identity = await workloadIdentity();
identity.source.onUpdate((context) => {
  if (context !== undefined) console.log('identity renewed');
});

const agent = identity.createHttpsAgent({ authorize: authorizeId('spiffe://prod.example/collector') });
const exporter = new OTLPTraceExporter({
  url: `https://localhost:${port}/v1/traces`,
  // One agent for the life of the exporter: it follows the identity by itself.
  httpAgentOptions: () => agent,
});
const provider = new TracerProvider({ spanProcessors: [new BatchSpanProcessor({ exporter })] });
const tracer = provider.getTracer('example');

console.log(`ready as ${identity.id.toString()}`);
for await (const name of createInterface({ input: process.stdin })) {
  tracer.startSpan(name).end();
  try {
    await provider.forceFlush();
    console.log(`${name}: exported`);
  } catch (error) {
    console.log(`${name}: lost, ${[error].flat().map(codeOf).join(', ')}`);
  }
}
await provider.shutdown();
await identity.shutdown();

/** @param {unknown} error */
function codeOf(error) {
  return isSpiffeError(error) ? error.code : String(error);
}
