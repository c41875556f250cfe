// `npm start`: the live demo. See README.md.
import { runDemo } from './src/run-demo.ts';

process.exitCode = await runDemo(process.argv.slice(2));
