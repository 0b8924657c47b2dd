import { createRequire } from "node:module";
import process from "node:process";
import { play } from "./work.mjs";

// Not an import: the package is there where the file is copied to.
const { Queue } = createRequire(import.meta.url)("bullmq");

const queue = new Queue("tasks", { connection: { path: "redis.sock" } });
await play((kind, value) => queue.add("task", { kind, value }, { removeOnComplete: true }));
await queue.close();
process.exit(0);
