/** What a task of one name is given, as a type that both sides share. @pure */

/** A function's name, and what its tasks are given. */
export interface TaskType<Keys extends object = Record<string, unknown>> {
  /** The function, `ud_spool_func`. */
  readonly name: string;
  /**
   * For the module that runs such tasks: what it exports under this name.
   *
   * @param run gets what the task was given, as it was given
   */
  handler<Context extends JsonContext>(
    run: (keys: Keys, context: Context, body: Uint8Array) => unknown,
  ): (vars: unknown, body: Uint8Array, context: Context) => unknown;
  /** A type alone: never there. */
  readonly keys?: Keys;
}

/** What a handler needs of the context of a run. */
export interface JsonContext {
  readonly json: Readonly<Record<string, unknown>>;
}

/**
 * Names a task and the type of what it is given:
 *
 *     export const sendMail = task<{ to: string }>("send_mail");
 *     await spool.put(sendMail, { to: "ann@example.org" });
 *     export const send_mail = sendMail.handler(async ({ to }) => { … });
 */
export function task<Keys extends object = Record<string, unknown>>(name: string): TaskType<Keys> {
  return {
    name,
    handler: (run) => (_vars, body, context) => run(context.json as Keys, context, body),
  };
}
