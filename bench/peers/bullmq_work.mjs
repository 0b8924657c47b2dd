import { createRequire } from "node:module";
import { work } from "./work.mjs";

// Not an import: the package is there where the file is copied to.
const { Worker } = createRequire(import.meta.url)("bullmq");

const connection = { path: "redis.sock", maxRetriesPerRequest: null };
new Worker("tasks", ({ data }) => Promise.resolve(work(data.kind, data.value)), { connection });
