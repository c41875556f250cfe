import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

/** The blocks of JavaScript on a page, in their order. */
export function programsOn(page: string): readonly string[] {
  return Array.from(readFileSync(page, 'utf8').matchAll(/^```js\n(.*?)^```$/gms), ([, code = '']) => code);
}

/**
 * Runs a program from a page in a process of its own, on the sources, in the folder `cwd`. Gives what it printed.
 *
 * @throws when it does not end by itself within 50 s, or not with exit code 0; the message has what it printed as errors.
 */
export async function runProgram(
  code: string,
  cwd: string,
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  return promisify(execFile)(
    process.execPath,
    [
      '--conditions=@svidkit/source',
      '--disable-warning=ExperimentalWarning',
      '--input-type=module',
      '--eval',
      code,
    ],
    { cwd, timeout: 50_000 },
  );
}
