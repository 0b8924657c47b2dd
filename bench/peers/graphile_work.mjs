import { run } from "graphile-worker";
import process from "node:process";
import { work } from "./work.mjs";

await run({
  connectionString: process.env.PEERS_DATABASE,
  concurrency: 1,
  taskList: { task: ({ kind, value }) => work(kind, value) },
});
