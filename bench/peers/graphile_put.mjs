import { createRequire } from "node:module";
import process from "node:process";
import { play } from "./work.mjs";

// Not an import: the package is there where the file is copied to.
const { makeWorkerUtils } = createRequire(import.meta.url)("graphile-worker");

const utils = await makeWorkerUtils({ connectionString: process.env.PEERS_DATABASE });
await utils.migrate();
await play((kind, value) => utils.addJob("task", { kind, value }));
await utils.release();
