import { Worker } from "bullmq";
import { work } from "./work.mjs";

const connection = { path: "redis.sock", maxRetriesPerRequest: null };
new Worker("tasks", ({ data }) => Promise.resolve(work(data.kind, data.value)), { connection });
