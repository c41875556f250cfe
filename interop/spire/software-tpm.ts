import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { unpackDebian } from '../drivers/fetch.ts';
import { PROVISION_DEVID, SWTPM } from './pins.ts';
import { listens } from './program.ts';
import { type Stage } from './stage.ts';

const run = promisify(execFile);

/** Where the DevID of a provisioned TPM is, and whom to trust for it. */
export interface DevId {
  readonly certificate: string;
  readonly privateBlob: string;
  readonly publicBlob: string;
  /** Authorities of DevID certificates. */
  readonly authorities: string;
  /** Authorities of endorsement certificates. */
  readonly manufacturers: string;
}

/** A software TPM 2.0. Gives its Unix socket, which takes the place of `/dev/tpmrm0`. */
export async function startSoftwareTpm(stage: Stage): Promise<string> {
  const name = stage.name('tpm');
  const folder = await stage.makeFolder(name);
  const root = await unpackDebian(SWTPM, join(folder, 'root'));
  const libraries = join(root, 'usr/lib/x86_64-linux-gnu');
  const [state, socket, control] = [join(folder, 'state'), join(folder, 'tpm'), join(folder, 'ctl')];
  await mkdir(state);
  const program = stage.start({
    name,
    command: join(root, 'usr/bin/swtpm'),
    args: [
      'socket',
      '--tpm2',
      '--tpmstate',
      `dir=${state}`,
      '--server',
      `type=unixio,path=${socket}`,
      '--ctrl',
      `type=unixio,path=${control}`,
      '--flags',
      'not-need-init,startup-clear',
    ],
    env: { LD_LIBRARY_PATH: `${libraries}:${join(libraries, 'swtpm')}` },
  });
  // Its control channel: a connection to the other one would be a client of the TPM.
  await program.ready('the software TPM is ready', () => listens(control));
  return socket;
}

/** Gives a TPM an endorsement certificate, and a DevID whose key it made. */
export async function provisionDevId(stage: Stage, tpm: string): Promise<DevId> {
  const folder = await stage.makeFolder(stage.name('devid'));
  await run(await stage.program(PROVISION_DEVID), ['-tpm', tpm, '-out', folder]);
  const at = (name: string): string => join(folder, name);
  return {
    certificate: at('devid.crt.pem'),
    privateBlob: at('devid.priv.blob'),
    publicBlob: at('devid.pub.blob'),
    authorities: at('devid-ca.pem'),
    manufacturers: at('endorsement-ca.pem'),
  };
}
