/** The queues that are compared, each as its own documentation sets it up. */

import { quietPort } from "../../tests/support/port.ts";
import { quietly } from "../../src/platform/quietly.ts";
import { join, resolve } from "@std/path";
import { hasUwsgi } from "../programs.ts";
import { type Place, type Program, runIn } from "./programs.ts";

export interface Peer {
  readonly name: string;
  /** Whether this machine has what it needs. */
  isHere(): boolean;
  prepare?(place: Place): Promise<void>;
  /** What runs while tasks are only put. */
  readonly stores: readonly Program[];
  /** What runs while they are worked through, by one worker. */
  readonly works: readonly Program[];
  /** Puts tasks one by one, with the arguments of `play` in work.py. */
  readonly put: readonly string[];
}

const here = new URL(".", import.meta.url).pathname;
const PYTHON = "/usr/bin/python3";
const POSTGRES = quietly(() =>
  [...Deno.readDirSync("/usr/lib/postgresql")].map(({ name }) => `/usr/lib/postgresql/${name}/bin`)
)?.[0];

const works = (file: string, ...args: string[]) =>
  quietly(() =>
    new Deno.Command(file, { args, stdout: "null", stderr: "null" }).outputSync().success
  ) ?? false;
const imports = (...modules: string[]) => works(PYTHON, "-c", `import ${modules.join(", ")}`);
/** npm packages are taken from the directory that PEERS_NODE_MODULES names. */
const nodeModules = Deno.env.get("PEERS_NODE_MODULES");
const hasNode = (name: string) =>
  nodeModules !== undefined && quietly(() => Deno.statSync(join(nodeModules, name))) !== undefined;

async function answers(options: Deno.ConnectOptions | Deno.UnixConnectOptions): Promise<boolean> {
  try {
    const connection = "path" in options
      ? await Deno.connect(options)
      : await Deno.connect(options);
    connection.close();
    return true;
  } catch {
    return false;
  }
}

const onSocket = (name: string) => (dir: string) =>
  answers({ transport: "unix", path: join(dir, name) });

function redis(...settings: string[]): Program {
  return {
    command: ["redis-server", "--port", "0", "--unixsocket", "redis.sock", ...settings],
    isReady: onSocket("redis.sock"),
  };
}

/** What Debian's redis.conf has; and each write synced before its answer. */
const REDIS = {
  "as Debian sets it": () => redis(),
  "appendfsync always": () => redis("--appendonly", "yes", "--appendfsync", "always"),
};

/** Writes the files of this directory that it names, and what else it is given. */
async function copy({ dir }: Place, ...names: string[]): Promise<void> {
  for (const name of names) await Deno.copyFile(join(here, name), join(dir, name));
}

function ours(name: string, ...lines: string[]): Peer {
  const named = Deno.env.get("SPOOLER_EXECUTABLE");
  const executable = named === undefined ? "spooler" : resolve(named);
  const start = (ini: string) => ({
    command: [executable, "--ini", ini],
    isReady: onSocket("spool.sock"),
  });
  const ini = ["[uwsgi]", "socket = spool.sock", "spooler = spool", "pythonpath = .", ...lines];
  const site = [...ini, "spooler-import = uwsgi_tasks.py", `python = ${PYTHON}`];
  return {
    name,
    isHere: () => works(executable, "--version") && works(PYTHON, "--version"),
    async prepare(place) {
      await copy(place, "work.py", "uwsgi_client.py", "uwsgi_tasks.py");
      await Deno.mkdir(join(place.dir, "spool"));
      await Deno.writeTextFile(join(place.dir, "store.ini"), `${ini.join("\n")}\n`);
      await Deno.writeTextFile(join(place.dir, "site.ini"), `${site.join("\n")}\n`);
    },
    stores: [start("store.ini")],
    works: [start("site.ini")],
    put: ["env", "PEERS_KEEP=1", PYTHON, "uwsgi_client.py"],
  };
}

function uwsgi(): Peer {
  const command = [
    "uwsgi",
    "--plugin",
    "python3,spooler",
    "--master",
    "--no-orphans",
    "--spooler-quiet",
  ];
  const spool = ["--socket", "spool.sock", "--spooler", "spool", "--spooler-frequency", "1"];
  const isReady = onSocket("spool.sock");
  return {
    name: "uWSGI's spooler",
    isHere: hasUwsgi,
    async prepare(place) {
      await copy(place, "work.py", "uwsgi_client.py", "uwsgi_tasks.py");
      await Deno.mkdir(join(place.dir, "spool"));
    },
    stores: [{ command: [...command, ...spool], isReady }],
    works: [{
      command: [...command, ...spool, "--pythonpath", ".", "--import", "uwsgi_tasks"],
      isReady,
    }],
    put: [PYTHON, "uwsgi_client.py"],
  };
}

