import { main } from "./src/cli/main.ts";
import { exitProcess } from "./src/platform/exit.ts";

exitProcess(await main(Deno.args));
