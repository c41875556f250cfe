import { spawn } from 'node:child_process';

import { type JsonObject } from '../json.ts';
import { harmless } from '../terminal-text.ts';
import { Handles } from './handles.ts';
import { keyMaterialIn } from './key-material.ts';
import { LineSplitter, LONGEST_LINE } from './line-splitter.ts';
import { type Outcome } from './outcome.ts';
import { type AdapterEvent, type Message, readMessage } from './read-message.ts';
import { Secrets } from './secrets.ts';
import { type AdapterChild, SOCKET_VARIABLE, SocketWire, StdioWire, type Wire } from './wire.ts';

/** The program that speaks for an implementation, and its arguments. */
export type AdapterCommand = readonly [program: string, ...args: readonly string[]];

/** What a call carries beside its operation and parameters. */
export interface CallOptions {
  readonly deadlineMs: number;
  /** What the adapter must understand to answer. */
  readonly needs?: readonly string[];
  /** The case it belongs to, for the log of the adapter. */
  readonly caseId?: string;
  /** Parameters that are secret, whatever they look like. Private keys are known by their looks. */
  readonly secrets?: readonly string[];
  /** Changes the line that is sent, for those who want to see what an adapter makes of it. */
  readonly encode?: (line: string) => string;
}

/** Who hears of what is no answer. */
export interface AdapterListener {
  /** A library printed to stdout. */
  noise(text: string): void;
  /** The protocol was broken outside of a call; `caseId` is the case of the call that it is about, if there is one. */
  misconduct(detail: string, caseId: string | undefined): void;
  /** Something happened to what the adapter has open. Told before any answer that came after it. */
  event?(event: AdapterEvent): void;
  /** Each line as it goes, for transcripts. */
  line?(direction: 'to' | 'from', line: string): void;
}

/** How an adapter ended when it was asked to. */
export interface Ending {
  /** What was wrong with it, to follow "the adapter"; undefined when it ended as it should. */
  readonly problem: string | undefined;
}

/** How to start and hear an adapter. */
export interface AdapterProcessOptions {
  readonly listener: AdapterListener;
  /** What the time that it has to end is multiplied with. Default: 1. */
  readonly timeoutFactor?: number;
  /** Variables beside those of this process; `undefined` takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** The Unix socket to listen on. Default: the standard streams of the process are used. */
  readonly socket?: string | undefined;
  /** What it must not show. Default: the keys of the calls to this process. */
  readonly secrets?: Secrets;
}

interface Pending {
  readonly op: string;
  readonly params: JsonObject;
  readonly options: CallOptions;
  readonly resolve: (outcome: Outcome) => void;
  readonly timer: NodeJS.Timeout;
}

const STDERR_TAIL = 4096;
const ASK_MS = 3000;
const TERM_MS = 2000;
/** How long a process may go on after it has left its socket. */
const LEFT_MS = 2000;
/** What of stderr is looked at again with what comes next, since a key may be cut in two. */
const OVERLAP = 512;

/** One process of an adapter and the calls to it. Whatever it does ends a call with an outcome, never with an error. */
export class AdapterProcess {
  readonly #child: AdapterChild;
  readonly #wire: Wire;
  readonly #listener: AdapterListener;
  readonly #pending = new Map<number, Pending>();
  readonly #answered = new Map<number, string | undefined>();
  readonly #splitter = new LineSplitter();
  readonly #handles = new Handles();
  readonly #secrets: Secrets;
  readonly #exited: Promise<void>;
  #nextId = 1;
  #stderr = '';
  #lastCase: string | undefined;
  #exit: string | undefined;
  #isKilled = false;
  readonly #timeoutFactor: number;