/** One process, no pool. */
function celery(variant: keyof typeof REDIS): Peer {
  const broker = REDIS[variant]();
  const worker = [PYTHON, "-m", "celery", "-A", "celery_app", "worker", "--pool", "solo"];
  return {
    name: `Celery, Redis ${variant}`,
    isHere: () => works("redis-server", "--version") && imports("celery", "redis"),
    prepare: (place) => copy(place, "work.py", "celery_app.py", "celery_put.py"),
    stores: [broker],
    works: [broker, { command: [...worker, "--without-gossip", "--without-mingle"] }],
    put: [PYTHON, "celery_put.py"],
  };
}

function rq(variant: keyof typeof REDIS): Peer {
  const broker = REDIS[variant]();
  return {
    name: `RQ, Redis ${variant}`,
    isHere: () => works("redis-server", "--version") && imports("rq"),
    prepare: (place) => copy(place, "work.py", "rq_put.py"),
    stores: [broker],
    works: [broker, {
      command: [
        "sh",
        "-c",
        "exec rq worker --quiet --worker-class rq.SimpleWorker --url unix://$PEERS_DIR/redis.sock",
      ],
    }],
    put: [PYTHON, "rq_put.py"],
  };
}

function bullmq(variant: keyof typeof REDIS): Peer {
  const broker = REDIS[variant]();
  return {
    name: `BullMQ, Redis ${variant}`,
    isHere: () => works("redis-server", "--version") && hasNode("bullmq"),
    async prepare(place) {
      await copy(place, "work.mjs", "bullmq_put.mjs", "bullmq_work.mjs");
      await Deno.symlink(nodeModules ?? "", join(place.dir, "node_modules"));
    },
    stores: [broker],
    works: [broker, { command: ["node", "bullmq_work.mjs"] }],
    put: ["node", "bullmq_put.mjs"],
  };
}

function beanstalkd(): Peer {
  const port = String(quietPort());
  const broker: Program = {
    command: ["beanstalkd", "-l", "127.0.0.1", "-p", port, "-b", ".", "-f", "0"],
    isReady: () => answers({ hostname: "127.0.0.1", port: Number(port) }),
  };
  return {
    name: "beanstalkd -f 0",
    isHere: () => works("beanstalkd", "-v") && works(PYTHON, "--version"),
    prepare: (place) => copy(place, "work.py", "beanstalk.py"),
    stores: [broker],
    works: [broker, { command: [PYTHON, "beanstalk.py", port, "work"] }],
    put: [PYTHON, "beanstalk.py", port],
  };
}

/** PostgreSQL does not run as root. */
function graphile(): Peer {
  const asPostgres = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"];
  const settings = ["-D", "data", "-k", ".", "-c", "listen_addresses="];
  const broker: Program = {
    command: [...asPostgres, `${POSTGRES}/postgres`, ...settings],
    isReady: (dir) => works(`${POSTGRES}/pg_isready`, "--quiet", "--host", join(dir, "data")),
  };
  return {
    name: "graphile-worker, PostgreSQL",
    isHere: () => POSTGRES !== undefined && Deno.uid() === 0 && hasNode("graphile-worker"),
    async prepare(place) {
      await copy(place, "work.mjs", "graphile_put.mjs", "graphile_work.mjs");
      await Deno.symlink(nodeModules ?? "", join(place.dir, "node_modules"));
      await Deno.mkdir(join(place.dir, "data"));
      await runIn(place, ["chown", "postgres", ".", "data"]);
      await runIn(place, [...asPostgres, `${POSTGRES}/initdb`, "-D", "data", "-A", "trust"]);
    },
    stores: [broker],
    works: [broker, { command: ["node", "graphile_work.mjs"] }],
    put: ["node", "graphile_put.mjs"],
  };
}

export const PEERS: readonly Peer[] = [
  ours("spooler"),
  ours("spooler, spooler-fsync = false", "spooler-fsync = false"),
  uwsgi(),
  celery("as Debian sets it"),
  celery("appendfsync always"),
  rq("as Debian sets it"),
  rq("appendfsync always"),
  bullmq("as Debian sets it"),
  bullmq("appendfsync always"),
  graphile(),
  beanstalkd(),
];
