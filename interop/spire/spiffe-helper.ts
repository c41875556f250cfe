import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { SPIFFE_HELPER } from './pins.ts';
import { type Program } from './program.ts';
import { type SpireAgent } from './spire-agent.ts';
import { type Stage } from './stage.ts';

/** Options of {@link SpiffeHelper.start}. */
export interface SpiffeHelperOptions {
  /** The local user whose identity it gets, and whose files it writes. */
  readonly uid: number;
  /** More lines of its configuration. */
  readonly more?: string;
}

/** A spiffe-helper that writes an X.509-SVID to files, which only its user may read. */
export class SpiffeHelper {
  /** Where the files are. */
  readonly directory: string;
  readonly #start: () => Program;
  #program: Program | undefined;

  private constructor(directory: string, start: () => Program) {
    this.directory = directory;
    this.#start = start;
  }

  /** Starts one and waits until there are files. */
  static async start(
    stage: Stage,
    agent: SpireAgent,
    { uid, more = '' }: SpiffeHelperOptions,
  ): Promise<SpiffeHelper> {
    const command = await stage.programForAll(SPIFFE_HELPER);
    const name = stage.name('helper');
    const directory = await stage.makeFolder(name, uid);
    const config = join(stage.folder, `${name}.conf`);
    await writeFile(
      config,
      `agent_address = "${agent.socket}"
cert_dir = "${directory}"
daemon_mode = true
svid_file_name = "svid.pem"
svid_key_file_name = "svid_key.pem"
svid_bundle_file_name = "svid_bundle.pem"
include_federated_domains = true
${more}
`,
    );
    const helper = new SpiffeHelper(directory, () =>
      stage.start({ name, command, args: ['-config', config], uid }),
    );
    await helper.restart();
    return helper;
  }

  /** Starts it again, over the files that are there. */
  async restart(): Promise<void> {
    const program = this.#start();
    this.#program = program;
    await program.ready('spiffe-helper has written its files', async () =>
      existsSync(join(this.directory, 'svid_bundle.pem')),
    );
  }

  async stop(): Promise<void> {
    await this.#program?.stop();
  }

  async kill(): Promise<void> {
    await this.#program?.kill();
  }
}
