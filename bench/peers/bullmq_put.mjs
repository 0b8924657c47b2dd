import { Queue } from "bullmq";
import process from "node:process";
import { play } from "./work.mjs";

const queue = new Queue("tasks", { connection: { path: "redis.sock" } });
await play((kind, value) => queue.add("task", { kind, value }, { removeOnComplete: true }));
await queue.close();
process.exit(0);
