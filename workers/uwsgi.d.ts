/**
 * What task code in TypeScript and JavaScript finds besides the platform: the global `uwsgi`, and the
 * arguments of its functions.
 *
 * Put it beside your modules (`spooler types > uwsgi.d.ts`) and begin them with
 *
 *     /// <reference path="./uwsgi.d.ts" />
 */

/** The keys and values of a task, as text. Whether a task has a key is for its sender to say. */
type TaskVars = Readonly<Record<string, string | undefined>>;

/** What a function learns about its run besides the task. */
interface TaskContext {
  /** The name of the task's file; unique in its spool. */
  readonly name: string;
  /** The function the task names (`ud_spool_func`), or "". */
  readonly func: string;
  /** 1 for the first run, one more after each failure. */
  readonly attempt: number;
  /**
   * Aborted when the task has to end soon: `spooler-harakiri` is over, or the program was asked twice
   * to stop. A second later the worker is killed.
   */
  readonly signal: AbortSignal;
  /**
   * The task's own values as they were given: numbers, lists and objects as what they are, where the
   * sender has put them as JSON (`spooler push --lines`, the client libraries); all else is text.
   */
  readonly json: Readonly<Record<string, unknown>>;
  /** Writes to the log under the task's name, as `console.log` does. */
  log(...data: unknown[]): void;
  /**
   * Says how far the task is: `spooler status` and the dashboard show it. Call it as often as you like: it
   * is passed on at most ten times a second.
   */
  progress(done: number, total?: number, text?: string): void;
}

/**
 * What a function returns: nothing or `SPOOL_OK` is done, `SPOOL_IGNORE` asks the next handler, and
 * anything else means `SPOOL_RETRY`. To throw is to fail: the task is tried again later.
 */
type TaskResult = number | void;

/**
 * A function that runs tasks: one that a module exports. Its name is the task's `ud_spool_func`;
 * `default` takes what no other handler takes.
 */
type TaskFunction = (
  vars: TaskVars,
  body: Uint8Array,
  context: TaskContext,
) => TaskResult | Promise<TaskResult>;

/** A handler of a signal, which a timer raises. Its result means nothing. */
type SignalHandler = (signal: number) => unknown;

/** The value of a key; a number or a boolean becomes its text, a Date its seconds since the epoch. */
type TaskValue = string | number | boolean | bigint | Date | Uint8Array;

/** A task that is to be put into a spool. */
interface NewTask {
  /** The function that is to run it. */
  readonly ud_spool_func?: string;
  /** Not before this time: a Date, or seconds since the epoch. */
  readonly at?: Date | number | string;
  /** 0 or more; lower runs first. */
  readonly priority?: number | string;
  /** The directory of another spool of the program. */
  readonly spooler?: string;
  /** Of any size, while keys and values together have room for 64 KiB. */
  readonly body?: string | Uint8Array;
  readonly [key: string]: TaskValue | undefined;
}

/** Options of the ini: a text, `true` for one without a value, a list for one that comes twice. */
type Options = Readonly<Record<string, string | true | readonly (string | true)[] | undefined>>;

declare const uwsgi: {
  /** The task is done. */
  readonly SPOOL_OK: -2;
  /** Again, after `spooler-frequency`; no failure. */
  readonly SPOOL_RETRY: -1;
  /** Not mine: the next handler is asked. */
  readonly SPOOL_IGNORE: 0;
  /** Thrown by a task that trying again will not help: it goes to failed/ at once. */
  readonly Permanent: new (message?: string, options?: ErrorOptions) => Error;

  /** The options of the ini. */
  readonly opt: Options;
  readonly version: string;
  readonly hostname: string;
  /** The directories of all spools, the worker's own first. */
  readonly spoolers: readonly string[];
  /** The process id of the program. */
  readonly masterpid: number;
  /** `spooler-processes` of the spool. */
  readonly numproc: number;
  /** 1 for the first worker of the spool. */
  readonly workerId: number;

  /**
   * Puts a task into a spool. A task that calls this is not done before the new one is on disk, also
   * when its function does not wait for the promise.
   *
   * @returns the path of the new task's file
   * @throws {Error} when the spool is full, a value is wrong, …
   */
  spool(task: NewTask): Promise<string>;

  /**
   * Sends a task to another program over the uwsgi protocol.
   *
   * @param address `host:port`, or the path of a unix socket
   * @returns whether it was accepted
   * @throws {Error} when nobody answers
   */
  sendMessage(address: string, task: NewTask): Promise<boolean>;

  /** Writes to the log, as `console.log` does. */
  log(...data: unknown[]): void;

  /**
   * Runs `handler` whenever a signal is raised: by `timer = NUMBER SECONDS` in the ini, or by
   * {@link raise}. One worker of the spool runs it.
   *
   * @param signal 0 to 255
   */
  signal(signal: number, handler: SignalHandler): void;
  /** Raises a signal. */
  raise(signal: number): Promise<void>;
  /** Runs `handler` every so many seconds: in one worker of the program, and never two at a time. */
  timer(seconds: number, handler: SignalHandler): void;
  /**
   * Like {@link timer}, so many times after each start of the program; 0 is without end. With 0
   * seconds it runs at once, so many times.
   */
  rbtimer(seconds: number, handler: SignalHandler, iterations?: number): void;
  /**
   * Runs `handler` at these times, in uWSGI's numbers: -1 is every, -5 every fifth. The zone is that
   * of `cron-tz`.
   *
   * @param weekday 0 is Sunday
   */
  cron(
    minute: number,
    hour: number,
    day: number,
    month: number,
    weekday: number,
    handler: SignalHandler,
  ): void;
};
