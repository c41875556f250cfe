import { createHash, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { SPIFFE_HELPER } from './pins.ts';
import { type Program } from './program.ts';
import { type SpireAgent } from './spire-agent.ts';
import { type Stage } from './stage.ts';
import { type JwtFiles } from './workload/commands.ts';

const JWT_BUNDLE = 'jwt_bundle.json';

/** Options of {@link SpiffeHelper.start}. */
export interface SpiffeHelperOptions {
  /** The local user whose identity it gets, and whose files it writes. */
  readonly uid: number;
  /** Default: of the same number. */
  readonly gid?: number;
  /** Audiences to fetch JWT-SVIDs for. Absent: nothing about them is written. */
  readonly audiences?: readonly string[];
}

/** A spiffe-helper that writes an X.509-SVID to files, which only its user may read. */
export class SpiffeHelper {
  /** Where the files are. */
  readonly directory: string;
  /** Which of them are about JWT-SVIDs. */
  readonly jwt: JwtFiles | undefined;
  readonly #start: () => Program;
  #program: Program | undefined;

  private constructor(directory: string, jwt: JwtFiles | undefined, start: () => Program) {
    this.directory = directory;
    this.jwt = jwt;
    this.#start = start;
  }

  /** Starts one and waits until there are files. */
  static async start(
    stage: Stage,
    agent: SpireAgent,
    { uid, gid = uid, audiences }: SpiffeHelperOptions,
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
${audiences === undefined ? '' : jwtLines(audiences)}
`,
    );
    const jwt =
      audiences === undefined
        ? undefined
        : { directory, svids: audiences.map(tokenFile), bundle: JWT_BUNDLE };
    const helper = new SpiffeHelper(directory, jwt, () =>
      stage.start({ name, command, args: ['-config', config], uid, gid }),
    );
    await helper.restart();
    return helper;
  }

  /** The fingerprint of the leaf that it has written; undefined while it writes, which it does in place. */
  async fingerprint(): Promise<string | undefined> {
    const content = await readFile(join(this.directory, 'svid.pem'), 'utf8');
    return content.endsWith('-----END CERTIFICATE-----\n')
      ? createHash('sha256').update(new X509Certificate(content).raw).digest('hex')
      : undefined;
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

function tokenFile(audience: string): string {
  return `${audience}.token`;
}

function jwtLines(audiences: readonly string[]): string {
  const svids = audiences.map(
    (audience) => `{jwt_audience="${audience}", jwt_svid_file_name="${tokenFile(audience)}"}`,
  );
  return `jwt_svids = [${svids.join(', ')}]\njwt_bundle_file_name = "${JWT_BUNDLE}"`;
}
