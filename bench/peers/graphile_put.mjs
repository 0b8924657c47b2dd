import { makeWorkerUtils } from "graphile-worker";
import process from "node:process";
import { play } from "./work.mjs";

const utils = await makeWorkerUtils({ connectionString: process.env.PEERS_DATABASE });
await utils.migrate();
await play((kind, value) => utils.addJob("task", { kind, value }));
await utils.release();
