import { EXIT, KitFailure } from '../exit-code.ts';
import { type JsonObject } from '../json.ts';
import { harmless } from '../terminal-text.ts';
import {
  type AdapterCommand,
  type AdapterListener,
  AdapterProcess,
  type CallOptions,
} from './adapter-process.ts';
import { type Hello, PROTOCOLS, readHello } from './capabilities.ts';
import { type KeyMaterial } from './key-material.ts';
import { type Outcome } from './outcome.ts';
import { Secrets } from './secrets.ts';
import { makeWay, SOCKET_VARIABLE } from './wire.ts';

/** How long an adapter may take to say hello, in milliseconds: virtual machines are slow to start. */
export const HELLO_MS = 5000;
const MOST_FAILED_STARTS = 3;

/** How a host treats its adapter. */
export interface AdapterHostOptions {
  /** What every deadline is multiplied with, on slow machines. */
  readonly timeoutFactor: number;
  readonly listener: AdapterListener;
  /** The Unix socket that adapters are reached by. Default: their standard streams. */
  readonly socket?: string | undefined;
}

/** What somebody wants to hear for a while. */
export type AdapterObserver = Pick<AdapterListener, 'event' | 'line'>;

/** Keeps one adapter running: starts it when it is needed, and anew after it died. */
export class AdapterHost {
  readonly #command: AdapterCommand;
  readonly #options: AdapterHostOptions;
  readonly #listener: AdapterListener;
  readonly #secrets = new Secrets();
  #observer: AdapterObserver | undefined;
  #env: Readonly<Record<string, string | undefined>> | undefined;
  #current: AdapterProcess | undefined;
  #failedStarts = 0;
  #hello: Hello | undefined;
  #isGivenUp = false;
  #hasWay = false;

  constructor(command: AdapterCommand, options: AdapterHostOptions) {
    this.#command = command;
    this.#options = options;
    this.#listener = {
      ...options.listener,
      event: (event) => {
        options.listener.event?.(event);
        this.#observer?.event?.(event);
      },
      line: (direction, line) => {
        options.listener.line?.(direction, line);
        this.#observer?.line?.(direction, line);
      },
    };
  }

  /** What every deadline is multiplied with. */
  get timeoutFactor(): number {
    return this.#options.timeoutFactor;
  }

  /** Takes in keys that the adapter is given in another way than by calls: it must not show them either. */
  guard(material: readonly KeyMaterial[]): void {
    this.#secrets.learn(material);
  }

  /** Lets one hear events and lines, in place of whoever heard them before. */
  observe(observer: AdapterObserver | undefined): void {
    this.#observer = observer;
  }

  /** Ends the adapter; when it is needed again it has these variables of the environment beside those of this process. */
  async restart(env: Readonly<Record<string, string | undefined>> | undefined): Promise<string | undefined> {
    const problem = await this.end();
    this.#env = env;
    return problem;
  }

  /**
   * What the adapter says of itself. Starts it when it does not run.
   *
   * @throws {@link KitFailure} when it cannot be started.
   */
  async hello(): Promise<Hello> {
    await this.#process();
    if (this.#hello === undefined) throw new KitFailure(EXIT.kit, 'a started adapter has said hello');
    return this.#hello;
  }

  /**
   * Makes one call. The adapter is running again for the next one, whatever this one did to it.
   *
   * @throws {@link KitFailure} when it cannot be started.
   */
  async call(op: string, params: JsonObject, options: CallOptions): Promise<Outcome> {
    const adapter = await this.#process();
    return adapter.call(op, params, {
      ...options,
      deadlineMs: Math.ceil(options.deadlineMs * this.#options.timeoutFactor),
    });
  }

  /** The end of what the adapter wrote to stderr since it was started last. */
  get stderrTail(): string {
    return this.#current?.stderrTail ?? '';
  }

  /** Ends the adapter, and says what was wrong with how it ended. */
  async end(): Promise<string | undefined> {
    const adapter = this.#current;
    this.#current = undefined;
    if (adapter === undefined) return undefined;
    if (!adapter.isAlive) {
      await adapter.ended;
      return adapter.endedByItself;
    }
    return (await adapter.end()).problem;
  }

  /** Ends the adapter without a word, when the run is given up. */
  kill(): void {
    this.#isGivenUp = true;
    this.#current?.kill();
    this.#current = undefined;
  }

  async #process(): Promise<AdapterProcess> {
    if (this.#current?.isAlive === true) return this.#current;
    await this.#current?.ended;
    this.#requireWanted();
    const { socket } = this.#options;
    if (socket !== undefined && !this.#hasWay) await makeWay(socket);
    this.#hasWay = true;
    let problem = '';
    while (this.#failedStarts < MOST_FAILED_STARTS) {
      const adapter = new AdapterProcess(this.#command, {
        listener: this.#listener,
        timeoutFactor: this.#options.timeoutFactor,
        env: this.#env,
        socket,
        secrets: this.#secrets,
      });
      this.#current = adapter;
      const hello = await this.#greet(adapter);
      if (typeof hello !== 'string') {
        this.#failedStarts = 0;
        this.#hello = hello;
        return adapter;
      }
      problem = hello;
      adapter.kill();
      await adapter.ended;
      this.#failedStarts++;
      this.#requireWanted();
    }
    throw new KitFailure(EXIT.adapter, `the adapter could not be started: ${problem}`);
  }

  #requireWanted(): void {
    if (this.#isGivenUp) throw new KitFailure(EXIT.interrupted, 'interrupted');
  }

  /** What it says, or why it cannot be used. */
  async #greet(adapter: AdapterProcess): Promise<Hello | string> {
    const deadlineMs = Math.ceil(HELLO_MS * this.#options.timeoutFactor);
    const outcome = await adapter.call('hello', { protocol: PROTOCOLS }, { deadlineMs });
    switch (outcome.kind) {
      case 'ok':
        break;
      case 'reject':
      case 'unsupported':
        throw noCommonProtocol(
          outcome.kind === 'reject' ? (outcome.message ?? outcome.code) : outcome.reason,
        );
      case 'fault':
        return `it answered hello with a fault: ${harmless(outcome.message)}`;
      case 'timeout':
        return `it gave ${outcome.detail}; does it ${this.#options.socket === undefined ? 'flush its output after each line' : `connect to ${SOCKET_VARIABLE}`}?`;
      case 'crash':
        return `it ${outcome.detail}`;
      case 'protocol':
      case 'leak':
        return `it ${outcome.detail}`;
    }
    const hello = readHello(outcome.value);
    if (typeof hello === 'string') return `its hello ${hello}`;
    if (PROTOCOLS.includes(hello.protocol)) return hello;
    const older =
      hello.protocol < Math.min(...PROTOCOLS) ? 'the adapter is the older one' : 'this kit is the older one';
    throw noCommonProtocol(`it speaks protocol ${hello.protocol}, and ${older}`);
  }
}

function noCommonProtocol(why: string): KitFailure {
  return new KitFailure(
    EXIT.adapter,
    `the adapter has no protocol in common with this kit, which speaks ${PROTOCOLS.join(', ')}: ${harmless(why)}`,
  );
}
