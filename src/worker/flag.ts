/** What the program is started with to be a task worker; no command of people. @pure */
export const WORKER_FLAG = "--task-worker";
