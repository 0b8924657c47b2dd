/// <reference path="../../workers/uwsgi.d.ts" />

/** Run by: spooler push --ini edge.ini ud_spool_func=hello name=Ann */
export function hello({ name }: TaskVars): void {
  console.log(`Hello, ${name ?? "whoever you are"}, from the cluster!`);
}
