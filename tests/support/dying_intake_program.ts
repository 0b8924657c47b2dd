/**
 * The program with a thread for tasks that dies: `dying_intake_program.ts INI WHEN`, where WHEN is `create` (there
 * is no thread), `load` (its module is not there) or a number of accepted tasks (dying_intake.ts).
 */

const [, when = ""] = Deno.args;
const RealWorker = Worker;

globalThis.Worker = class extends RealWorker {
  constructor(module: string | URL, options?: WorkerOptions) {
    const isIntake = String(module).endsWith("/intake_worker.ts");
    if (isIntake && when === "create") throw new Error("injected: no thread");
    const dying = when === "load" ? "./injected.ts" : `./dying_intake.ts?after=${when}`;
    super(isIntake ? new URL(dying, import.meta.url).href : module, options);
  }
};

await import("./throwing_program.ts");
