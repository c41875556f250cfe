import { EXIT, KitFailure } from '../exit-code.ts';
import { ownFile } from '../own-file.ts';
import { type Language } from './languages.ts';

const WORKFLOW = '.github/workflows/conformance.yml';

/**
 * The files of an adapter that can be built and passes, by their path.
 *
 * @param kit - the version of the kit that the files name.
 */
export function skeleton(language: Language, kit: string): ReadonlyMap<string, string> {
  const { name, files, setup } = language;
  const filled = (path: string): string =>
    read(path)
      .replaceAll('KIT_VERSION', kit)
      .replaceAll('OPERATIONS_FILE', language.operations)
      .replaceAll('LIBRARY_FILE', language.library)
      .replaceAll('BUILD_COMMAND', language.build)
      .replaceAll('ADAPTER_COMMAND', language.adapter)
      .replace(/ +# SETUP_STEPS\n/, setup === undefined ? '' : setupSteps(...setup));
  return new Map([
    ...files.map((path) => [path, read(`${name}/${path}`)] as const),
    ['README.md', filled('README.md')],
    [WORKFLOW, filled('conformance.yml')],
  ]);
}

function setupSteps(action: string, input: string, value: string): string {
  return `      - uses: ${action}\n        with:\n          ${input}: ${value}\n`;
}

function read(path: string): string {
  const text = ownFile(`skeletons/${path}`);
  if (text === undefined) throw new KitFailure(EXIT.kit, `skeletons/${path} is not beside this program`);
  return text;
}
