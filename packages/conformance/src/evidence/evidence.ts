import { chmodSync } from 'node:fs';
import { join } from 'node:path';

import { type RunWatcher } from '../cli/run-adapter.ts';
import { writeFile } from '../cli/write-file.ts';
import { type RunReport } from '../report/run-report.ts';
import { type CaseResult, isBad, isExecuted } from '../run/result.ts';
import { type SelectedCase } from '../run/select-cases.ts';
import { type VectorFile } from '../vectors/vector.ts';
import { certificateFiles } from './certificate-files.ts';
import { evidenceFolder } from './evidence-folder.ts';
import { type ReproOptions, reproScript } from './repro-script.ts';

/** There are private keys in it, if only published ones. */
const PRIVATE = 0o600;
const MOST_LINES = 400;
const LONGEST_LINE = 64 * 1024;
/** How many transcripts are kept of cases that passed: an adapter may take a pass back a little later. */
const REMEMBERED = 50;

/** What evidence is made of. */
export interface EvidenceOptions {
  /** Where it goes: one folder for each case. */
  readonly folder: string;
  /** Also of cases that passed. */
  readonly keep: boolean;
  readonly files: readonly VectorFile[];
  readonly repro: ReproOptions;
}

interface Seen {
  readonly lines: readonly object[];
  readonly stderr: string;
}

/** Writes down what happened in cases that failed, so that somebody else can look at it and do it again. */
export class Evidence implements RunWatcher {
  readonly #options: EvidenceOptions;
  readonly #seen = new Map<string, Seen>();
  readonly #written = new Set<string>();
  #lines: object[] = [];

  constructor(options: EvidenceOptions) {
    this.#options = options;
  }

  line(direction: 'to' | 'from', line: string): void {
    if (this.#lines.length >= MOST_LINES) return;
    const cut = line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}... (${line.length})` : line;
    this.#lines.push({ [direction]: cut });
  }

  before(): void {
    this.#lines = [];
  }

  after(one: SelectedCase, result: CaseResult, stderr: string): void {
    const seen = { lines: this.#lines, stderr };
    if (this.#isWanted(result)) this.#write(one, result, seen);
    this.#seen.set(result.case, seen);
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > REMEMBERED && oldest !== undefined) this.#seen.delete(oldest);
  }

  /** Writes what only turned out later, and names the folder in each result that has one. */
  finish(report: RunReport): RunReport {
    for (const result of report.results) {
      const seen = this.#seen.get(result.case);
      if (seen !== undefined && this.#isWanted(result) && !this.#written.has(result.case))
        this.#write(result.selected, result, seen);
    }
    const results = report.results.map((result) =>
      this.#written.has(result.case) ? { ...result, evidence: this.#folderOf(result.case) } : result,
    );
    return { ...report, results };
  }

  #isWanted({ status }: CaseResult): boolean {
    return isBad(status) || (this.#options.keep && isExecuted(status));
  }

  #folderOf(id: string): string {
    return evidenceFolder(this.#options.folder, id);
  }

  #write({ suite, case: one }: SelectedCase, result: CaseResult, { lines, stderr }: Seen): void {
    const folder = this.#folderOf(one.id);
    const write = (name: string, text: string): void => writeFile(join(folder, name), text, PRIVATE);
    write('case.json', `${JSON.stringify(one, null, 1)}\n`);
    write('result.json', `${JSON.stringify(result, null, 1)}\n`);
    write('transcript.ndjson', lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    if (stderr !== '') write('stderr.txt', `${stderr}\n`);
    const file = this.#options.files.find((candidate) => candidate.suite === suite);
    for (const { name, text } of certificateFiles(one.params, file?.recipes ?? {}))
      write(join('certs', name), text);
    write('repro.sh', reproScript(one.id, result.status, this.#options.repro));
    chmodSync(join(folder, 'repro.sh'), 0o700);
    this.#written.add(one.id);
  }
}