  /** @throws {@link KitFailure} (exit code 2) when the kit cannot listen on the socket. */
  constructor([program, ...args]: AdapterCommand, options: AdapterProcessOptions) {
    const { listener, timeoutFactor = 1, env, socket, secrets = new Secrets() } = options;
    this.#listener = listener;
    this.#timeoutFactor = timeoutFactor;
    this.#secrets = secrets;
    this.#wire = socket === undefined ? new StdioWire() : new SocketWire(socket);
    const more = { ...env, ...(socket === undefined ? {} : { [SOCKET_VARIABLE]: socket }) };
    // A process group of its own, so that nothing an adapter starts outlives it.
    this.#child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: process.platform !== 'win32',
      // oxlint-disable-next-line node/no-process-env -- what an adapter needs to find its library
      ...(Object.keys(more).length === 0 ? {} : { env: { ...process.env, ...more } }),
    });
    this.#exited = new Promise((resolve) => {
      this.#child.once('error', (error) => {
        this.#ended(`could not be started: ${error.message}`);
        resolve();
      });
      this.#child.once('exit', () => this.#signal('SIGKILL'));
      this.#child.once('close', (code, signal) => {
        const how = code === null ? `was ended by ${signal}` : `ended with exit code ${code}`;
        void this.#drained(how).then(resolve);
      });
    });
    this.#wire.attach(this.#child, {
      data: (chunk) => this.#read(chunk),
      printed: (chunk) => this.#printed(chunk.toString('utf8')),
      left: () => this.#left(),
    });
  }

  /** Whether it can be called. */
  get isAlive(): boolean {
    return this.#exit === undefined && !this.#isKilled;
  }

  /** How it ended without being told to, to follow "the adapter"; undefined when it did not. */
  get endedByItself(): string | undefined {
    return this.#isKilled ? undefined : this.#exit;
  }

  /** The end of what it wrote to stderr. */
  get stderrTail(): string {
    return this.#stderr.trim();
  }

  /** Sends a call and waits for its outcome. After a timeout or a breach of the protocol the process is killed. */
  call(op: string, params: JsonObject, options: CallOptions): Promise<Outcome> {
    if (this.#exit !== undefined) return Promise.resolve({ kind: 'crash', detail: this.#exit });
    const id = this.#nextId++;
    const { deadlineMs, needs, caseId, secrets } = options;
    this.#secrets.learn(keyMaterialIn(params, secrets));
    // What comes late, while it is told to end, is still the doing of the last case.
    this.#lastCase = caseId ?? this.#lastCase;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#settle(id, { kind: 'timeout', detail: `no answer to ${op} within ${deadlineMs} ms` });
        this.kill();
      }, deadlineMs);
      this.#pending.set(id, { op, params, options, resolve, timer });
      const line = JSON.stringify({
        id,
        op,
        params,
        deadlineMs,
        ...(needs === undefined || needs.length === 0 ? {} : { needs }),
        ...(caseId === undefined ? {} : { case: caseId }),
      });
      this.#write(options.encode?.(line) ?? line);
    });
  }

  /** Asks it to end: `bye`, end of input, then SIGTERM, then SIGKILL. */
  async end(): Promise<Ending> {
    const bye = await this.call('bye', {}, { deadlineMs: Math.ceil(ASK_MS * this.#timeoutFactor) });
    const isPolite = bye.kind === 'ok' || bye.kind === 'unsupported';
    return this.endInput(isPolite ? undefined : `answered bye with ${bye.kind}`);
  }

  /** Ends its input, which ends it: exit code 0 within 3 seconds, or it is told so and ended. */
  async endInput(problem?: string): Promise<Ending> {
    this.#wire.end();
    if (!(await this.#endsWithin(ASK_MS))) return this.terminate('did not end when its input did');
    if (problem !== undefined) return { problem };
    return { problem: this.#exit === 'ended with exit code 0' ? undefined : this.#exit };
  }

  /** Ends it with SIGTERM, and when that does not help with SIGKILL. */
  async terminate(problem?: string): Promise<Ending> {
    this.#signal('SIGTERM');
    if (await this.#endsWithin(TERM_MS)) return { problem };
    this.kill();
    await this.#exited;
    return { problem: `${problem === undefined ? '' : `${problem}, and `}did not end on SIGTERM` };
  }

  /** Ends it and everything it started, now. */
  kill(): void {
    this.#isKilled = true;
    this.#signal('SIGKILL');
    this.#wire.destroy();
  }

  /** Resolves when it has ended. */
  get ended(): Promise<void> {
    return this.#exited;
  }

  #write(line: string): void {
    this.#listener.line?.('to', line);
    this.#wire.write(`${line}\n`);
  }

  #read(chunk: Buffer): void {
    // What it says after it was given up is nobody's answer.
    for (const line of this.#splitter.push(chunk)) if (!this.#isKilled) this.#take(line);
    if (this.#splitter.isOver && !this.#isKilled)
      this.#breach(`wrote a line of more than ${LONGEST_LINE} bytes`);
  }

  #take(line: Buffer): void {
    this.#listener.line?.('from', line.toString('latin1'));
    const message = readMessage(line);
    const shown = this.#secrets.shownIn(line.toString('utf8'));
    if (shown !== undefined) {
      this.#leaked(message, shown);
      return;
    }
    switch (message.kind) {
      case 'noise':
        if (message.text.trim() !== '') this.#listener.noise(message.text);
        break;
      case 'broken':
        this.#breach(message.detail);
        break;
      case 'event':
        this.#event(message);
        break;
      case 'answer':
        this.#answer(message.id, message.answer);
        break;
    }
  }

  /** It showed a part of a key. What it said is looked at no more, and goes into no report. */
  #leaked(message: Message, form: string): void {
    const detail = `showed a part of a private key that it was given, as ${form}`;
    const pending = message.kind === 'answer' ? this.#pending.get(message.id) : undefined;
    if (message.kind !== 'answer' || pending === undefined) {
      this.#listener.misconduct(`${detail}, outside of an answer`, this.#lastCase);
      return;
    }
    this.#handles.answered(pending.op, pending.params, message.answer);
    this.#settle(message.id, { kind: 'leak', detail: `${detail}, in its answer to ${pending.op}` });
  }

  #printed(text: string): void {
    const shown = this.#secrets.shownIn(this.#stderr.slice(-OVERLAP) + text);
    if (shown === undefined) {
      this.#stderr = (this.#stderr + text).slice(-STDERR_TAIL);
      return;
    }
    this.#stderr = '(left out: a part of a private key)';
    this.#listener.misconduct(
      `printed a part of a private key that it was given, as ${shown}`,
      this.#lastCase,
    );
  }

  /** Its connection has ended. Mostly the process is about to end, too. */
  #left(): void {
    if (this.#exit !== undefined || this.#isKilled) return;
    const timer = setTimeout(() => {
      this.#ended('closed its connection');
      this.kill();
    }, LEFT_MS * this.#timeoutFactor);
    void this.#exited.then(() => clearTimeout(timer));
  }

  #event(message: AdapterEvent): void {
    const problem = this.#handles.judge(message.event, message.handle);
    if (problem === undefined) this.#listener.event?.(message);
    else this.#breach(problem);
  }

  #answer(id: number, answer: Outcome): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) {
      this.#strayAnswer(id);
      return;
    }
    const problem = this.#handles.answered(pending.op, pending.params, answer);
    if (problem === undefined) this.#settle(id, answer);
    else this.#breach(problem);
  }

  #strayAnswer(id: number): void {
    if (!this.#answered.has(id)) {
      this.#breach(`answered call ${id}, which was never made`);
      return;
    }
    // Not about the call that is open now: what has to be believed less is the answer that came before.
    this.#listener.misconduct(`answered call ${id} twice`, this.#answered.get(id));
  }

  /** Nothing that comes after can be trusted to belong to what was asked. */
  #breach(detail: string): void {
    const open = [...this.#pending.keys()];
    for (const id of open) this.#settle(id, { kind: 'protocol', detail });
    if (open.length === 0) this.#listener.misconduct(detail, undefined);
    this.kill();
  }

  #settle(id: number, outcome: Outcome): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    clearTimeout(pending.timer);
    this.#pending.delete(id);
    this.#answered.set(id, pending.options.caseId);
    pending.resolve(outcome);
  }

  #ended(how: string): void {
    if (this.#exit !== undefined) return;
    const rest = this.#splitter.pending > 0 ? ', in the middle of a line' : '';
    this.#exit = how + rest;
    const tail = this.stderrTail === '' ? '' : `; stderr: ${harmless(this.stderrTail.slice(-300))}`;
    const detail = `${this.#exit} during the call${tail}`;
    for (const id of this.#pending.keys()) this.#settle(id, { kind: 'crash', detail });
  }

  /** It has ended; what it said before may still be on its way. */
  async #drained(how: string): Promise<void> {
    await this.#wire.drained;
    this.#ended(how);
  }

  async #endsWithin(ms: number): Promise<boolean> {
    if (this.#exit !== undefined) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(resolve, ms * this.#timeoutFactor, false);
    void this.#exited.then(() => resolve(true));
    const hasEnded = await promise;
    clearTimeout(timer);
    return hasEnded;
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      if (process.platform === 'win32') this.#child.kill(signal);
      else process.kill(-pid, signal);
    } catch {
      // It has ended already, with everything it started.
    }
  }
}
