import { createRequire } from "node:module";
import process from "node:process";
import { work } from "./work.mjs";

// Not an import: the package is there where the file is copied to.
const { run } = createRequire(import.meta.url)("graphile-worker");

await run({
  connectionString: process.env.PEERS_DATABASE,
  concurrency: 1,
  taskList: { task: ({ kind, value }) => work(kind, value) },
});
